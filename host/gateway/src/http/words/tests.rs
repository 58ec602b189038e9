//! Paths, ranges, types.

use super::*;

#[test]
fn a_range_is_cut_to_the_file_or_refused() {
    assert_eq!(range_of("bytes=0-0", 10), Some(0..1));
    assert_eq!(range_of("bytes=5-", 10), Some(5..10));
    assert_eq!(range_of("bytes=5-99", 10), Some(5..10));
    assert_eq!(range_of("bytes=-3", 10), Some(7..10));
    assert_eq!(range_of("bytes=-99", 10), Some(0..10));
    for wrong in [
        "bytes=10-",
        "bytes=6-5",
        "bytes=-0",
        "lines=0-1",
        "bytes=a-b",
        "bytes=0-1,3-4",
    ] {
        assert_eq!(range_of(wrong, 10), None, "{wrong}");
    }
    assert_eq!(range_of("bytes=-1", 0), None);
    let most = format!("bytes=0-{}", u64::MAX);
    assert_eq!(range_of(&most, 10), None);
}

#[test]
fn escapes_come_and_go() {
    assert_eq!(decode("/r/a%20b/%C3%BC%2"), "/r/a b/ü%2");
    assert_eq!(decode(&encode("/r/a b/ü?")), "/r/a b/ü?");
}
