//! Why a privileged program cannot start or go on.

use std::io;
use std::path::PathBuf;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The person who runs this box.
    Operator,
    /// The kernel.
    Machine,
}

/// A start that did not come about, or a socket that broke.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or socket.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another program of this kind serves there.
    #[error("{}: another one serves here", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Others may write what is trusted.
    #[error("{}: mode {mode:o}, owner {owner}: others may write it", path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        owner: u32,
    },
    /// A line of a file that says nothing known.
    #[error("{}: line {line} is no claim", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A user of the command line that this machine does not know.
    #[error("no user {name} here")]
    User {
        /// As given.
        name: String,
    },
    /// The kernel refused a protection that is needed.
    #[error("{what}: {why}")]
    Protection {
        /// Which one.
        what: &'static str,
        /// What it said.
        why: String,
    },
    /// The socket of all lines broke.
    #[error("the socket broke: {0}")]
    Socket(io::Error),
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::File { .. }
            | Self::Taken { .. }
            | Self::Writable { .. }
            | Self::Line { .. }
            | Self::User { .. } => Blame::Operator,
            Self::Protection { .. } | Self::Socket(_) => Blame::Machine,
        }
    }
}
