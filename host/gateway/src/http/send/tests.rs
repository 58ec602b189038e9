//! Which tags a condition names.

use super::names;

#[test]
fn a_tag_is_found_in_a_list_weak_or_strong() {
    assert!(names("\"a\"", "\"a\""));
    assert!(names("\"b\", W/\"a\"", "\"a\""));
    assert!(names("*", "\"a\""));
    assert!(!names("\"b\"", "\"a\""));
    assert!(!names("a", "\"a\""));
}
