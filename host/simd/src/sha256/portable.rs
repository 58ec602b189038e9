//! The specification: one message after the other by the crate sha2.

use sha2::{Digest as _, Sha256};

use super::Digest;

/// Writes the digest of `messages[i]` to `digests[i]`.
pub(super) fn hash_each<const LEN: usize>(messages: &[[u8; LEN]], digests: &mut [Digest]) {
    for (message, digest) in messages.iter().zip(digests) {
        *digest = Sha256::digest(message).into();
    }
}
