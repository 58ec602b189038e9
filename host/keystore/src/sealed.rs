//! The key file: a 32-byte secret, sealed under a passphrase or plain.
//!
//! ```text
//! offset  bytes  what
//!      0      8  "HFKEYS\0\0"
//!      8      1  version, 1
//!      9      1  form: 0 plain, 1 Argon2id + AES-256-GCM
//! plain:  10 32  the secret
//! sealed: 10  4  memory in KiB, big-endian
//!         14  4  passes, big-endian
//!         18 16  salt
//!         34 12  nonce
//!         46 48  ciphertext and tag; bytes 0..46 are associated data
//! ```

use argon2::{Algorithm, Argon2, Params, Version};
use host_core::identity::SecretKey;
use host_core::seams::Entropy;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::Error;

const MAGIC: &[u8; 8] = b"HFKEYS\0\0";
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const SEALED: u8 = 1;
const HEAD_LEN: usize = 46;
const SECRET_LEN: usize = 32;
const TAG_LEN: usize = 16;
/// Memory of the derivation when a file is made: 64 MiB.
const MEMORY_KIB: u32 = 64 * 1024;
/// Passes of the derivation when a file is made.
const PASSES: u32 = 3;
/// Memory and passes where the words are 256 random bits already: there is nothing to guess.
const DRAWN: (u32, u32) = (64, 1);
/// Hexadecimal digits of drawn words.
const DRAWN_LEN: usize = 64;
/// The most a file may ask for: a hostile file must not take the machine.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;

/// Thirty-two secret bytes that wipe themselves.
pub type Box32 = Zeroizing<[u8; SECRET_LEN]>;

/// A key file's content.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    bytes: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedKey {{ plain: {} }}", self.is_plain())
    }
}

impl SealedKey {
    /// A file that holds the secret as it is; its protection is the file's mode alone.
    #[must_use]
    pub fn plain(key: &SecretKey) -> Self {
        Self::plain_bytes(&key.expose())
    }

    /// Like `plain`, for any 32 secret bytes.
    #[must_use]
    pub fn plain_bytes(secret: &[u8; SECRET_LEN]) -> Self {
        let bytes = [MAGIC.as_slice(), &[VERSION, PLAIN], secret].concat();
        Self {
            bytes: Zeroizing::new(bytes),
        }
    }

    /// Seals a key under a passphrase. Errors when the passphrase is empty.
    /// Cost: 64 MiB and a few hundred milliseconds.
    pub fn seal(key: &SecretKey, passphrase: &[u8], entropy: &dyn Entropy) -> Result<Self, Error> {
        Self::seal_bytes(&key.expose(), passphrase, entropy)
    }

    /// Seals a key under words that a machine drew: 256 random bits as 64 hexadecimal digits.
    /// Errors when they are anything else. Cost: microseconds, to seal and to open.
    pub fn seal_drawn(key: &SecretKey, words: &[u8], entropy: &dyn Entropy) -> Result<Self, Error> {
        if words.len() != DRAWN_LEN || !words.iter().all(u8::is_ascii_hexdigit) {
            return Err(Error::Drawn);
        }
        let (memory_kib, passes) = DRAWN;
        Self::seal_with(&key.expose(), words, entropy, memory_kib, passes)
    }

    /// Like `seal`, for any 32 secret bytes.
    pub fn seal_bytes(
        secret: &[u8; SECRET_LEN],
        passphrase: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        Self::seal_with(secret, passphrase, entropy, MEMORY_KIB, PASSES)
    }

