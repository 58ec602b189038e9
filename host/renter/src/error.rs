//! Why a verb of the renter did not succeed: a stable code, who must act, what to do next.

use host_core::seams::ChainError;
use host_core::{Amount, Blame, ObjectId};

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
    /// A worker thread died.
    #[error("a worker ended early")]
    Worker,
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::File { .. } | Self::Book { .. } => Blame::Machine,
            Self::NoHubs
            | Self::Session { .. }
            | Self::Busy { .. }
            | Self::Changed { .. }
            | Self::Ended { .. }
            | Self::Shortfall { .. }
            | Self::Unknown { .. }
            | Self::Range { .. }
            | Self::TooFewPrefixes { .. }
            | Self::TooFewHosts { .. } => Blame::Operator,
            Self::Chain(error) => error.blame(),
            Self::Code(_) | Self::Worker => Blame::Us,
            _ => Blame::Peer,
        }
    }
}
