//! An object's records as the book and the hosts keep them, and their sealing.

use host_core::codec;
use host_core::object::{Descriptor, SignedPlacement};
use minicbor::{Decode, Encode};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::error::Error;

mod parts;
pub(crate) mod shelf;

/// What only the owner may know.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Secret {
    #[n(0)]
    pub(crate) name: String,
    #[n(1)]
    pub(crate) len: u64,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) sha256: [u8; 32],
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) key: [u8; 32],
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) prefix: [u8; 7],
    #[n(5)]
    pub(crate) stored_ms: u64,
}

/// The three records together.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ObjectRecord {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) descriptor: Vec<u8>,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) secret: Vec<u8>,
    #[n(2)]
    pub(crate) placement: SignedPlacement,
}

impl ObjectRecord {
    pub(crate) fn descriptor(&self) -> Result<Descriptor, Error> {
        Ok(Descriptor::from_bytes(&self.descriptor)?)
    }
}

fn key(seal: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, seal).expect("a key of 32 bytes"))
}

/// Seals bytes under the owner's seal key: nonce, ciphertext, tag.
pub(crate) fn seal(seal: &[u8; 32], nonce: [u8; NONCE_LEN], plain: &[u8]) -> Vec<u8> {
    let mut body = plain.to_vec();
    key(seal)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(b"holdfast.seal.1"),
            &mut body,
        )
        .expect("a record is within the bound of AES-GCM");
    [nonce.as_slice(), &body].concat()
}

/// Opens sealed bytes.
pub(crate) fn unseal(seal: &[u8; 32], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let wrong = || host_core::Error::Encoding {
        what: "sealed record",
    };
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
    let mut body = body.to_vec();
    let plain = key(seal)
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(b"holdfast.seal.1"),
            &mut body,
        )
        .map_err(|_| wrong())?;
    Ok(plain.to_vec())
}

/// Reads an unsealed secret.
pub(crate) fn secret(seal: &[u8; 32], sealed: &[u8]) -> Result<Secret, Error> {
    Ok(codec::from_bytes("secret", &unseal(seal, sealed)?)?)
}

#[cfg(test)]
mod tests;
