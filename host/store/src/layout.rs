//! Where things lie: the regions of a volume and the parts of an extent, computed from lengths
//! alone. docs/formats/volume.md draws them.

use host_core::limits::{EXTENT_ALIGN, EXTENT_HEADER_LEN, SHARD_LEN_MAX, UNIT_LEN};

use crate::error::Error;

/// Bytes of a label, a header and the smallest ring record.
pub(crate) const BLOCK: u64 = EXTENT_ALIGN;
/// The same, as a length in memory.
pub(crate) const BLOCK_LEN: usize = EXTENT_ALIGN as usize;
/// Bytes of the smallest volume: two ring halves and a few shards.
pub(crate) const VOLUME_SIZE_MIN: u64 = 4 << 20;
/// Halves of a ring are multiples of this many bytes, the longest record.
pub(crate) const HALF_STEP: u64 = 64 * 1024;
/// Bytes of one half on an ordinary volume; a larger volume gives a 256th of itself.
const HALF_USUAL: u64 = 4 << 20;
const HALF_MAX: u64 = 8 << 30;

const _: () = assert!(EXTENT_HEADER_LEN == EXTENT_ALIGN);

/// `len` rounded up to whole blocks.
pub(crate) const fn aligned(len: u64) -> u64 {
    len.next_multiple_of(BLOCK)
}

/// The regions of a volume, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Regions {
    /// Bytes of the whole volume.
    pub(crate) size: u64,
    /// Where the ring's first half begins; the second follows it.
    pub(crate) ring_start: u64,
    /// Bytes of one half.
    pub(crate) half_len: u64,
    /// Where extents begin.
    pub(crate) data_start: u64,
    /// Bytes for extents.
    pub(crate) data_size: u64,
}

impl Regions {
    /// The regions of a fresh volume of `size` bytes. Errors: TooSmall.
    pub(crate) fn of_size(size: u64) -> Result<Self, Error> {
        if size < VOLUME_SIZE_MIN {
            return Err(Error::TooSmall {
                need: VOLUME_SIZE_MIN,
                have: size,
            });
        }
        let usual = HALF_USUAL.min(size / 16);
        let half_len = (size / 256)
            .clamp(usual, HALF_MAX)
            .next_multiple_of(HALF_STEP);
        let data_start = BLOCK + 2 * half_len;
        let data_size = (size - BLOCK - data_start) / BLOCK * BLOCK;
        Ok(Self {
            size,
            ring_start: BLOCK,
            half_len,
            data_start,
            data_size,
        })
    }

    /// Whether the regions follow each other inside the volume, as `of_size` lays them.
    pub(crate) fn is_sound(&self) -> bool {
        let ring_end = self
            .half_len
            .checked_mul(2)
            .and_then(|len| len.checked_add(self.ring_start));
        let data_end = self.data_start.checked_add(self.data_size);
        self.ring_start >= BLOCK
            && self.half_len >= HALF_STEP
            && self.half_len.is_multiple_of(BLOCK)
            && self.data_start.is_multiple_of(BLOCK)
            && self.data_size.is_multiple_of(BLOCK)
            && ring_end.is_some_and(|end| end <= self.data_start)
            && data_end.is_some_and(|end| end <= self.size.saturating_sub(BLOCK))
    }

    /// Where the second copy of the label lies.
    pub(crate) const fn second_label(&self) -> u64 {
        second_label(self.size)
    }
}

/// Where the second copy of the label lies on a volume of `size` bytes.
pub(crate) const fn second_label(size: u64) -> u64 {
    size / BLOCK * BLOCK - BLOCK
}

/// The parts of an extent, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Bytes of the shard.
    pub(crate) len: u64,
    /// Where the body begins.
    pub(crate) body: u64,
    /// Bytes of the body with its padding.
    pub(crate) body_size: u64,
    /// Where the footer begins.
    pub(crate) footer: u64,
    /// Bytes of the footer with its padding.
    pub(crate) footer_size: u64,
    /// Bytes of the extent.
    pub(crate) size: u64,
}

impl Parts {
    /// The parts of the extent of a shard of `len` bytes. Errors: ShardLen.
    pub(crate) const fn of_len(len: u64) -> Result<Self, Error> {
        if len == 0 || len > SHARD_LEN_MAX {
            return Err(Error::ShardLen {
                len,
                max: SHARD_LEN_MAX,
            });
        }
        let body = EXTENT_HEADER_LEN;
        let body_size = aligned(len);
        let footer = body + body_size;
        let footer_size = aligned(len.div_ceil(UNIT_LEN as u64) * 32);
        Ok(Self {
            len,
            body,
            body_size,
            footer,
            footer_size,
            size: footer + footer_size,
        })
    }
}

#[cfg(test)]
mod tests;
