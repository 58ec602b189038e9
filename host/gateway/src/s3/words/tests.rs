//! Words of S3 and of the catalogue, each as the other's.

use super::*;

#[test]
fn a_moment_keeps_its_second() {
    assert_eq!(millis(&moment(1_700_000_000_123)), 1_700_000_000_000);
    assert_eq!(millis(&moment(0)), 0);
}

#[test]
fn tags_of_a_header_are_decoded() {
    let found = header_tags(Some("a=1&team+one=x%2Fy&empty")).expect("fits");
    let said: Vec<(&str, &str)> = found
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(said, [("a", "1"), ("empty", ""), ("team one", "x/y")]);
    assert!(header_tags(Some("a=1&a=2")).is_err());
    let many: Vec<String> = (0..11).map(|at| format!("t{at}=1")).collect();
    assert!(header_tags(Some(&many.join("&"))).is_err());
}

#[test]
fn a_cut_escape_stays_as_it_is() {
    assert_eq!(decode("a%2"), "a%2");
    assert_eq!(decode("%zz%41"), "%zzA");
}

#[test]
fn keys_have_bounds() {
    assert!(check_key("a/../b").is_ok());
    assert!(check_key(&"k".repeat(1025)).is_err());
    assert!(check_key("a\0b").is_err());
    assert!(check_key("").is_err());
}
