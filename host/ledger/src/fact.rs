//! Facts: what a room may ask the ledger to make true. A set of facts is committed whole or not
//! at all. The same encoding goes into the fact rings of the volumes, so that every fact can be
//! told again when the state device is lost.

use host_core::cheque::SignedCheque;
use host_core::records::SignedRecord;
use host_core::{Address, AgreementDigest, Amount, Digest32, ShardId, VolumeId};
use minicbor::{Decode, Encode};

use crate::row::{
    AgreementRow, AgreementState, ChequeRow, OutboxRow, PeerRow, PlacementRow, VolumeState,
};

/// One fact. Numbers never move: they are the encoding on every volume.
#[expect(
    clippy::large_enum_variant,
    reason = "facts live for one commit, in vectors of a few"
)]
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Fact {
    /// Both sides signed an agreement. Refused: AgreementKnown.
    #[n(0)]
    AgreementOpened(#[n(0)] AgreementRow),
    /// A shard's bytes are flushed and lie in this extent. Takes the extent out of the free map,
    /// makes the agreement active. Refused: NoAgreement, AgreementState, OtherShard, ShardKept,
    /// NoVolume, ExtentTaken.
    #[n(1)]
    ShardPlaced {
        /// The shard.
        #[n(0)]
        shard: ShardId,
        /// Where it lies.
        #[n(1)]
        row: PlacementRow,
        /// The agreement it is kept under.
        #[n(2)]
        agreement: AgreementDigest,
    },
    /// A shard that is kept is kept under one more agreement, which becomes active. Refused:
    /// NoAgreement, AgreementState, OtherShard, NoShard.
    #[n(2)]
    LeaseAdded {
        /// The shard.
        #[n(0)]
        shard: ShardId,
        /// The agreement.
        #[n(1)]
        agreement: AgreementDigest,
    },
    /// An agreement ended. With the shard's last lease its placement goes and its extent is free
    /// again. An agreement that ended before is left as it is. Refused: NoAgreement.
    #[n(3)]
    AgreementClosed {
        /// The agreement.
        #[n(0)]
        agreement: AgreementDigest,
        /// How it ended: Expired, Released or Failed.
        #[n(1)]
        state: AgreementState,
    },
    /// A cheque was judged good. Refused: NoAgreement, AgreementState, ChequeNotRising.
    #[n(4)]
    ChequeAccepted {
        /// The cheque.
        #[n(0)]
        cheque: SignedCheque,
        /// The agreement it pays.
        #[n(1)]
        agreement: AgreementDigest,
        /// First epoch it does not pay for.
        #[n(2)]
        through_epoch: u64,
        /// What it adds for the agreement.
        #[n(3)]
        increment: Amount,
    },
    /// The vault has paid up to this cumulative sum. A lower sum than known changes nothing.
    /// Refused: NoCheque.
    #[n(5)]
    ChequeCashed {
        /// The vault.
        #[n(0)]
        vault: Address,
        /// What it has paid.
        #[n(1)]
        cumulative: Amount,
    },
    /// A transaction is signed and about to be broadcast. Refused: OutboxBusy when one of the
    /// same vault is under way.
    #[n(6)]
    OutboxPut(#[n(0)] OutboxRow),
    /// A transaction is deep enough. Refused: NoOutbox.
    #[n(7)]
    OutboxDone {
        /// Its hash.
        #[n(0)]
        hash: Digest32,
        /// Whether it succeeded.
        #[n(1)]
        success: bool,
    },
    /// An owner's record of one object. Refused: RecordOld unless its version is higher,
    /// RecordsFull. The same record again changes nothing.
    #[n(8)]
    RecordKept(#[n(0)] SignedRecord),
    /// A peer was seen.
    #[n(9)]
    PeerSeen(#[n(0)] PeerRow),
    /// A volume joined with a data region of `size` bytes at `start`, all of it free. The same
    /// again changes nothing. Refused: VolumeKnown with another size.
    #[n(10)]
    VolumeAdded {
        /// Its name.
        #[n(0)]
        volume: VolumeId,
        /// First byte of its data region.
        #[n(1)]
        start: u64,
        /// Bytes of its data region.
        #[n(2)]
        size: u64,
    },
    /// A volume changed its state. Refused: NoVolume.
    #[n(11)]
    VolumeChanged {
        /// Which.
        #[n(0)]
        volume: VolumeId,
        /// Its new state.
        #[n(1)]
        state: VolumeState,
    },
    /// A small value under a name (the network's genesis, a cursor).
    #[n(12)]
    MetaSet {
        /// The name.
        #[n(0)]
        key: String,
        /// The value.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        bytes: Vec<u8>,
    },
    /// The newest cheque of a vault as it stood; only in snapshots and recovery. Replaces a lower
    /// cumulative sum, changes nothing otherwise.
    #[n(13)]
    ChequeKnown(#[n(0)] ChequeRow),
}

/// Which rings a fact goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The ring of every healthy volume.
    Every,
    /// The ring of one volume.
    Own(VolumeId),
    /// None: it can be learned again.
    Nowhere,
}

impl Fact {
    /// Which rings the fact goes to.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        match self {
            Self::ShardPlaced { row, .. } => Reach::Own(row.volume),
            Self::PeerSeen(_) | Self::VolumeAdded { .. } => Reach::Nowhere,
            _ => Reach::Every,
        }
    }
}
