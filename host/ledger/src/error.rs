//! Why a set of facts was refused, or why the ledger could not answer. A refusal of one set says
//! which fact does not fit the rows of that moment; a failure of the state device ends the ledger.

use host_core::{Address, AgreementDigest, Amount, Blame, ShardId, VolumeId};

use crate::outbox::{IntentKey, OutboxState};
use crate::row::AgreementState;

/// A refused set of facts, or a ledger that cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database refused or failed. Source: the text of redb's own error.
    #[error("ledger database: {why}")]
    Database {
        /// What redb said.
        why: String,
    },
    /// The state directory could not be made or its file not opened.
    #[error("ledger file {path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// Another program has this ledger open.
    #[error("ledger file {path} is open in another program")]
    Locked {
        /// The file.
        path: String,
    },
    /// The ledger was written by a newer program.
    #[error("ledger schema is version {have}, this program reads up to {newest}")]
    Schema {
        /// In the file.
        have: u32,
        /// Known here.
        newest: u32,
    },
    /// A row does not read back as what was written.
    #[error("ledger row of {table} does not read")]
    Row {
        /// Its table.
        table: &'static str,
    },
    /// Only an empty ledger can be made again from fact rings.
    #[error("the ledger holds facts already")]
    NotEmpty,
    /// The ledger was closed, or stopped after its device failed.
    #[error("the ledger is closed")]
    Closed,
    /// An agreement of this digest is recorded already.
    #[error("agreement {agreement} is recorded already")]
    AgreementKnown {
        /// Which.
        agreement: AgreementDigest,
    },
    /// No agreement of this digest is recorded.
    #[error("agreement {agreement} is not recorded")]
    NoAgreement {
        /// Which.
        agreement: AgreementDigest,
    },
    /// The agreement is in a state that does not allow this.
    #[error("agreement {agreement} is {state}")]
    AgreementState {
        /// Which.
        agreement: AgreementDigest,
        /// Its state.
        state: AgreementState,
    },
    /// The shard has a placement already: add a lease instead.
    #[error("shard {shard} is kept already")]
    ShardKept {
        /// Which.
        shard: ShardId,
    },
    /// The shard has no placement here.
    #[error("shard {shard} is not kept here")]
    NoShard {
        /// Which.
        shard: ShardId,
    },
    /// The agreement is about another shard, or another length.
    #[error("agreement {agreement} is not about shard {shard} of {len} bytes")]
    OtherShard {
        /// The agreement.
        agreement: AgreementDigest,
        /// The shard placed.
        shard: ShardId,
        /// Its length.
        len: u64,
    },
    /// The extent is not wholly free.
    #[error("extent {offset}+{size} of volume {volume} is not free")]
    ExtentTaken {
        /// The volume.
        volume: VolumeId,
        /// First byte.
        offset: u64,
        /// Bytes.
        size: u64,
    },
    /// The volume has no row.
    #[error("volume {volume} is not known to the ledger")]
    NoVolume {
        /// Which.
        volume: VolumeId,
    },
    /// A shard lies on the volume.
    #[error("volume {volume} still holds {used} bytes of shards")]
    VolumeBusy {
        /// Which.
        volume: VolumeId,
        /// Bytes of its extents.
        used: u64,
    },
    /// The volume has a row of another size.
    #[error("volume {volume} is recorded with {have} bytes for shards, not {need}")]
    VolumeKnown {
        /// Which.
        volume: VolumeId,
        /// Recorded.
        have: u64,
        /// Given.
        need: u64,
    },
    /// The cheque's cumulative sum does not exceed the newest one known.
    #[error("cumulative sum {got} does not exceed {have}")]
    ChequeNotRising {
        /// The newest known.
        have: Amount,
        /// On the cheque.
        got: Amount,
    },
    /// No cheque of this vault is known.
    #[error("no cheque of vault {vault} is known")]
    NoCheque {
        /// The vault.
        vault: Address,
    },
    /// A transaction of this intent is under way already.
    #[error("a transaction of intent {intent} is under way already")]
    IntentBusy {
        /// The intent.
        intent: IntentKey,
    },
    /// Another transaction under way was signed with this nonce, or this one has changed since it
    /// was read.
    #[error("nonce {nonce} belongs to the transaction of intent {intent}")]
    NonceBusy {
        /// The nonce.
        nonce: u64,
        /// Whose it is.
        intent: IntentKey,
    },
    /// No transaction of this intent is under way.
    #[error("no transaction of intent {intent} is under way")]
    NoIntent {
        /// The intent.
        intent: IntentKey,
    },
    /// A transaction cannot end in a state that is no end.
    #[error("the transaction of intent {intent} cannot end as {state}", state = state.label())]
    IntentOpen {
        /// The intent.
        intent: IntentKey,
        /// The state given.
        state: OutboxState,
    },
    /// A batch is not the one after the last.
    #[error("batch {batch} of the dataset comes out of turn, the next is {need}")]
    BatchOrder {
        /// The batch given.
        batch: u64,
        /// The one after the last.
        need: u64,
    },
    /// A record of the same or a higher version is kept.
    #[error("record version {have} is kept, {got} came")]
    RecordOld {
        /// Kept.
        have: u64,
        /// Given.
        got: u64,
    },
    /// The owner keeps as many records as allowed.
    #[error("owner {owner} keeps {count} records already")]
    RecordsFull {
        /// Who.
        owner: Address,
        /// How many.
        count: u64,
    },
    /// Money arithmetic left its range.
    #[error(transparent)]
    Value(#[from] host_core::Error),
    /// The fact ring of a volume cannot hold the live facts.
    #[error("fact ring of volume {volume} is too small for {need} bytes of live facts")]
    RingFull {
        /// The volume.
        volume: VolumeId,
        /// Bytes the facts take.
        need: u64,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Database { .. } => Blame::Machine,
            Self::File { .. }
            | Self::Locked { .. }
            | Self::Schema { .. }
            | Self::VolumeKnown { .. }
            | Self::RingFull { .. } => Blame::Operator,
            Self::Row { .. }
            | Self::Closed
            | Self::NotEmpty
            | Self::AgreementKnown { .. }
            | Self::ExtentTaken { .. }
            | Self::NoVolume { .. }
            | Self::NoShard { .. }
            | Self::OtherShard { .. }
            | Self::IntentBusy { .. }
            | Self::BatchOrder { .. }
            | Self::IntentOpen { .. }
            | Self::NonceBusy { .. }
            | Self::NoCheque { .. }
            | Self::NoIntent { .. } => Blame::Us,
            Self::VolumeBusy { .. } => Blame::Operator,
            Self::NoAgreement { .. }
            | Self::AgreementState { .. }
            | Self::ShardKept { .. }
            | Self::ChequeNotRising { .. }
            | Self::RecordOld { .. }
            | Self::RecordsFull { .. } => Blame::Peer,
            Self::Value(error) => error.blame(),
        }
    }

    /// Wraps what redb said.
    pub(crate) fn database(error: impl std::fmt::Display) -> Self {
        Self::Database {
            why: error.to_string(),
        }
    }
}
