//! The archive that carries a bundle: plain ustar, regular files only, so that it can be written
//! raw onto a stick or a partition and found by its first block. Heads are made and read here; who
//! calls moves the bytes.

use crate::error::Error;

/// Bytes of a head, and what contents are padded to.
pub const BLOCK: usize = 512;
/// Folder that every entry is in; the first entry's name begins with it.
pub const FOLDER: &str = "holdfast-bundle/";
/// Most entries of a bundle.
pub const ENTRIES_MOST: usize = 64;

/// One entry's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Path below the bundle's folder.
    pub path: String,
    /// Bytes of its content, without padding.
    pub bytes: u64,
}

impl Head {
    /// The block that precedes the content. Time and owner are zero.
    #[must_use]
    pub fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, text: &str| {
            for (place, byte) in block.iter_mut().skip(at).zip(text.bytes()) {
                *place = byte;
            }
        };
        put(0, &format!("{FOLDER}{}", self.path));
        put(100, "0000644\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", self.bytes));
        put(136, "00000000000\0");
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\0");
        put(263, "00");
        let sum = sum(&block);
        for (place, byte) in block
            .iter_mut()
            .skip(148)
            .zip(format!("{sum:06o}\0 ").bytes())
        {
            *place = byte;
        }
        block
    }

    /// Reads a head; nothing at the archive's end.
    ///
    /// # Errors
    /// `Archive` for anything that a bundle does not hold: another kind of entry, a path that
    /// leaves the folder, a wrong sum.
    pub fn parse(block: &[u8; BLOCK]) -> Result<Option<Self>, Error> {
        let bad = |why| Error::Archive { why };
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if field(block, 257, 5) != "ustar" {
            return Err(bad("no ustar archive"));
        }
        let told = u32::from_str_radix(field(block, 148, 8).trim(), 8);
        if told != Ok(sum(block)) {
            return Err(bad("wrong sum of a head"));
        }
        if field(block, 156, 1) != "0" || !field(block, 345, 155).is_empty() {
            return Err(bad("an entry that is no plain file"));
        }
        let path = field(block, 0, 100)
            .strip_prefix(FOLDER)
            .ok_or_else(|| bad("an entry outside of the bundle's folder"))?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !path.split('/').all(plain) {
            return Err(bad("a path that is not plain"));
        }
        let bytes = u64::from_str_radix(field(block, 124, 12).trim(), 8)
            .map_err(|_| bad("a length that is no number"))?;
        Ok(Some(Self {
            path: path.to_owned(),
            bytes,
        }))
    }

    /// Bytes of padding behind the content.
    #[must_use]
    pub const fn padding(&self) -> u64 {
        self.bytes.next_multiple_of(BLOCK as u64) - self.bytes
    }
}

fn field(block: &[u8; BLOCK], at: usize, len: usize) -> &str {
    let bytes = block.get(at..at + len).unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(len);
    std::str::from_utf8(bytes.get(..end).unwrap_or_default()).unwrap_or("\u{fffd}")
}

/// Sum of the block's bytes with the sum's own field read as spaces.
fn sum(block: &[u8; BLOCK]) -> u32 {
    block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                u32::from(b' ')
            } else {
                u32::from(*byte)
            }
        })
        .sum()
}

#[cfg(test)]
mod tests;
