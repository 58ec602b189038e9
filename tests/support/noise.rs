//! Content for tests: bytes that no codec can guess, the same on every run.

use sha2::{Digest, Sha256};

/// A stream of SHA-256 from a name.
pub(crate) fn noise(name: &str, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    let mut block: [u8; 32] = Sha256::digest(name).into();
    while bytes.len() < len {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block).into();
    }
    bytes.truncate(len);
    bytes
}
