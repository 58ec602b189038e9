//! The numbers of a tree that follow from a shard's length alone: leaves, units, depth. Every
//! function is total over `u64`; whether a length is allowed is asked with `check_len`.

use host_core::limits::{LEAF_LEN, SHARD_LEN_MAX, UNIT_LEN};

use crate::error::Error;

/// Leaves under one whole unit.
pub const LEAVES_PER_UNIT: usize = UNIT_LEN / LEAF_LEN;
/// Level of a unit's node in a shard longer than one unit (leaves are level 0).
pub const UNIT_LEVEL: u32 = LEAVES_PER_UNIT.ilog2();

/// Depth of the deepest tree: the number of zero-subtree hashes that can be needed.
pub(crate) const DEPTH_MAX: usize = (SHARD_LEN_MAX as usize / LEAF_LEN).ilog2() as usize;

const _: () = assert!((SHARD_LEN_MAX as usize / LEAF_LEN).is_power_of_two());

/// Leaves of a shard of `len` bytes; the last may be padded.
#[must_use]
pub const fn leaf_count(len: u64) -> u64 {
    len.div_ceil(LEAF_LEN as u64)
}

/// Units (runs of 64 KiB, the last possibly shorter) of a shard of `len` bytes.
#[must_use]
pub const fn unit_count(len: u64) -> u64 {
    len.div_ceil(UNIT_LEN as u64)
}

/// Levels above the leaves: ceil(log2(leaves)), 0 for a shard of one leaf or none.
#[must_use]
pub const fn depth(len: u64) -> u32 {
    match leaf_count(len) {
        0 | 1 => 0,
        leaves => (leaves - 1).ilog2() + 1,
    }
}

/// Bytes of unit `index` in a shard of `len` bytes; 0 beyond its end.
#[must_use]
pub const fn unit_len(len: u64, index: usize) -> usize {
    let start = (index as u64).saturating_mul(UNIT_LEN as u64);
    let rest = len.saturating_sub(start);
    if rest < UNIT_LEN as u64 {
        rest as usize
    } else {
        UNIT_LEN
    }
}

/// Level of a unit's node: the unit level, or the root's own depth in a shard of one unit.
pub(crate) const fn unit_level(len: u64) -> u32 {
    let depth = depth(len);
    if depth < UNIT_LEVEL {
        depth
    } else {
        UNIT_LEVEL
    }
}

/// Whether a shard may have `len` bytes.
pub(crate) const fn check_len(len: u64) -> Result<(), Error> {
    if len == 0 || len > SHARD_LEN_MAX {
        return Err(Error::ShardLength {
            len,
            max: SHARD_LEN_MAX,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
