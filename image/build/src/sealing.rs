//! Secrets of release keys: in memory, and sealed under a passphrase. A secret of 32 bytes is a key
//! file of the keystore; a longer one follows such a file, under the 32 bytes that it holds.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use host_core::seams::Entropy;
use host_keystore::SealedKey;

use crate::error::Error;

/// Bytes of a sealed key file of the keystore.
const HEAD: usize = 94;
const WORD: usize = 32;

/// Secret bytes; they are not shown.
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The system's own randomness.
struct System;

impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the kernel gives randomness once it has started");
    }
}

/// A secret's file.
///
/// # Errors
/// `Sealed` when the passphrase is empty.
pub(crate) fn seal(secret: &Secret, passphrase: &[u8]) -> Result<Vec<u8>, Error> {
    if let Ok(word) = <&[u8; WORD]>::try_from(secret.bytes()) {
        return Ok(SealedKey::seal_bytes(word, passphrase, &System)?
            .to_bytes()
            .to_vec());
    }
    let mut word = [0; WORD];
    System.fill(&mut word);
    let head = SealedKey::seal_bytes(&word, passphrase, &System)?.to_bytes();
    let mut body = secret.bytes().to_vec();
    cipher(&word)?
        .seal_in_place_append_tag(nonce(), Aad::from(&**head), &mut body)
        .map_err(Error::signing)?;
    Ok([&**head, &body].concat())
}

/// The secret of a file.
///
/// # Errors
/// `Sealed` when it is no such file or the passphrase is another.
pub(crate) fn open(file: &[u8], passphrase: &[u8]) -> Result<Secret, Error> {
    let (head, body) = file.split_at(file.len().min(HEAD));
    let word = SealedKey::from_bytes(head)?.open_bytes(passphrase)?;
    if body.is_empty() {
        return Ok(Secret::of(word.to_vec()));
    }
    let mut body = body.to_vec();
    let plain = cipher(&word)?
        .open_in_place(nonce(), Aad::from(head), &mut body)
        .map_err(Error::signing)?;
    Ok(Secret::of(plain.to_vec()))
}

fn cipher(word: &[u8; WORD]) -> Result<LessSafeKey, Error> {
    let key = UnboundKey::new(&AES_256_GCM, word).map_err(Error::signing)?;
    Ok(LessSafeKey::new(key))
}

/// The key under it seals this one text and nothing else.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests;
