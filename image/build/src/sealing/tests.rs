//! Secrets come back under their passphrase and under no other.

use super::{HEAD, Secret, open, seal};

#[test]
fn a_secret_of_any_length_comes_back_under_its_passphrase_alone() {
    for len in [32, 33, 1200] {
        let secret = Secret::of((0..len).map(|at| (at % 251) as u8).collect());
        let file = seal(&secret, b"correct").expect("it seals");
        assert!(!file.windows(16).any(|some| some == &secret.bytes()[..16]));
        let back = open(&file, b"correct").expect("it opens");
        assert_eq!(back.bytes(), secret.bytes());
        assert!(open(&file, b"wrong").is_err());
        assert!(open(&file[..file.len() - 1], b"correct").is_err());
    }
}

#[test]
fn an_empty_passphrase_seals_nothing() {
    assert!(seal(&Secret::of(vec![1; 32]), b"").is_err());
}

#[test]
fn a_short_secret_is_a_key_file_of_the_keystore() {
    let file = seal(&Secret::of(vec![7; 32]), b"word").expect("it seals");
    assert_eq!(file.len(), HEAD);
}
