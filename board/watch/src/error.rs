//! What can be wrong between a watch and the kernel it reads. Each variant names the broken fact;
//! none of them is a reason to stop watching the rest.

use std::io;
use std::path::PathBuf;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The person who runs this box: a setting, a mount, a permission.
    Operator,
    /// The kernel or a drive.
    Machine,
    /// A defect of Holdfast.
    Us,
}

impl Blame {
    /// The constant label used in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Machine => "machine",
            Self::Us => "us",
        }
    }
}

/// A source that could not be read, or what it said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused a step of a conversation over netlink.
    #[error("netlink {step} was refused: {source}")]
    Netlink {
        /// The step: open, send, receive.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A netlink reply went on past its bound without its end.
    #[error("netlink reply has no end after {bytes} bytes")]
    NetlinkEndless {
        /// Bytes read until then.
        bytes: usize,
    },
    /// The reply held no default block of a neighbour table.
    #[error("the kernel tells nothing of its neighbour tables")]
    NoTables,
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file of the kernel does not have the form it has had since it exists.
    #[error("{}: no {what} in it", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The name in NOTIFY_SOCKET is no socket.
    #[error("notify socket {}: {source}", path.display())]
    NotifySocket {
        /// The name.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The service's owner does not take our datagrams.
    #[error("the service's owner does not listen: {source}")]
    Notify {
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::File { source, .. } | Self::Netlink { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => Blame::Operator,
                _ => Blame::Machine,
            },
            Self::NotifySocket { .. } => Blame::Operator,
            Self::Notify { .. } => Blame::Machine,
            Self::NetlinkEndless { .. } | Self::NoTables | Self::Form { .. } => Blame::Machine,
        }
    }
}
