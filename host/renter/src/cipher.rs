//! The object cipher: AES-256-GCM over chunks of 64 KiB, each bound to its place and to being the
//! last or not, so that no chunk can be moved, dropped or appended unnoticed.
//!
//! Ciphertext = chunks back to back, each its plaintext followed by a 16-byte tag. Nonce of chunk
//! i: 7 bytes of the object's prefix, u32 big-endian i, one byte 1 for the last chunk, else 0.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::error::Error;

/// Plaintext bytes of a chunk.
pub(crate) const CHUNK: usize = 64 * 1024;
/// Bytes a chunk grows by.
pub(crate) const TAG: usize = 16;

/// A key with its nonce prefix.
pub(crate) struct Cipher {
    key: LessSafeKey,
    prefix: [u8; 7],
}

impl Cipher {
    pub(crate) fn new(key: &[u8; 32], prefix: [u8; 7]) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes");
        Self {
            key: LessSafeKey::new(unbound),
            prefix,
        }
    }

    fn nonce(&self, index: u32, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(&self.prefix);
        nonce[7..11].copy_from_slice(&index.to_be_bytes());
        nonce[11] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Seals the chunk that stands in `out` from `start` on, where it stands.
    pub(crate) fn seal(&self, index: u32, last: bool, out: &mut Vec<u8>, start: usize) {
        let body = out.get_mut(start..).unwrap_or_default();
        let tag = self
            .key
            .seal_in_place_separate_tag(
                self.nonce(index, last),
                Aad::from(b"holdfast.chunk.1"),
                body,
            )
            .expect("a chunk is within the bound of AES-GCM");
        out.extend_from_slice(tag.as_ref());
    }

    /// Opens a sealed chunk in place; returns the plaintext.
    pub(crate) fn open<'a>(
        &self,
        index: u32,
        last: bool,
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        let aad = Aad::from(b"holdfast.chunk.1");
        let opened = self.key.open_in_place(self.nonce(index, last), aad, sealed);
        opened
            .map(|plain| &*plain)
            .map_err(|_| Error::Chunk { index })
    }
}
