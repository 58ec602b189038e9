//! Why a verb of the renter did not succeed: a stable code, who must act, what to do next.

use std::io::ErrorKind;

use host_core::seams::ChainError;
use host_core::{Address, AgreementDigest, Amount, Blame, ObjectId};

use crate::codes::Code;

/// A verb that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the home or the file being stored.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A book that does not read.
    #[error("{path} does not read as this renter's book: {why}")]
    Book {
        /// Which file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// No hub answered and no list is remembered.
    #[error("no hub answers and no host list is remembered; check `hubs` in the network file")]
    NoHubs,
    /// Too few hosts take the shards.
    #[error(
        "{need} hosts are needed, {have} announced ones have the room, take the term and ask no more"
    )]
    TooFewHosts {
        /// Wanted.
        need: usize,
        /// Found.
        have: usize,
    },
    /// Hosts enough, but too many of them stand together.
    #[error(
        "{need} hosts in different network prefixes are needed; the {fit} announced ones that fit \
         stand in {have}"
    )]
    TooFewPrefixes {
        /// Wanted.
        need: usize,
        /// Hosts that fit.
        fit: usize,
        /// Prefixes among them.
        have: usize,
    },
    /// The placement policy leaves too few hosts.
    #[error(
        "{need} hosts are needed, {have} of {known} announced ones fit; `{constraint}` alone leaves \
         out {left_out}"
    )]
    TooStrict {
        /// Wanted.
        need: usize,
        /// Hosts that fit.
        have: usize,
        /// The key that leaves out most.
        constraint: &'static str,
        /// How many it leaves out.
        left_out: usize,
        /// Hosts announced.
        known: usize,
    },
    /// Too few operators for the policy's bound on each.
    #[error(
        "{need} hosts are needed and an operator may keep {bound}; the {fit} announced ones that \
         fit make {have}"
    )]
    TooFewOperators {
        /// Wanted.
        need: usize,
        /// Hosts that fit.
        fit: usize,
        /// Hosts within the bound.
        have: usize,
        /// Shards an operator may keep.
        bound: usize,
    },
    /// A placement policy that does not read.
    #[error("placement policy {path}: {why}")]
    Policy {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The vault does not cover the cost.
    #[error(
        "the vault must cover {needed}, {available} is free: {missing} is missing; \
             deposit it with `holdfast wallet deposit {missing}`"
    )]
    Shortfall {
        /// Cost of the whole term.
        needed: Amount,
        /// Free in the vault.
        available: Amount,
        /// The difference.
        missing: Amount,
    },
    /// The account that locks holds less than the term costs.
    #[error(
        "the account must hold {needed}, it holds {available}: {missing} is missing; \
             make it with `holdfast wallet wrap {missing}`"
    )]
    PurseShort {
        /// Cost of the whole term.
        needed: Amount,
        /// Tokens of the account.
        available: Amount,
        /// The difference.
        missing: Amount,
    },
    /// The network has no escrow.
    #[error("this network has no escrow; pay by cheque")]
    NoEscrow,
    /// The vault is not one the network's factory made.
    #[error("vault {vault} was not made by the network's factory")]
    VaultForeign {
        /// Which.
        vault: Address,
    },
    /// The vault pays for another account.
    #[error("vault {vault} pays for {issuer}, this wallet is {owner}")]
    VaultIssuer {
        /// Which.
        vault: Address,
        /// Whose cheques it honours.
        issuer: Address,
        /// Who we are.
        owner: Address,
    },
    /// The object is stored for as long already.
    #[error("object {object} is stored until epoch {until} already, the new term ends at {asked}")]
    AlreadyStored {
        /// Which.
        object: ObjectId,
        /// First epoch after its term.
        until: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A shard found no host.
    #[error("shard {index} of segment {segment} found no host: {last}")]
    NoHostForShard {
        /// Segment.
        segment: u32,
        /// Shard.
        index: u16,
        /// What the last host said.
        last: String,
    },
    /// Too few shards can be had.
    #[error("segment {segment} needs {need} shards, {have} can be had: {last}")]
    TooFewShards {
        /// Segment.
        segment: u32,
        /// Data shards.
        need: usize,
        /// Found.
        have: usize,
        /// What the last host said.
        last: String,
    },
    /// The object is not in the book.
    #[error("object {object} is not in this renter's book; `holdfast ls` lists what is")]
    Unknown {
        /// Which.
        object: ObjectId,
    },
    /// A chunk that does not open.
    #[error("chunk {index} does not open with the object's key")]
    Chunk {
        /// Which.
        index: u32,
    },
    /// The whole does not have the hash it was stored with.
    #[error("the bytes do not have the SHA-256 they were stored with")]
    Hash,
    /// A range beyond the object.
    #[error("bytes {start}..{end} lie outside the object of {len}")]
    Range {
        /// First.
        start: u64,
        /// End.
        end: u64,
        /// Length.
        len: u64,
    },
    /// A line that hands an object on is not one.
    #[error("this is no share: {why}")]
    Share {
        /// Why not.
        why: String,
    },
    /// No such session.
    #[error("there is no session {session} in this renter's book")]
    Session {
        /// Which.
        session: String,
    },
    /// Another process works on the session.
    #[error("another process works on {path}")]
    Busy {
        /// The journal.
        path: String,
    },
    /// The file is not the one the session began with.
    #[error("{path} changed since the session began; put it again")]
    Changed {
        /// The file.
        path: String,
    },
    /// The session has ended.
    #[error("session {session} has ended")]
    Ended {
        /// Which.
        session: String,
    },
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A value does not hold.
    #[error(transparent)]
    Value(#[from] host_core::Error),
    /// The coder refused.
    #[error(transparent)]
    Code(#[from] host_erasure::Error),
    /// Other shards of a segment lead to another shard than the descriptor names.
    #[error(
        "shard {index} of segment {segment} rebuilt from the others is not the one the object \
         names: its record is wrong"
    )]
    Rebuilt {
        /// Segment.
        segment: u32,
        /// Shard.
        index: usize,
    },
    /// A host does not show its receipt again.
    #[error("the host of agreement {agreement} does not give its receipt again; try again")]
    NoReceipt {
        /// Which.
        agreement: AgreementDigest,
    },
    /// A conversation with a guard or host that did not reach its end.
    #[error(transparent)]
    Talk {
        /// How it ended.
        source: host_transfer::Error,
    },
    /// No guard is named.
    #[error("no guard is named for object {object}")]
    NoGuards {
        /// Which.
        object: ObjectId,
    },
    /// A worker thread died.
    #[error("a worker ended early")]
    Worker,
}

