//! Why a notice did not go: for the operator, without a secret. Addresses are named by their host
//! alone, since a path or a topic may be one.

use std::path::PathBuf;

use host_core::Blame;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// The drive refused.
    #[error("{path}: {why}")]
    Drive {
        /// Which file.
        path: PathBuf,
        /// What the kernel said.
        why: String,
    },
    /// A file of a secret does not read, or is empty.
    #[error("`{key}` names {path}: {why}")]
    Secret {
        /// The configuration's key.
        key: &'static str,
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A value that cannot be used.
    #[error("`{key}`: {why}")]
    Setting {
        /// The configuration's key.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The receiver could not be reached, or did not answer in time.
    #[error("{receiver} does not answer: {why}")]
    Silent {
        /// Host and port.
        receiver: String,
        /// What happened.
        why: String,
    },
    /// The receiver answered and will not take it.
    #[error("{receiver} refused: {why}")]
    Refused {
        /// Host and port.
        receiver: String,
        /// Its words.
        why: String,
    },
}

impl Trouble {
    /// Whether asking again without a change is in vain.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Who has to act.
    pub(crate) const fn blame(&self) -> Blame {
        match self {
            Self::Drive { .. } => Blame::Machine,
            Self::Secret { .. } | Self::Setting { .. } => Blame::Operator,
            Self::Silent { .. } | Self::Refused { .. } => Blame::Peer,
        }
    }
}
