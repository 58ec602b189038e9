//! What an image says of itself on its kernel command line, which its signature covers.

use crate::error::Error;
use crate::names;

/// Bytes of a verity block, data and hash alike.
pub const BLOCK: u64 = 4096;

/// The root that belongs to a kernel image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// SHA-256 of salt and top hash block.
    pub hash: [u8; 32],
    /// Data blocks; the hash tree follows them in the same partition.
    pub blocks: u64,
    /// Prepended to each block before hashing.
    pub salt: Vec<u8>,
    /// Version of the image.
    pub version: String,
}

impl Root {
    /// Reads the words of a command line; other words are ignored.
    ///
    /// # Errors
    /// `Cmdline` names the word that is missing or malformed.
    pub fn parse(line: &str) -> Result<Self, Error> {
        let word = |what: &'static str| {
            line.split_whitespace()
                .filter_map(|word| word.split_once('='))
                .find(|(name, _)| *name == what)
                .map(|(_, value)| value)
                .ok_or(Error::Cmdline { what })
        };
        let bad = |what: &'static str| Error::Cmdline { what };
        let hash = unhex(word(names::WORD_ROOT)?)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or_else(|| bad(names::WORD_ROOT))?;
        let blocks = word(names::WORD_BLOCKS)?
            .parse()
            .ok()
            .filter(|blocks| (1..=1 << 28).contains(blocks))
            .ok_or_else(|| bad(names::WORD_BLOCKS))?;
        let salt = unhex(word(names::WORD_SALT)?)
            .filter(|salt| salt.len() <= 256)
            .ok_or_else(|| bad(names::WORD_SALT))?;
        Ok(Self {
            hash,
            blocks,
            salt,
            version: word(names::WORD_VERSION)?.to_owned(),
        })
    }

    /// The words that [`Root::parse`] reads.
    #[must_use]
    pub fn words(&self) -> String {
        format!(
            "{}={} {}={} {}={} {}={}",
            names::WORD_ROOT,
            hex(&self.hash),
            names::WORD_BLOCKS,
            self.blocks,
            names::WORD_SALT,
            hex(&self.salt),
            names::WORD_VERSION,
            self.version,
        )
    }

    /// Blocks of the hash tree behind the data.
    #[must_use]
    pub fn tree_blocks(&self) -> u64 {
        let mut level = self.blocks;
        let mut sum = 0;
        while level > 1 {
            level = level.div_ceil(BLOCK / 32);
            sum += level;
        }
        sum.max(1)
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of an even number of hex digits.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect::<Option<_>>()?;
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}