    pub(crate) fn seal_with(
        secret: &[u8; SECRET_LEN],
        passphrase: &[u8],
        entropy: &dyn Entropy,
        memory_kib: u32,
        passes: u32,
    ) -> Result<Self, Error> {
        if passphrase.is_empty() {
            return Err(Error::Empty);
        }
        let mut random = [0; 16 + NONCE_LEN];
        entropy.fill(&mut random);
        let mut bytes = [MAGIC.as_slice(), &[VERSION, SEALED]].concat();
        bytes.extend_from_slice(&memory_kib.to_be_bytes());
        bytes.extend_from_slice(&passes.to_be_bytes());
        bytes.extend_from_slice(&random);
        let (key, nonce) = cipher(&bytes, passphrase)?;
        let mut body = Zeroizing::new(secret.to_vec());
        let tag = key
            .seal_in_place_separate_tag(nonce, Aad::from(&bytes), body.as_mut_slice())
            .expect("32 bytes are within the bound of AES-GCM");
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(tag.as_ref());
        Ok(Self {
            bytes: Zeroizing::new(bytes),
        })
    }

    /// Reads a file's bytes. Errors when they are no key file of a known version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let body = bytes.strip_prefix(MAGIC).ok_or(Error::Form {
            why: "it has another magic",
        })?;
        let need = match body {
            [VERSION, PLAIN, ..] => MAGIC.len() + 2 + SECRET_LEN,
            [VERSION, SEALED, ..] => HEAD_LEN + SECRET_LEN + TAG_LEN,
            [VERSION, ..] => {
                return Err(Error::Form {
                    why: "its form is unknown",
                });
            }
            [version, ..] => return Err(Error::Version { version: *version }),
            [] => {
                return Err(Error::Form {
                    why: "it ends after the magic",
                });
            }
        };
        if bytes.len() != need {
            return Err(Error::Form {
                why: "its length is wrong",
            });
        }
        Ok(Self {
            bytes: Zeroizing::new(bytes.to_vec()),
        })
    }

    /// The bytes to write.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.bytes.clone()
    }

    /// Whether no passphrase is needed.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.bytes.get(MAGIC.len() + 1) == Some(&PLAIN)
    }

    /// The key inside. A plain file ignores the passphrase.
    /// Errors: a wrong passphrase or a changed file, or a derivation beyond the allowed cost.
    pub fn open(&self, passphrase: &[u8]) -> Result<SecretKey, Error> {
        Ok(SecretKey::from_bytes(&*self.open_bytes(passphrase)?)?)
    }

    /// The 32 secret bytes inside.
    pub fn open_bytes(&self, passphrase: &[u8]) -> Result<Box32, Error> {
        let short = Error::Form {
            why: "its length is wrong",
        };
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        if self.is_plain() {
            let body = self.bytes.get(MAGIC.len() + 2..).ok_or(short)?;
            secret.copy_from_slice(body);
            return Ok(secret);
        }
        let (head, body) = self.bytes.split_at_checked(HEAD_LEN).ok_or(short.clone())?;
        let (key, nonce) = cipher(head, passphrase)?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = key
            .open_in_place(nonce, Aad::from(head), body.as_mut_slice())
            .map_err(|_| Error::Passphrase)?;
        secret.copy_from_slice(opened);
        Ok(secret)
    }
}

/// The cipher and nonce a sealed file's head states.
fn cipher(head: &[u8], passphrase: &[u8]) -> Result<(LessSafeKey, Nonce), Error> {
    let short = Error::Form {
        why: "its length is wrong",
    };
    let number = |at: usize| {
        let bytes = head
            .get(at..at + 4)
            .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        bytes.map(u32::from_be_bytes).ok_or(short.clone())
    };
    let (kib, passes) = (number(10)?, number(14)?);
    if kib > MEMORY_KIB_MAX || passes > PASSES_MAX {
        return Err(Error::Cost { kib, passes });
    }
    let salt = head.get(18..34).ok_or(short.clone())?;
    let nonce = head.get(34..HEAD_LEN).ok_or(short.clone())?;
    let params =
        Params::new(kib, passes, 1, Some(SECRET_LEN)).map_err(|_| Error::Cost { kib, passes })?;
    let mut key = Zeroizing::new([0; SECRET_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase, salt, key.as_mut_slice())
        .map_err(|_| Error::Cost { kib, passes })?;
    let unbound = UnboundKey::new(&AES_256_GCM, key.as_slice()).expect("a key of 32 bytes");
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| short)?;
    Ok((LessSafeKey::new(unbound), nonce))
}

#[cfg(test)]
mod tests;