impl Error {
    /// The stable name of the fault; it also says who must act and the next step.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::File { source, .. } => match source.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
                    Code::FileMissing
                }
                _ => Code::FileFailed,
            },
            Self::Book { .. } => Code::BookDamaged,
            Self::NoHubs => Code::NoHubs,
            Self::TooFewHosts { .. } => Code::TooFewHosts,
            Self::TooFewPrefixes { .. } => Code::TooFewPrefixes,
            Self::TooStrict { .. } => Code::TooStrict,
            Self::TooFewOperators { .. } => Code::TooFewOperators,
            Self::Policy { .. } => Code::PolicyFile,
            Self::Shortfall { .. } => Code::VaultShort,
            Self::PurseShort { .. } => Code::PurseShort,
            Self::NoEscrow => Code::NoEscrow,
            Self::VaultForeign { .. } => Code::VaultForeign,
            Self::VaultIssuer { .. } => Code::VaultNotYours,
            Self::NoHostForShard { .. } => Code::NoHostForShard,
            Self::TooFewShards { .. } => Code::TooFewShards,
            Self::Unknown { .. } => Code::ObjectUnknown,
            Self::Chunk { .. } => Code::ChunkDamaged,
            Self::Hash => Code::HashMismatch,
            Self::Range { .. } => Code::RangeOutside,
            Self::Share { .. } => Code::ShareWrong,
            Self::Session { .. } => Code::SessionUnknown,
            Self::Busy { .. } => Code::SessionBusy,
            Self::Changed { .. } => Code::FileChanged,
            Self::Ended { .. } => Code::SessionEnded,
            Self::AlreadyStored { .. } => Code::AlreadyStored,
            Self::Chain(error) => Code::of_chain(error),
            Self::Value(_) => Code::ValueInvalid,
            Self::Rebuilt { .. } => Code::RecordWrong,
            Self::NoReceipt { .. } => Code::ReceiptMissing,
            Self::NoGuards { .. } => Code::NoGuards,
            Self::Talk { source } => Code::of_transfer(source),
            Self::Code(_) => Code::CoderRefused,
            Self::Worker => Code::WorkerDied,
        }
    }

    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.code().blame()
    }
}
