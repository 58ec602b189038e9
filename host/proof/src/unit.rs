//! The reader's half: a list of unit nodes is checked once against a shard's name, then each
//! 64 KiB unit against the list as it arrives. No byte needs to be believed before its unit.

use host_core::limits::LEAF_LEN;
use host_core::{Digest32, ShardId};

use crate::error::Error;
use crate::node::{self, Node};
use crate::shape;
use crate::tree::shard_id;

/// The node of unit `index` over its `bytes`, in a shard of `shard_len` bytes.
/// Errors: ShardLength; Index beyond the shard; UnitLength when `bytes` is not the whole unit.
pub fn unit_node(shard_len: u64, index: usize, bytes: &[u8]) -> Result<Digest32, Error> {
    let leaves = unit_leaves(shard_len, index, bytes)?;
    let node = node::fold(leaves, 0, shape::unit_level(shard_len));
    Ok(Digest32(node))
}

/// Checks that `units` is the whole unit list of the shard called `shard`, `len` bytes long.
/// Errors: ShardLength; UnitCount; Root when the list leads to another name.
pub fn check_units(shard: &ShardId, len: u64, units: &[Digest32]) -> Result<(), Error> {
    check_count(len, units)?;
    let nodes = units.iter().map(|unit| unit.0).collect();
    let root = node::fold(nodes, shape::unit_level(len), shape::depth(len));
    let found = shard_id(len, &Digest32(root));
    if found != *shard {
        return Err(Error::Root {
            shard: *shard,
            found,
        });
    }
    Ok(())
}

/// Checks that `bytes` are unit `index` of the shard whose list `units` was checked before.
/// Errors: those of `unit_node`; UnitCount; UnitBytes when the bytes are others.
pub fn check_unit(len: u64, units: &[Digest32], index: usize, bytes: &[u8]) -> Result<(), Error> {
    check_count(len, units)?;
    let found = unit_node(len, index, bytes)?;
    let need = *units.get(index).unwrap_or(&found);
    if found != need {
        return Err(Error::UnitBytes { index, need, found });
    }
    Ok(())
}

/// Whether the list is as long as the length asks for.
pub(crate) fn check_count(len: u64, units: &[Digest32]) -> Result<(), Error> {
    shape::check_len(len)?;
    let have = units.len();
    let need = shape::unit_count(len) as usize;
    if need != have {
        return Err(Error::UnitCount { len, need, have });
    }
    Ok(())
}

/// The leaf hashes of one unit, after its place and length were checked.
pub(crate) fn unit_leaves(shard_len: u64, index: usize, bytes: &[u8]) -> Result<Vec<Node>, Error> {
    shape::check_len(shard_len)?;
    let (need, have) = (shape::unit_len(shard_len, index), bytes.len());
    if need == 0 {
        return Err(Error::Index {
            what: "unit",
            index: index as u64,
            count: shape::unit_count(shard_len),
        });
    }
    if need != have {
        return Err(Error::UnitLength { index, need, have });
    }
    let (whole, rest) = bytes.as_chunks::<LEAF_LEN>();
    let mut leaves = Vec::with_capacity(whole.len() + 2);
    node::append_leaves(whole, &mut leaves);
    if !rest.is_empty() {
        leaves.push(node::leaf(&node::padded(rest)));
    }
    Ok(leaves)
}

#[cfg(test)]
mod tests;
