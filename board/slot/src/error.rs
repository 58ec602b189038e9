//! What can be wrong with slots and firmware variables. Each variant names the broken fact.

use std::path::PathBuf;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The owner of the box: no UEFI, a full variable store.
    Operator,
    /// The machine: a device that does not answer, firmware that refuses.
    Machine,
    /// A defect of Holdfast: an image that does not describe itself.
    Us,
}

/// Why a slot could not be found, tried or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line says nothing about the root, or says it wrongly.
    #[error("command line: {what} is missing or malformed")]
    Cmdline {
        /// The word.
        what: &'static str,
    },
    /// A firmware variable could not be read or written.
    #[error("firmware variable {name}: {why}")]
    Variable {
        /// Its name.
        name: String,
        /// What the system said.
        why: std::io::Error,
    },
    /// A firmware variable holds what no firmware writes.
    #[error("firmware variable {name} is malformed: {len} bytes")]
    Malformed {
        /// Its name.
        name: String,
        /// Its length.
        len: usize,
    },
    /// A file or device that could not be read.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A partition table that is not as the builder wrote it.
    #[error("the system disk's table {why}")]
    Table {
        /// What is wrong.
        why: &'static str,
    },
    /// No slot partition holds the root that the command line names.
    #[error("no slot holds the root {root_hash}; looked at {looked} partitions")]
    NoSlot {
        /// The root hash in hex.
        root_hash: String,
        /// Partitions with a slot's label.
        looked: usize,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Cmdline { .. } => Blame::Us,
            Self::Variable { .. } => Blame::Operator,
            Self::Malformed { .. }
            | Self::File { .. }
            | Self::Table { .. }
            | Self::NoSlot { .. } => Blame::Machine,
        }
    }
}
