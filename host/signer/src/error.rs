//! Why the signer cannot start, keep its book, or be asked.

use std::path::PathBuf;

use host_core::Blame;

/// A failure around the signer; what the policy refuses is a [`crate::wire::Refusal`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{path}: {why}")]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Others may read what is secret, or write what is trusted.
    #[error("{path} has mode {mode:o}; others must not write it")]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file does not open.
    #[error(transparent)]
    Key(#[from] host_keystore::Error),
    /// The kernel refused a protection that is needed.
    #[error("{what}: {why}")]
    Kernel {
        /// Which one.
        what: &'static str,
        /// What it said.
        why: String,
    },
    /// The other side of the socket is gone, silent, or speaks something else.
    #[error("the signer's socket: {why}")]
    Socket {
        /// What happened.
        why: String,
    },
    /// The signer refused.
    #[error(transparent)]
    Refused(#[from] crate::wire::Refusal),
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::File { .. } | Self::Kernel { .. } | Self::Socket { .. } => Blame::Machine,
            Self::Form { .. } | Self::Mode { .. } | Self::Key(_) => Blame::Operator,
            // The policy is the operator's, what was asked is ours.
            Self::Refused(_) => Blame::Us,
        }
    }
}
