//! What can be wrong with a request to code or to place bytes. Each variant carries the numbers
//! that disagree.

use host_core::Blame;

/// A broken fact about a geometry, a stripe, its pieces or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A geometry no codec can serve.
    #[error(transparent)]
    Geometry(#[from] host_core::Error),
    /// A segment that is empty or longer than its geometry allows.
    #[error("a segment of {have} bytes is not within 1 to {max}")]
    SegmentLength {
        /// Bytes of the segment.
        have: u64,
        /// Bytes of a full segment.
        max: u64,
    },
    /// A range that is empty, reversed or reaches beyond the segment.
    #[error("bytes {start}..{end} do not lie in a segment of {segment_len}")]
    Range {
        /// First byte.
        start: u64,
        /// Byte after the last.
        end: u64,
        /// Bytes of the segment.
        segment_len: u64,
    },
    /// A stripe that is empty or longer than its geometry allows.
    #[error("a stripe of {have} bytes is not within 1 to {max}")]
    StripeLength {
        /// Bytes of the stripe.
        have: u64,
        /// Bytes of a full stripe.
        max: u64,
    },
    /// A list of pieces with another count than the geometry's shards.
    #[error("{have} places for pieces in a stripe of {need} shards")]
    PieceCount {
        /// Shards of the geometry.
        need: usize,
        /// Places in the list.
        have: usize,
    },
    /// A piece that is longer or shorter than the others of its stripe.
    #[error("piece {index} has {have} bytes instead of {need}")]
    PieceLength {
        /// The shard the piece belongs to.
        index: usize,
        /// Bytes it should have.
        need: usize,
        /// Bytes it has.
        have: usize,
    },
    /// A piece index beyond the geometry's shards.
    #[error("piece {index} of a stripe of {total} shards")]
    PieceIndex {
        /// The index asked for.
        index: usize,
        /// Shards of the geometry.
        total: usize,
    },
    /// Fewer pieces than data shards: the bytes cannot be had from these.
    #[error("{have} pieces are here, {need} are needed")]
    TooFew {
        /// Data shards of the geometry.
        need: usize,
        /// Pieces given.
        have: usize,
    },
    /// An output buffer of another length than the result.
    #[error("the output has {have} bytes, the result {need}")]
    OutLength {
        /// Bytes of the result.
        need: usize,
        /// Bytes of the buffer.
        have: usize,
    },
    /// The coder refused what was checked before it was asked.
    #[error("the coder refused a checked request while {step}")]
    Coder {
        /// What was being done.
        step: &'static str,
    },
}

impl Error {
    /// Who must act: wrong shapes of buffers are ours, everything about the bytes and the
    /// geometry comes from the other side.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Geometry(wrong) => wrong.blame(),
            Self::SegmentLength { .. } | Self::PieceLength { .. } | Self::TooFew { .. } => {
                Blame::Peer
            }
            Self::Range { .. }
            | Self::StripeLength { .. }
            | Self::PieceCount { .. }
            | Self::PieceIndex { .. }
            | Self::OutLength { .. }
            | Self::Coder { .. } => Blame::Us,
        }
    }
}
