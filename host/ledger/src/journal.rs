//! The seam to the fact rings: the ledger says what goes where, the store writes it to a volume.
//!
//! A ring has two halves. Records follow each other in one half until it is full; then the live
//! facts are written as a snapshot into the other half under a higher generation, and records go
//! on there. The ledger keeps the place of the next record in the same transaction as the facts,
//! so opening a ring reads nothing.

use host_core::seams::{BoxFuture, DeviceError};
use host_core::{Blame, VolumeId};
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

/// What a record holds. Numbers never move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// A part of the snapshot that opens a half.
    Snapshot = 1,
    /// The last part of that snapshot; the half counts from here on.
    SnapshotEnd = 2,
    /// A part of one group commit.
    Group = 3,
    /// The last part of a group; the group counts from here on.
    GroupEnd = 4,
}

impl RecordKind {
    /// The kind of a number read from a volume.
    #[must_use]
    pub const fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Snapshot),
            2 => Some(Self::SnapshotEnd),
            3 => Some(Self::Group),
            4 => Some(Self::GroupEnd),
            _ => None,
        }
    }
}

/// One changed row: what rings keep of facts. The payload of a record is a run of these.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// The table's number.
    #[n(0)]
    pub(crate) table: u8,
    /// The row's key.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) key: Vec<u8>,
    /// The row's new value; none when it was removed.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) value: Option<Vec<u8>>,
    /// The volume the row is about, when only that volume's ring gets it.
    #[n(3)]
    pub(crate) own: Option<VolumeId>,
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

    /// Bytes of the longest payload one record takes.
    fn payload_max(&self) -> usize;

    /// The half and generation begun last, read from the volume; none for an unused ring. Asked
    /// only when the ledger does not know where this ring stands.
    fn newest(&self) -> BoxFuture<'_, Result<Option<RingPlace>, JournalError>>;

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

/// What a volume's ring was found to hold, for a ledger that must be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRing {
    /// The volume.
    pub volume: VolumeId,
    /// First byte of its data region, from its label.
    pub start: u64,
    /// Bytes of its data region.
    pub size: u64,
    /// Where the ring's next record would go; none when the ring holds nothing.
    pub place: Option<RingPlace>,
    /// The records of the newest whole half in order: kind, number of the group, payload.
    pub records: Vec<(RecordKind, u64, Vec<u8>)>,
}
