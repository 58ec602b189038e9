//! Why an update was refused or could not be carried out.

use std::path::PathBuf;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Blame {
    /// Whoever chose the bundle or runs the box.
    Operator,
    /// The machine.
    Machine,
    /// Whoever made or signed the bundle.
    Us,
}

/// An update that did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or device.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// Slots or firmware variables.
    #[error(transparent)]
    Slot(#[from] board_slot::Error),
    /// A bundle that does not go onto this box.
    #[error(transparent)]
    Bundle(#[from] image_bundle::Error),
    /// Metadata that is not signed as the trusted root asks, is expired or older than known.
    #[error("metadata refused: {why}")]
    Trust {
        /// What the reader of the metadata said.
        why: String,
    },
    /// A file of the box that does not say what it should.
    #[error("{what}: {why}")]
    State {
        /// The file.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// What was read back is not what was signed.
    #[error("slot {slot} read back differs from what was signed")]
    ReadBack {
        /// The slot.
        slot: board_slot::Slot,
    },
    /// The firmware would not start a kernel image.
    #[error("slot {slot} would not start under Secure Boot: {why}")]
    Unstartable {
        /// The slot.
        slot: board_slot::Slot,
        /// What is wrong with the signature.
        why: String,
    },
    /// A mirror that cannot be read.
    #[error("mirror {url}: {why}")]
    Mirror {
        /// Its address.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The disk lacks a partition.
    #[error("the system disk has no partition {label}")]
    NoPartition {
        /// Its label.
        label: &'static str,
    },
    /// The system partition could not be mounted.
    #[error("mounting the system partition: {why}")]
    Mount {
        /// What the kernel said.
        why: nix::errno::Errno,
    },
    /// A drive that is not there or may not be taken.
    #[error("drive {serial}: {why}")]
    Drive {
        /// Its serial number, as it was named.
        serial: String,
        /// What is wrong.
        why: String,
    },
    /// A version for a box that has its system from the network.
    #[error("this box starts from the network: another version comes by serving it there")]
    FromNetwork,
    /// Not enough room for what comes.
    #[error("{what} has room for {have} bytes, {need} are needed")]
    Space {
        /// The place.
        what: &'static str,
        /// Free bytes.
        have: u64,
        /// Needed bytes.
        need: u64,
    },
}

impl Error {
    /// Who must act.
    pub(crate) const fn blame(&self) -> Blame {
        match self {
            Self::Bundle(_)
            | Self::FromNetwork
            | Self::Space { .. }
            | Self::Unstartable { .. }
            | Self::Drive { .. }
            | Self::Mirror { .. } => Blame::Operator,
            Self::Trust { .. } => Blame::Us,
            _ => Blame::Machine,
        }
    }

    /// Wraps what the system said about a path.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |why| Self::File { path, why }
    }
}
