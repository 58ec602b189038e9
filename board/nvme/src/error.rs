//! What can be wrong between us and a drive.

use std::io;
use std::path::PathBuf;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The person who runs this box.
    Operator,
    /// The kernel or a drive.
    Machine,
}

/// A drive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file of sysfs.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The kernel refused the admin command.
    #[error("the health page is refused: {0}")]
    Refused(io::Error),
    /// The drive refused the admin command.
    #[error("the drive answers status {status:#x}")]
    Status {
        /// NVMe status field.
        status: u16,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::File { source, .. } | Self::Refused(source) => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => Blame::Operator,
                _ => Blame::Machine,
            },
            Self::Status { .. } => Blame::Machine,
        }
    }
}
