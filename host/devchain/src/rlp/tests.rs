//! RLP facts: the examples of the yellow paper, and what a stranger may try.
use super::*;

#[test]
fn short_and_long_strings_and_lists_are_read() {
    let long = vec![7_u8; 60];
    let mut payload = text(b"dog");
    payload.extend(text(&long));
    payload.extend(number(U256::from(1024)));
    payload.extend(list(&text(b"in")));
    let bytes = list(&payload);
    let mut items = Items::of_list(&bytes).unwrap();
    assert_eq!(items.text().unwrap(), b"dog");
    assert_eq!(items.text().unwrap(), &long[..]);
    assert_eq!(items.number_u64().unwrap(), 1024);
    assert_eq!(items.list().unwrap().text().unwrap(), b"in");
    items.end().unwrap();
}

#[test]
fn zero_is_the_empty_string() {
    assert_eq!(number(U256::ZERO), vec![0x80]);
    let bytes = list(&[0x80]);
    assert_eq!(Items::of_list(&bytes).unwrap().number_u64().unwrap(), 0);
}

#[test]
fn longer_forms_than_needed_are_refused() {
    for bytes in [&[0xc2, 0x81, 0x05][..], &[0xc3, 0xb8, 0x01, 0x80]] {
        let mut items = Items::of_list(bytes).unwrap();
        assert_eq!(items.item(), Err(Unreadable::NotShortest));
    }
    let mut items = Items::of_list(&[0xc1, 0x00]).unwrap();
    assert_eq!(items.number(), Err(Unreadable::LeadingZero));
}

#[test]
fn lengths_beyond_the_end_are_refused() {
    for bytes in [
        &[][..],
        &[0xc5, 1],
        &[0xf9, 1],
        &[0xff; 9],
        &[0xbf, 255, 255, 255],
    ] {
        assert!(Items::of_list(bytes).is_err(), "{bytes:?}");
    }
    assert_eq!(
        Items::of_list(&[0xc0, 0]).unwrap_err(),
        Unreadable::TrailingBytes
    );
    assert_eq!(
        Items::of_list(&[0x83, 1, 2, 3]).unwrap_err(),
        Unreadable::NotAList
    );
}
