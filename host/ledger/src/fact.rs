//! Facts: what a room may ask the ledger to make true. A set of facts is committed whole or not
//! at all. What a set changes in the tables is what goes into the fact rings of the volumes, so
//! that every fact can be told again when the state device is lost.

use host_core::cheque::SignedCheque;
use host_core::identity::Signature;
use host_core::records::SignedRecord;
use host_core::seams::ChequePaid;
use host_core::{Address, AgreementDigest, Amount, PeerId, ShardId, VolumeId};

use crate::dataset::{BatchRow, PeriodRow};
use crate::outbox::{IntentKey, OutboxRow, OutboxState};
use crate::row::{AgreementRow, AgreementState, Cursor, PeerRow, PlacementRow, VolumeState};

/// One fact.
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
    /// A cheque was judged good that pays for reads on its vault's account. Refused:
    /// ChequeNotRising.
    ReadsPaid {
        /// The cheque.
        cheque: SignedCheque,
        /// What it adds to the account.
        increment: Amount,
    },
    /// What was read on a vault's account so far; less than known changes nothing. Refused:
    /// NoCheque.
    ReadsServed {
        /// The vault.
        vault: Address,
        /// Bytes in all.
        bytes: u64,
        /// What they cost in all, in 2^-30 of a smallest unit.
        cost: Amount,
    },
    /// The vault has paid up to this cumulative sum. A lower sum than known changes nothing.
    /// Refused: NoCheque.
    ChequeCashed {
        /// The vault.
        vault: Address,
        /// What it has paid.
        cumulative: Amount,
    },
    /// Something of this vault's newest cheque stands uncashed since this block. Once known it
    /// stays until the cheque is paid in full. Refused: NoCheque.
    ChequeDue {
        /// The vault.
        vault: Address,
        /// The newest block known.
        block: u64,
    },
    /// What the vault did not pay of the cheque presented last. Refused: NoCheque.
    ChequeBounced {
        /// The vault.
        vault: Address,
        /// What is missing; zero when it paid all.
        missing: Amount,
    },
    /// Blocks were read up to the cursor, with what vaults paid in them: the cursor and its effects
    /// are one fact. Payments of vaults no cheque is known of are passed over.
    BlocksRead {
        /// Where the next reading begins.
        cursor: Cursor,
        /// What was paid, in order.
        paid: Vec<ChequePaid>,
    },
    /// A reorganisation took back every block above the cursor: effects of those blocks go, and
    /// the sums of the vaults they touched become what the vaults say now, also when that is less.
    BlocksLost {
        /// The newest block that still stands.
        cursor: Cursor,
        /// Vaults touched above it, with what they have paid by the chain as it is now.
        paid_out: Vec<(Address, Amount)>,
    },
    /// A transaction is wanted, or signed and about to be broadcast. Refused: IntentBusy when one
    /// of the same intent is under way, NonceBusy when another one holds its nonce.
    OutboxPut(OutboxRow),
    /// A transaction under way has a new form, or was seen in a block, or lost again. Refused:
    /// NoIntent, NonceBusy when another one holds its nonce, or when a form would be forgotten.
    OutboxChanged(OutboxRow),
    /// A transaction ended. Refused: NoIntent, IntentOpen for a state that is no end.
    OutboxDone {
        /// What it was for.
        intent: IntentKey,
        /// How it ended.
        state: OutboxState,
        /// Why, for people.
        reason: String,
    },
    /// An owner's record of one object. Refused: RecordOld unless its version is higher,
    /// RecordsFull. The same record again changes nothing.
    RecordKept(SignedRecord),
    /// Active agreements that stand in no batch enter the draft of the next one, in this order, at
    /// most 256; others are passed over. Refused: BatchOrder.
    LeavesDrafted {
        /// The batch, counted from 0.
        batch: u64,
        /// The agreements.
        agreements: Vec<AgreementDigest>,
    },
    /// The draft of the next batch is whole. Refused: BatchOrder.
    BatchSealed {
        /// The batch.
        batch: u64,
        /// Its root.
        row: BatchRow,
    },
    /// The chain took a batch in this period, or, after a reorganisation, has it no more. Refused:
    /// BatchOrder when there is no such batch.
    BatchSeen {
        /// The batch.
        batch: u64,
        /// The period; none when it is gone from the chain.
        period: Option<u64>,
    },
    /// A renter signed an agreement away. Kept where the agreement stands in the dataset, and
    /// passed over elsewhere. Refused: NoAgreement.
    ReleaseKept {
        /// The agreement.
        agreement: AgreementDigest,
        /// The renter's `delete` signature.
        signature: Signature,
    },
    /// A period this host had a duty in is over.
    PeriodEnded {
        /// The period.
        period: u64,
        /// How it ended.
        row: PeriodRow,
    },
    /// Ended agreements are forgotten, those whose term ended before epoch `before` and that no
    /// leaf of a dataset needs; the others are passed over. Their counts and sums stay.
    AgreementsForgotten {
        /// Which.
        ended: Vec<AgreementDigest>,
        /// The first end epoch that is kept.
        before: u64,
    },
    /// Peers are forgotten, those last seen before `before_ms`; the others are passed over.
    PeersForgotten {
        /// Which.
        peers: Vec<PeerId>,
        /// Milliseconds since 1970.
        before_ms: u64,
    },
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
    /// A shard's bytes lie somewhere else now, flushed: its old extent is free again, and a fence
    /// is gone. Refused: NoShard when it does not lie at `from`; NoVolume; ExtentTaken.
    ShardMoved {
        /// The shard.
        shard: ShardId,
        /// Where it lay.
        from: PlacementRow,
        /// Where it lies.
        to: PlacementRow,
    },
    /// A shard's bytes are bad where they lie. The same again changes nothing. Refused: NoShard.
    ShardFenced {
        /// The shard.
        shard: ShardId,
        /// What is bad, for people.
        why: String,
    },
    /// A volume's data region is longer now, its new part free. Refused: NoVolume; VolumeKnown
    /// when it would shrink.
    VolumeGrown {
        /// Which.
        volume: VolumeId,
        /// Bytes of its data region.
        size: u64,
    },
    /// An empty volume is forgotten. One that is not known changes nothing. Refused: VolumeBusy
    /// while a shard lies on it.
    VolumeRemoved {
        /// Which.
        volume: VolumeId,
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
