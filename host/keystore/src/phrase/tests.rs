//! Phrases: derivation and refusals.

use host_core::seams::Entropy;

use super::{Phrase, Role};

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Goal: the same words always give the same keys, each role its own. Method: fixed entropy,
/// typed back with other case and spacing.
#[test]
fn the_same_words_give_the_same_keys() {
    let drawn = Phrase::draw(&Fixed);
    let words = drawn.expose();
    assert_eq!(words.split(' ').count(), 24);
    let typed = Phrase::parse(&format!("  {}\n", words.to_uppercase())).expect("same words");
    for role in [Role::Identity, Role::Issuer, Role::Payout] {
        assert_eq!(typed.key(role).address(), drawn.key(role).address());
    }
    assert_ne!(
        drawn.key(Role::Identity).address(),
        drawn.key(Role::Issuer).address()
    );
    assert_eq!(*typed.seal_key(), *drawn.seal_key());
    assert!(Phrase::of_entropy(&drawn.entropy()) == drawn);
}

#[test]
fn a_wrong_phrase_is_refused() {
    assert!(Phrase::parse("abandon abandon").is_err());
    let words = Phrase::draw(&Fixed).expose();
    let swapped = words.replacen(words.split(' ').next().expect("a word"), "zoo", 1);
    assert!(Phrase::parse(&swapped).is_err());
    let short = "abandon ".repeat(11) + "about";
    assert!(
        Phrase::parse(&short)
            .expect_err("12 words")
            .to_string()
            .contains("12")
    );
}

#[test]
fn a_phrase_never_prints_itself() {
    assert_eq!(format!("{:?}", Phrase::draw(&Fixed)), "Phrase(..)");
}
