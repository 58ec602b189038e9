//! One leaf shown to a judge who knows only the shard's name and length: 256 bytes and one
//! sibling hash a level. The contract on the chain computes exactly `verify`.

use host_core::limits::{LEAF_LEN, UNIT_LEN};
use host_core::{Digest32, ShardId};

use crate::error::Error;
use crate::node::{self, Node};
use crate::shape::{self, LEAVES_PER_UNIT};
use crate::tree::shard_id;
use crate::unit;

/// A leaf and its way to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafProof {
    /// The leaf's 256 bytes; the last leaf of a shard with its zero padding.
    pub leaf: Vec<u8>,
    /// The sibling of the leaf, then of each node above it, the root's child last.
    pub path: Vec<Digest32>,
}

/// The proof of leaf `leaf_index`, from the bytes of the unit that holds it and the shard's unit
/// list. Cost: hashing one unit and the list; nothing else of the shard is read.
/// Errors: those of `check_unit`, with Rot in place of UnitBytes, as both come from a drive here;
/// Index beyond the shard.
pub fn prove(
    leaf_index: u64,
    unit_bytes: &[u8],
    units: &[Digest32],
    len: u64,
) -> Result<LeafProof, Error> {
    unit::check_count(len, units)?;
    check_index(leaf_index, len)?;
    let unit_index = (leaf_index / LEAVES_PER_UNIT as u64) as usize;
    let within = (leaf_index % LEAVES_PER_UNIT as u64) as usize;
    let leaves = unit::unit_leaves(len, unit_index, unit_bytes)?;
    let level = shape::unit_level(len);
    let mut path = Vec::with_capacity(shape::depth(len) as usize);
    let found = Digest32(climb(leaves, within, 0, level, &mut path));
    let need = *units.get(unit_index).unwrap_or(&found);
    if found != need {
        return Err(Error::Rot {
            index: unit_index,
            need,
            found,
        });
    }
    let nodes = units.iter().map(|unit| unit.0).collect();
    climb(nodes, unit_index, level, shape::depth(len), &mut path);
    Ok(LeafProof {
        leaf: padded_leaf(unit_bytes, within),
        path,
    })
}

/// Checks that `proof` shows leaf `leaf_index` of the shard called `shard`, `len` bytes long.
/// Errors: ShardLength; Index; LeafLength; PathLength; Root when the hashes lead elsewhere.
pub fn verify(shard: &ShardId, len: u64, leaf_index: u64, proof: &LeafProof) -> Result<(), Error> {
    shape::check_len(len)?;
    check_index(leaf_index, len)?;
    let leaf =
        <&[u8; LEAF_LEN]>::try_from(proof.leaf.as_slice()).map_err(|_| Error::LeafLength {
            need: LEAF_LEN,
            have: proof.leaf.len(),
        })?;
    let (need, have) = (shape::depth(len), proof.path.len());
    if need as usize != have {
        return Err(Error::PathLength { need, have });
    }
    let mut place = leaf_index;
    let mut node = node::leaf(leaf);
    for sibling in &proof.path {
        node = if place.is_multiple_of(2) {
            node::pair(&node, &sibling.0)
        } else {
            node::pair(&sibling.0, &node)
        };
        place /= 2;
    }
    let found = shard_id(len, &Digest32(node));
    if found != *shard {
        return Err(Error::Root {
            shard: *shard,
            found,
        });
    }
    Ok(())
}

fn check_index(index: u64, len: u64) -> Result<(), Error> {
    let count = shape::leaf_count(len);
    if index >= count {
        return Err(Error::Index {
            what: "leaf",
            index,
            count,
        });
    }
    Ok(())
}

/// Raises `nodes` from level `from` to level `to`, writing down the siblings of place `at`.
fn climb(nodes: Vec<Node>, at: usize, from: u32, to: u32, path: &mut Vec<Digest32>) -> Node {
    let (mut nodes, mut at) = (nodes, at);
    for level in from..to {
        let sibling = nodes.get(at ^ 1).copied();
        path.push(Digest32(sibling.unwrap_or_else(|| node::zero(level))));
        nodes = node::raise(nodes, level);
        at /= 2;
    }
    node::fold(nodes, to, to)
}

/// The 256 bytes of leaf `within` of a unit, zeros after the shard's end.
fn padded_leaf(unit: &[u8], within: usize) -> Vec<u8> {
    debug_assert!(unit.len() <= UNIT_LEN, "units were measured before");
    let mut leaf: Vec<u8> = unit
        .iter()
        .copied()
        .skip(within * LEAF_LEN)
        .take(LEAF_LEN)
        .collect();
    leaf.resize(LEAF_LEN, 0);
    leaf
}

#[cfg(test)]
mod tests;
