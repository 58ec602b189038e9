//! What can be wrong with a development chain, as facts.
//!
//! Enters: nothing. Leaves: one enum whose variants carry the numbers an operator needs.
//! Errors of one JSON-RPC request are not here: they are answers (`rpc::Refusal`), not faults of
//! the program.

use host_core::Blame;
use std::path::PathBuf;

/// A fact that keeps the development chain from starting or from going on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain id belongs to a public network that carries money.
    #[error("chain id {chain_id} belongs to a public network; a development chain must not use it")]
    ChainIdOfPublicNetwork {
        /// The refused id.
        chain_id: u64,
    },
    /// The data directory was made for another chain id.
    #[error("directory {path} holds chain {stored}, asked for chain {asked}")]
    OtherChain {
        /// The data directory.
        path: PathBuf,
        /// The chain id of its log.
        stored: u64,
        /// The chain id of the command line.
        asked: u64,
    },
    /// Another process works on the data directory.
    #[error("directory {path} is in use by process {pid}")]
    DirectoryInUse {
        /// The data directory.
        path: PathBuf,
        /// What the lock file says, or `unknown`.
        pid: String,
    },
    /// A record before the end of the log does not match its checksum.
    #[error("block log {path} is damaged at byte {offset}, with later records behind it")]
    LogDamaged {
        /// The log file.
        path: PathBuf,
        /// Where the bad record begins.
        offset: u64,
    },
    /// Executing a recorded block again gives another block hash.
    #[error("block {block} executes to another hash than the one recorded")]
    ReplayDiffers {
        /// Number of the block.
        block: u64,
    },
    /// The log does not start with a genesis record, or a number is missing.
    #[error("block log holds block {found} where block {expected} belongs")]
    LogOutOfOrder {
        /// The number that should follow.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
    /// A recorded transaction cannot be read.
    #[error("recorded transaction of block {block} is unreadable: {reason}")]
    RecordedTransaction {
        /// Number of the block.
        block: u64,
        /// What the decoder says.
        reason: crate::tx::Unreadable,
    },
    /// A file or socket operation was refused by the machine.
    #[error("{what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The path or address it was tried on.
        path: String,
        /// The machine's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::ChainIdOfPublicNetwork { .. }
            | Self::OtherChain { .. }
            | Self::DirectoryInUse { .. } => Blame::Operator,
            Self::LogDamaged { .. } | Self::Io { .. } => Blame::Machine,
            Self::ReplayDiffers { .. }
            | Self::LogOutOfOrder { .. }
            | Self::RecordedTransaction { .. } => Blame::Us,
        }
    }

    /// Wraps an I/O error with what was tried on which path or address.
    pub(crate) fn io(
        what: &'static str,
        path: impl std::fmt::Display,
        source: std::io::Error,
    ) -> Self {
        Self::Io {
            what,
            path: path.to_string(),
            source,
        }
    }
}
