//! What a use says of its row.

use super::*;

#[test]
fn a_use_names_its_bucket_and_key() {
    let row = rows::older("photos", "a/b", Some(77));
    let named = parts_of(&row).expect("reads");
    assert_eq!(named, ("photos".to_owned(), "a/b".to_owned()));
    assert!(parts_of(b"v").is_none());
    assert!(parts_of(b"").is_none());
}
