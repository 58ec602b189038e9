//! Key files: wrong passphrase, changed bytes, cost bounds.

use host_core::identity::SecretKey;
use host_core::seams::Entropy;

use super::SealedKey;
use crate::error::Error;

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(9);
    }
}

fn key() -> SecretKey {
    SecretKey::from_bytes(&[3; 32]).expect("a scalar")
}

fn sealed() -> SealedKey {
    SealedKey::seal_with(&[3; 32], b"words", &Fixed, 64, 1).expect("sealed")
}

#[test]
fn the_right_passphrase_opens_and_a_wrong_one_does_not() {
    let file = SealedKey::from_bytes(&sealed().to_bytes()).expect("reads");
    assert!(!file.is_plain());
    assert_eq!(
        file.open(b"words").expect("opens").address(),
        key().address()
    );
    assert_eq!(file.open(b"Words").err(), Some(Error::Passphrase));
}

/// Goal: no byte of a sealed file can change unnoticed. Method: flip each one in turn, cost bytes
/// aside (they change the derivation and are covered by the same tag).
#[test]
fn a_changed_file_never_opens() {
    let bytes = sealed().to_bytes();
    for at in (0..bytes.len()).filter(|at| !(10..18).contains(at)) {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        let opened = SealedKey::from_bytes(&changed).and_then(|file| file.open(b"words"));
        assert!(opened.is_err(), "byte {at}");
    }
    assert!(SealedKey::from_bytes(&bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn a_file_that_asks_for_too_much_is_refused() {
    let mut bytes = sealed().to_bytes().to_vec();
    bytes[10..14].copy_from_slice(&u32::MAX.to_be_bytes());
    let file = SealedKey::from_bytes(&bytes).expect("form holds");
    assert!(matches!(file.open(b"words"), Err(Error::Cost { .. })));
}

#[test]
fn a_plain_file_says_so_and_an_empty_passphrase_seals_nothing() {
    let file = SealedKey::plain(&key());
    assert!(file.is_plain());
    assert_eq!(file.open(b"").expect("opens").address(), key().address());
    assert_eq!(
        SealedKey::seal(&key(), b"", &Fixed).err(),
        Some(Error::Empty)
    );
    assert_eq!(format!("{file:?}"), "SealedKey { plain: true }");
}

#[test]
fn drawn_words_seal_cheaply_and_a_persons_words_are_refused() {
    let words = [b'a'; 64];
    let sealed = SealedKey::seal_drawn(&key(), &words, &Fixed).expect("sealed");
    let file = SealedKey::from_bytes(&sealed.to_bytes()).expect("reads");
    assert_eq!(file.open(&words).expect("opens").address(), key().address());
    assert_eq!(file.open(&[b'b'; 64]).err(), Some(Error::Passphrase));
    for words in [&b"correct horse"[..], &[b'g'; 64], &[b'a'; 63], &[]] {
        let refused = SealedKey::seal_drawn(&key(), words, &Fixed).err();
        assert_eq!(refused, Some(Error::Drawn));
    }
}
