//! What patterns mean.

use super::matches;

#[test]
fn one_star_stays_in_its_folder_and_two_do_not() {
    assert!(matches("usr/lib/*.so*", "usr/lib/libc.so.6"));
    assert!(!matches("usr/lib/*.so*", "usr/lib/deep/libc.so.6"));
    assert!(matches("usr/lib/**.so*", "usr/lib/deep/libc.so.6"));
    assert!(matches("usr/*.wants/a", "usr/b.wants/a"));
    assert!(!matches("usr/a", "usr/ab"));
    assert!(matches("usr/a*", "usr/a"));
}
