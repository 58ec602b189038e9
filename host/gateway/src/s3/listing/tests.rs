//! Folding and bounds of listings.

use super::*;

#[test]
fn a_key_folds_at_the_first_delimiter_behind_the_prefix() {
    assert_eq!(fold("a/b/c", "", Some("/")), Some("a/"));
    assert_eq!(fold("a/b/c", "a/", Some("/")), Some("a/b/"));
    assert_eq!(fold("a/b", "a/", Some("/")), None);
    assert_eq!(fold("a/b", "", None), None);
    assert_eq!(fold("a/b", "", Some("")), None);
}

#[test]
fn a_listing_has_a_bound() {
    assert_eq!(most(None).expect("fits"), KEYS_MAX);
    assert_eq!(most(Some(5000)).expect("fits"), KEYS_MAX);
    assert_eq!(most(Some(0)).expect("fits"), 0);
    assert!(most(Some(-1)).is_err());
}
