//! The seam to the fact rings: the ledger says what goes where, the store writes it to a volume.
//!
//! A ring has two halves. Records follow each other in one half until it is full; then the live
//! facts are written as a snapshot into the other half under a higher generation, and records go
//! on there. The ledger keeps the place of the next record in the same transaction as the facts,
//! so opening a ring reads nothing.

use host_core::Blame;
use host_core::seams::{BoxFuture, DeviceError};
use minicbor::{Decode, Encode};

/// Where the next record of a ring goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RingPlace {
    /// 0 or 1.
    #[n(0)]
    pub half: u8,
    /// Rises each time a half is begun; records of an older generation do not count.
    #[n(1)]
    pub generation: u64,
    /// Bytes from the start of the half.
    #[n(2)]
    pub offset: u64,
    /// Records written to this half in this generation.
    #[n(3)]
    pub index: u64,
}

impl RingPlace {
    /// The start of an unused ring.
    pub const FIRST: Self = Self {
        half: 0,
        generation: 1,
        offset: 0,
        index: 0,
    };

    /// The start of the other half, one generation on.
    #[must_use]
    pub const fn other_half(self) -> Self {
        let generation = self.generation.saturating_add(1);
        Self {
            half: 1 - (self.half & 1),
            generation,
            offset: 0,
            index: 0,
        }
    }
}

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// A part of the snapshot that opens a half.
    Snapshot,
    /// The last part of that snapshot.
    SnapshotEnd,
    /// The facts of one group commit.
    Group,
}

/// A record that was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The half has no room for it.
    #[error("the ring's half of {half_len} bytes has no room for {need} more")]
    Full {
        /// Bytes of a half.
        half_len: u64,
        /// Bytes the record takes.
        need: u64,
    },
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl JournalError {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Full { .. } => Blame::Operator,
            Self::Device(error) => error.blame(),
        }
    }
}

/// The fact ring of one volume.
pub trait Journal: Send + Sync + 'static {
    /// Bytes of one half.
    fn half_len(&self) -> u64;

    /// Writes one record at `place` and returns the place after it. Not durable before `flush`.
    fn write<'a>(
        &'a self,
        place: RingPlace,
        kind: RecordKind,
        sequence: u64,
        payload: &'a [u8],
    ) -> BoxFuture<'a, Result<RingPlace, JournalError>>;

    /// Makes every written record durable.
    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>>;
}
