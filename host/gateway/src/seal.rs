//! Short secrets in rows: AES-256-GCM under the catalogue's key, bound to what they belong to.
//!
//! The bytes are `nonce (12) || ciphertext || tag (16)`, in hex (docs/formats/catalogue.md).

use host_core::seams::Entropy;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::error::Error;

const NONCE_LEN: usize = 12;

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::Worker)?;
    Ok(LessSafeKey::new(key))
}

/// Seals `secret`, which opens only with the same `bound`. Errors: Worker.
pub(crate) fn seal(
    key: &[u8; 32],
    entropy: &dyn Entropy,
    bound: &[u8],
    secret: &[u8],
) -> Result<String, Error> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut sealed = secret.to_vec();
    let once = Nonce::assume_unique_for_key(nonce);
    cipher(key)?
        .seal_in_place_append_tag(once, Aad::from(bound), &mut sealed)
        .map_err(|_| Error::Worker)?;
    Ok(hex::encode([&nonce[..], &sealed].concat()))
}

/// Opens it; none where key, bytes or what it is bound to are not what they were.
pub(crate) fn open(key: &[u8; 32], bound: &[u8], sealed: &str) -> Option<Vec<u8>> {
    let bytes = hex::decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let opened = cipher(key)
        .ok()?
        .open_in_place(nonce, Aad::from(bound), &mut sealed);
    Some(opened.ok()?.to_vec())
}
