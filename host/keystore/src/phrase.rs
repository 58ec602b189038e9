//! The recovery phrase: 24 words (BIP-39, English) that every key of a host or renter comes from.
//!
//! seed = BIP-39 seed of the words with an empty passphrase (64 bytes). The key of a role =
//! HKDF-SHA256(salt "holdfast.keystore.1", seed, info = the role's word || counter byte), 32
//! bytes; the counter starts at 0 and rises in the case, never yet seen, that the bytes are no
//! secp256k1 scalar.

use std::fmt;

use bip39::{Language, Mnemonic};
use host_core::identity::SecretKey;
use host_core::seams::Entropy;
use ring::hkdf;
use zeroize::Zeroizing;

use crate::error::Error;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Peer id, receipts, proofs, announcements.
    Identity,
    /// The renter's account: agreements, cheques.
    Issuer,
    /// Where money goes.
    Payout,
}

impl Role {
    const fn word(self) -> &'static [u8] {
        match self {
            Self::Identity => b"identity",
            Self::Issuer => b"issuer",
            Self::Payout => b"payout",
        }
    }
}

/// Bytes of entropy behind 24 words.
const ENTROPY_LEN: usize = 32;
const SALT: &[u8] = b"holdfast.keystore.1";

/// Twenty-four words.
#[derive(Clone, PartialEq, Eq)]
pub struct Phrase(Mnemonic);

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(..)")
    }
}

/// A 32-byte output of the derivation.
struct Len32;

impl hkdf::KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

impl Phrase {
    /// Draws a new phrase.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; ENTROPY_LEN]);
        entropy.fill(bytes.as_mut_slice());
        Self::of_entropy(&bytes)
    }

    /// The phrase of 32 bytes of entropy, as `entropy` gave them.
    #[must_use]
    pub fn of_entropy(entropy: &[u8; ENTROPY_LEN]) -> Self {
        let words = Mnemonic::from_entropy_in(Language::English, entropy);
        Self(words.expect("32 bytes make 24 words"))
    }

    /// The 32 bytes the words stand for: what a renter's key file seals.
    #[must_use]
    pub fn entropy(&self) -> Zeroizing<[u8; ENTROPY_LEN]> {
        let mut bytes = Zeroizing::new([0; ENTROPY_LEN]);
        let words = Zeroizing::new(self.0.to_entropy());
        bytes.copy_from_slice(&words);
        bytes
    }

    /// Reads a phrase as a person typed it; case and spacing do not matter.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let tidy = Zeroizing::new(
            text.split_whitespace()
                .map(str::to_lowercase)
                .collect::<Vec<_>>()
                .join(" "),
        );
        let words =
            Mnemonic::parse_in(Language::English, tidy.as_str()).map_err(|why| Error::Phrase {
                why: why.to_string(),
            })?;
        if words.word_count() != 24 {
            return Err(Error::Phrase {
                why: format!("{} words, not 24", words.word_count()),
            });
        }
        Ok(Self(words))
    }

    /// The words, to be shown once.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.words().collect::<Vec<_>>().join(" "))
    }

    /// The signing key of a role.
    #[must_use]
    pub fn key(&self, role: Role) -> SecretKey {
        (0..=u8::MAX)
            .find_map(|counter| SecretKey::from_bytes(&self.derive(role.word(), counter)).ok())
            .expect("256 draws hold a scalar: each fails with probability 2^-128")
    }

    /// The symmetric key that seals a renter's secrets and records.
    #[must_use]
    pub fn seal_key(&self) -> Zeroizing<[u8; 32]> {
        self.derive(b"seal", 0)
    }

    fn derive(&self, word: &[u8], counter: u8) -> Zeroizing<[u8; 32]> {
        let seed = Zeroizing::new(self.0.to_seed_normalized(""));
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT);
        let mut key = Zeroizing::new([0; 32]);
        salt.extract(seed.as_slice())
            .expand(&[word, &[counter]], Len32)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .expect("32 bytes are within the bound of HKDF-SHA256");
        key
    }
}

#[cfg(test)]
mod tests;
