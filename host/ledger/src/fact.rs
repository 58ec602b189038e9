//! Facts: what a room may ask the ledger to make true. A set of facts is committed whole or not
//! at all. What a set changes in the tables is what goes into the fact rings of the volumes, so
//! that every fact can be told again when the state device is lost.

use host_core::cheque::SignedCheque;
use host_core::records::SignedRecord;
use host_core::{Address, AgreementDigest, Amount, Digest32, ShardId, VolumeId};

use crate::row::{AgreementRow, AgreementState, OutboxRow, PeerRow, PlacementRow, VolumeState};

/// One fact.
#[expect(
    clippy::large_enum_variant,
    reason = "facts live for one commit, in vectors of a few"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Both sides signed an agreement. Refused: AgreementKnown.
    AgreementOpened(AgreementRow),
    /// A shard's bytes are flushed and lie in this extent. Takes the extent out of the free map,
    /// makes the agreement active. Refused: NoAgreement, AgreementState, OtherShard, ShardKept,
    /// NoVolume, ExtentTaken.
    ShardPlaced {
        /// The shard.
        shard: ShardId,
        /// Where it lies.
        row: PlacementRow,
        /// The agreement it is kept under.
        agreement: AgreementDigest,
    },
    /// A shard that is kept is kept under one more agreement, which becomes active. Refused:
    /// NoAgreement, AgreementState, OtherShard, NoShard.
    LeaseAdded {
        /// The shard.
        shard: ShardId,
        /// The agreement.
        agreement: AgreementDigest,
    },
    /// An agreement ended. With the shard's last lease its placement goes and its extent is free
    /// again. An agreement that ended before is left as it is. Refused: NoAgreement.
    AgreementClosed {
        /// The agreement.
        agreement: AgreementDigest,
        /// How it ended: Expired, Released or Failed.
        state: AgreementState,
    },
    /// A cheque was judged good. Refused: NoAgreement, AgreementState, ChequeNotRising.
    ChequeAccepted {
        /// The cheque.
        cheque: SignedCheque,
        /// The agreement it pays.
        agreement: AgreementDigest,
        /// First epoch it does not pay for.
        through_epoch: u64,
        /// What it adds for the agreement.
        increment: Amount,
    },
    /// The vault has paid up to this cumulative sum. A lower sum than known changes nothing.
    /// Refused: NoCheque.
    ChequeCashed {
        /// The vault.
        vault: Address,
        /// What it has paid.
        cumulative: Amount,
    },
    /// A transaction is signed and about to be broadcast. Refused: OutboxBusy when one of the
    /// same vault is under way.
    OutboxPut(OutboxRow),
    /// A transaction is deep enough. Refused: NoOutbox.
    OutboxDone {
        /// Its hash.
        hash: Digest32,
        /// Whether it succeeded.
        success: bool,
    },
    /// An owner's record of one object. Refused: RecordOld unless its version is higher,
    /// RecordsFull. The same record again changes nothing.
    RecordKept(SignedRecord),
    /// A peer was seen.
    PeerSeen(PeerRow),
    /// A volume joined with a data region of `size` bytes at `start`, all of it free. The same
    /// again changes nothing. Refused: VolumeKnown with another size.
    VolumeAdded {
        /// Its name.
        volume: VolumeId,
        /// First byte of its data region.
        start: u64,
        /// Bytes of its data region.
        size: u64,
    },
    /// A volume changed its state. Refused: NoVolume.
    VolumeChanged {
        /// Which.
        volume: VolumeId,
        /// Its new state.
        state: VolumeState,
    },
    /// A small value under a name (the network's genesis, a cursor).
    MetaSet {
        /// The name.
        key: String,
        /// The value.
        bytes: Vec<u8>,
    },
}
