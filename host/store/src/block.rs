//! One block with a checksum at its end: how labels and extent headers are written and read.

use sha2::{Digest, Sha256};

use crate::layout::BLOCK_LEN;

/// Bytes of the checksum.
const SUM_LEN: usize = 32;

/// A block being filled from its start.
pub(crate) struct BlockWriter<'a> {
    block: &'a mut [u8],
    at: usize,
}

impl<'a> BlockWriter<'a> {
    /// Begins a block of zeroes over the first `BLOCK_LEN` bytes of `block`.
    pub(crate) fn new(block: &'a mut [u8]) -> Self {
        block.fill(0);
        Self { block, at: 0 }
    }

    /// Puts bytes next. What would reach into the checksum is left out; the layouts are fixed and
    /// far shorter.
    pub(crate) fn put(mut self, bytes: &[u8]) -> Self {
        let end = self.at + bytes.len();
        if end <= BLOCK_LEN - SUM_LEN
            && let Some(field) = self.block.get_mut(self.at..end)
        {
            field.copy_from_slice(bytes);
        }
        self.at = end;
        self
    }

    /// Puts the checksum of everything before it at the block's end.
    pub(crate) fn seal(self) {
        if let Some((body, sum)) = self.block.split_at_mut_checked(BLOCK_LEN - SUM_LEN) {
            sum.copy_from_slice(&Sha256::digest(body));
        }
    }
}

/// A block being read from its start.
pub(crate) struct BlockReader<'a> {
    rest: &'a [u8],
}

impl<'a> BlockReader<'a> {
    /// Begins to read; none when the checksum does not hold.
    pub(crate) fn new(block: &'a [u8]) -> Option<Self> {
        let (body, sum) = block
            .get(..BLOCK_LEN)?
            .split_at_checked(BLOCK_LEN - SUM_LEN)?;
        (Sha256::digest(body).as_slice() == sum).then_some(Self { rest: body })
    }

    /// The next `N` bytes.
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*field)
    }

    /// The next big-endian u64.
    pub(crate) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }
}
