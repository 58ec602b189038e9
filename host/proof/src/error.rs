//! What can be wrong with shard bytes, unit lists, leaf proofs and datasets. Each variant carries
//! the numbers or hashes that disagree, so that a log line is enough to see who lied about what.

use host_core::{AgreementDigest, Blame, Digest32, PeerId, ShardId};

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
    /// More bytes than a dataset can hold.
    #[error("a dataset of more than {max} bytes")]
    DatasetBytes {
        /// Bytes of the largest dataset.
        max: u64,
    },
    /// A way from a leaf to its peak that is longer than any can be.
    #[error("a path of {have} steps in a dataset")]
    PathSteps {
        /// Steps that were given.
        have: usize,
    },
    /// Bytes of a dataset's proof that are no encoding of it.
    #[error("bytes that are no {what}")]
    Encoding {
        /// What was to be read.
        what: &'static str,
    },
    /// A list of peaks that is not the committed one.
    #[error("peaks with the name {found} instead of {need}")]
    Commitment {
        /// The name on the chain.
        need: Digest32,
        /// The name of the list.
        found: Digest32,
    },
    /// A way that does not lead from the leaf to its peak.
    #[error("agreement {agreement} is not where the proof says")]
    NotIncluded {
        /// The leaf's agreement.
        agreement: AgreementDigest,
    },
    /// A byte behind the last one of the range.
    #[error("byte {byte} of a range of {live}")]
    Range {
        /// The byte.
        byte: u64,
        /// Live bytes of the range.
        live: u64,
    },
    /// An answer about another byte than the drawn one.
    #[error("byte {byte} was drawn, the answer is about agreement {agreement}")]
    NotDrawn {
        /// The drawn byte of the range.
        byte: u64,
        /// The leaf's agreement.
        agreement: AgreementDigest,
    },
    /// A leaf shown as over that is not.
    #[error("agreement {agreement} ends in epoch {end}, after {period}")]
    NotOver {
        /// The leaf's agreement.
        agreement: AgreementDigest,
        /// First epoch after its term.
        end: u64,
        /// The period that is proven.
        period: u64,
    },
    /// A leaf shown as given up whose renter did not sign that.
    #[error("agreement {agreement} was not given up by its renter")]
    NotReleased {
        /// The leaf's agreement.
        agreement: AgreementDigest,
    },
    /// More or fewer leaves than a challenge asked for.
    #[error("{have} leaves were shown, {need} were asked for")]
    LeafCount {
        /// Leaves asked for.
        need: usize,
        /// Leaves shown.
        have: usize,
    },
    /// A verdict its own evidence contradicts: the guard lies.
    #[error("the verdict of guard {guard} {what}")]
    Verdict {
        /// Who signed it.
        guard: PeerId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A signed word that does not hold.
    #[error(transparent)]
    Value(#[from] host_core::Error),
    /// A batch whose leaves, read again, have another root than the committed one.
    #[error("the leaves of batch {batch} have another root than was committed")]
    BatchRoot {
        /// The batch, from 0.
        batch: usize,
    },
}

impl Error {
    /// Who must act: the side that sent the bytes, except for rot and a batch that reads otherwise
    /// than it was committed, which are the machine's.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Rot { .. } | Self::BatchRoot { .. } => Blame::Machine,
            _ => Blame::Peer,
        }
    }
}
