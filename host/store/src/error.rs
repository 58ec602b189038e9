//! What can be wrong with a volume, a writer or a reader. Each variant names the volume or the
//! shard and the numbers that show it.

use host_core::seams::DeviceError;
use host_core::{Blame, NetworkId, PeerId, ShardId, VolumeId};

/// A volume that cannot be used, a shard that was not taken in, or bytes that do not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] host_ledger::Error),
    /// Nothing was ever written here by `format`.
    #[error("volume carries no label; format it first")]
    Unformatted,
    /// The label is damaged in both copies.
    #[error("both labels of the volume are damaged")]
    LabelDamaged,
    /// The volume carries a label already.
    #[error("volume is already formatted as {volume}")]
    Formatted {
        /// As which.
        volume: VolumeId,
    },
    /// The label's layout is of another version.
    #[error("volume layout is version {have}, this program reads {need}")]
    Version {
        /// On the volume.
        have: u32,
        /// Read here.
        need: u32,
    },
    /// The volume belongs to another host.
    #[error("volume {volume} belongs to host {have}, this is {need}")]
    OtherOwner {
        /// The volume.
        volume: VolumeId,
        /// On the label.
        have: PeerId,
        /// This host.
        need: PeerId,
    },
    /// The volume belongs to another network.
    #[error("volume {volume} belongs to network {have}, this is {need}")]
    OtherNetwork {
        /// The volume.
        volume: VolumeId,
        /// On the label.
        have: NetworkId,
        /// This network.
        need: NetworkId,
    },
    /// The device is shorter than the label says.
    #[error("volume {volume} was formatted with {need} bytes, the device has {have}")]
    Truncated {
        /// The volume.
        volume: VolumeId,
        /// On the label.
        need: u64,
        /// On the device.
        have: u64,
    },
    /// The device is too small to be a volume.
    #[error("a volume needs at least {need} bytes, the device has {have}")]
    TooSmall {
        /// Bytes needed.
        need: u64,
        /// Bytes there.
        have: u64,
    },
    /// The device's block is larger than what extents are aligned to.
    #[error("the device's block of {have} bytes is no divisor of {need}")]
    Block {
        /// The alignment of extents.
        need: u64,
        /// The device's block.
        have: u64,
    },
    /// The same volume was given twice.
    #[error("volume {volume} was given twice")]
    Twice {
        /// Which.
        volume: VolumeId,
    },
    /// The ledger knows this volume with another data region.
    #[error("the ledger knows volume {volume} with {have} bytes for shards, its label says {need}")]
    OtherGeometry {
        /// Which.
        volume: VolumeId,
        /// In the ledger.
        have: u64,
        /// On the label.
        need: u64,
    },
    /// No volume has a free run this long.
    #[error("no free extent of {need} bytes; {free} bytes are free in all")]
    NoSpace {
        /// Bytes wanted in one run.
        need: u64,
        /// Bytes free on all volumes.
        free: u64,
    },
    /// A shard length no extent can hold.
    #[error("a shard of {len} bytes is outside 1 to {max}")]
    ShardLen {
        /// Asked.
        len: u64,
        /// The bound.
        max: u64,
    },
    /// More or fewer bytes came than were reserved for.
    #[error("the shard has {need} bytes, {have} came")]
    BodyLen {
        /// Reserved.
        need: u64,
        /// Came.
        have: u64,
    },
    /// The bytes are not the promised shard.
    #[error("the bytes are shard {found}, {promised} was promised")]
    RootMismatch {
        /// Promised.
        promised: ShardId,
        /// What the bytes are.
        found: ShardId,
    },
    /// Stored bytes do not verify.
    #[error("shard {shard} is damaged at offset {offset} of volume {volume}: {why}")]
    Damaged {
        /// The shard.
        shard: ShardId,
        /// Its volume.
        volume: VolumeId,
        /// Where on the volume.
        offset: u64,
        /// What does not hold.
        why: &'static str,
    },
    /// The shard's bytes were found bad and are not served.
    #[error("shard {shard} on volume {volume} is fenced: {why}")]
    Fenced {
        /// The shard.
        shard: ShardId,
        /// Its volume.
        volume: VolumeId,
        /// What was found.
        why: String,
    },
    /// The shard lies on a volume that is not open.
    #[error("shard {shard} lies on volume {volume}, which is not open")]
    VolumeAway {
        /// The shard.
        shard: ShardId,
        /// Its volume.
        volume: VolumeId,
    },
    /// A run outside the shard.
    #[error("bytes {offset}+{len} are outside a shard of {shard_len}")]
    Run {
        /// First byte.
        offset: u64,
        /// Bytes asked.
        len: u64,
        /// Bytes of the shard.
        shard_len: u64,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Device(error) => error.blame(),
            Self::Ledger(error) => error.blame(),
            Self::Unformatted
            | Self::Formatted { .. }
            | Self::Version { .. }
            | Self::OtherOwner { .. }
            | Self::OtherNetwork { .. }
            | Self::Truncated { .. }
            | Self::TooSmall { .. }
            | Self::Block { .. }
            | Self::Twice { .. }
            | Self::OtherGeometry { .. }
            | Self::VolumeAway { .. }
            | Self::NoSpace { .. } => Blame::Operator,
            Self::LabelDamaged | Self::Damaged { .. } | Self::Fenced { .. } => Blame::Machine,
            Self::ShardLen { .. }
            | Self::BodyLen { .. }
            | Self::RootMismatch { .. }
            | Self::Run { .. } => Blame::Peer,
        }
    }
}
