//! What can be wrong with shard bytes, unit lists and leaf proofs. Each variant carries the
//! numbers or hashes that disagree, so that a log line is enough to see who lied about what.

use host_core::{Blame, Digest32, ShardId};

/// A broken fact about a shard, its units or one of its leaves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A shard of no bytes or of more bytes than a shard may have.
    #[error("a shard of {len} bytes is not within 1 to {max}")]
    ShardLength {
        /// Bytes stated or pushed.
        len: u64,
        /// Bytes of the largest shard.
        max: u64,
    },
    /// A unit list that is not as long as the shard's length asks for.
    #[error("a shard of {len} bytes has {need} units, the list holds {have}")]
    UnitCount {
        /// Bytes of the shard.
        len: u64,
        /// Units a shard of this length has.
        need: usize,
        /// Units in the list.
        have: usize,
    },
    /// Hashes that do not lead to the shard's name.
    #[error("shard {shard} was asked for, the hashes lead to {found}")]
    Root {
        /// The name that was asked for.
        shard: ShardId,
        /// The name the hashes give.
        found: ShardId,
    },
    /// A unit or leaf beyond the end of the shard.
    #[error("{what} {index} of a shard that has {count}")]
    Index {
        /// "unit" or "leaf".
        what: &'static str,
        /// The index asked for.
        index: u64,
        /// How many there are.
        count: u64,
    },
    /// A unit that is longer or shorter than its place in the shard.
    #[error("unit {index} has {have} bytes instead of {need}")]
    UnitLength {
        /// The unit.
        index: usize,
        /// Bytes the unit has by the shard's length.
        need: usize,
        /// Bytes that were given.
        have: usize,
    },
    /// Received bytes that do not hash to their node.
    #[error("unit {index} hashes to {found} instead of {need}")]
    UnitBytes {
        /// The unit.
        index: usize,
        /// The node in the verified list.
        need: Digest32,
        /// The node of the bytes.
        found: Digest32,
    },
    /// Stored bytes that no longer hash to their stored node.
    #[error("stored unit {index} hashes to {found}, its footer says {need}")]
    Rot {
        /// The unit.
        index: usize,
        /// The node in the footer.
        need: Digest32,
        /// The node of the bytes.
        found: Digest32,
    },
    /// A leaf that is not 256 bytes: it might be a node in disguise.
    #[error("a leaf of {have} bytes instead of {need}")]
    LeafLength {
        /// Bytes of a leaf.
        need: usize,
        /// Bytes that were given.
        have: usize,
    },
    /// A path that is not as long as the tree is deep.
    #[error("a path of {have} hashes in a tree of depth {need}")]
    PathLength {
        /// Depth of the tree by the shard's length.
        need: u32,
        /// Hashes that were given.
        have: usize,
    },
}

impl Error {
    /// Who must act: the side that sent the bytes, except for rot, which is a drive's.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Rot { .. } => Blame::Machine,
            _ => Blame::Peer,
        }
    }
}
