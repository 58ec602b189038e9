//! Building the tree while a shard passes by: bytes in any cutting enter, the shard's name and
//! one node a unit leave. Holds the hashes of one unit's leaves, one part of a leaf, and one hash
//! for each unit closed so far, at most 42 KiB for the longest shard; while it works, twice the
//! hashes of four units, 64 KiB.

use host_core::limits::{LEAF_LEN, SHARD_LEN_MAX};
use host_core::{Digest32, ShardId};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::node::{self, Node};
use crate::shape::{self, LEAVES_PER_UNIT, UNIT_LEVEL};

/// Units closed together at most: those of a piece of 256 KiB.
const UNITS_AT_ONCE: usize = 4;

/// What a shard's bytes come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Bytes of the shard.
    pub len: u64,
    /// The root, at depth ceil(log2(leaves)).
    pub root: Digest32,
    /// The node of each unit in order: the extent's footer and the list a reader checks first.
    pub units: Vec<Digest32>,
}

impl Tree {
    /// The shard's name.
    #[must_use]
    pub fn shard_id(&self) -> ShardId {
        shard_id(self.len, &self.root)
    }
}

/// The name of a shard: SHA-256("holdfast.shard.1" || len as u64 || leaf_len as u32 || root),
/// both numbers big-endian.
#[must_use]
pub fn shard_id(len: u64, root: &Digest32) -> ShardId {
    let mut hash = Sha256::new();
    hash.update(b"holdfast.shard.1");
    hash.update(len.to_be_bytes());
    hash.update((LEAF_LEN as u32).to_be_bytes());
    hash.update(root.0);
    ShardId(hash.finalize().into())
}

/// A tree under construction. Cost: 1 leaf hash for each 256 bytes and one node hash for each leaf.
#[derive(Debug, Clone, Default)]
pub struct TreeBuilder {
    len: u64,
    partial: Vec<u8>,
    leaves: Vec<Node>,
    units: Vec<Node>,
}

impl TreeBuilder {
    /// A tree of no bytes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes pushed so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was pushed yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends the shard's next bytes, however they are cut. Bytes past the longest shard are
    /// only counted: `finish` refuses them, and the builder does not grow.
    pub fn push(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len() as u64);
        if self.len > SHARD_LEN_MAX {
            return;
        }
        let mut rest = bytes;
        if !self.partial.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(LEAF_LEN - self.partial.len()));
            self.partial.extend_from_slice(head);
            rest = tail;
            let Ok(whole) = <[u8; LEAF_LEN]>::try_from(self.partial.as_slice()) else {
                return;
            };
            self.partial.clear();
            self.take(&[whole]);
        }
        let (whole, tail) = rest.as_chunks::<LEAF_LEN>();
        self.take(whole);
        self.partial.extend_from_slice(tail);
    }

    /// The tree of everything pushed.
    /// Errors: ShardLength for no byte at all and for more bytes than a shard may have.
    pub fn finish(mut self) -> Result<Tree, Error> {
        shape::check_len(self.len)?;
        if !self.partial.is_empty() {
            let last = node::padded(&self.partial);
            self.take(&[last]);
        }
        let level = shape::unit_level(self.len);
        if !self.leaves.is_empty() {
            self.units.push(node::fold(self.leaves, 0, level));
        }
        let units: Vec<_> = self.units.iter().copied().map(Digest32).collect();
        let root = node::fold(self.units, level, shape::depth(self.len));
        Ok(Tree {
            len: self.len,
            root: Digest32(root),
            units,
        })
    }

    /// Takes the next leaves and closes the units they fill, several together where they come
    /// together: the more hashes are asked for at once, the fewer lanes stay empty.
    fn take(&mut self, leaves: &[[u8; LEAF_LEN]]) {
        let mut rest = leaves;
        while !rest.is_empty() {
            let units = (rest.len() / LEAVES_PER_UNIT).min(UNITS_AT_ONCE);
            let room = match self.leaves.len() {
                0 if units > 0 => units * LEAVES_PER_UNIT,
                held => LEAVES_PER_UNIT - held,
            };
            let (now, later) = rest.split_at(rest.len().min(room));
            node::append_leaves(now, &mut self.leaves);
            rest = later;
            if self.leaves.len().is_multiple_of(LEAVES_PER_UNIT) {
                let leaves = std::mem::take(&mut self.leaves);
                self.units.extend((0..UNIT_LEVEL).fold(leaves, node::raise));
            }
        }
    }
}

#[cfg(test)]
mod tests;
