//! Why a phrase or a key file cannot be used.

use host_core::Blame;

/// A phrase, passphrase or key file that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not 24 words of the English list with a right checksum.
    #[error("not a recovery phrase: {why}")]
    Phrase {
        /// Which rule is broken.
        why: String,
    },
    /// Bytes that are no key file.
    #[error("not a key file: {why}")]
    Form {
        /// What is wrong.
        why: &'static str,
    },
    /// A key file of a later program.
    #[error("key file version {version} is not known here; use a newer program")]
    Version {
        /// The version it states.
        version: u8,
    },
    /// The passphrase does not open it, or the file was changed.
    #[error("wrong passphrase, or the key file was changed")]
    Passphrase,
    /// The passphrase protects nothing.
    #[error("the passphrase is empty")]
    Empty,
    /// Words of a person, where those of a machine are needed.
    #[error("the words are no 64 hexadecimal digits, as a machine draws them")]
    Drawn,
    /// Key derivation asked for more memory or time than is allowed.
    #[error("key file asks for {kib} KiB and {passes} passes, more than allowed")]
    Cost {
        /// Memory it asks for.
        kib: u32,
        /// Passes it asks for.
        passes: u32,
    },
    /// The secret inside is no key.
    #[error(transparent)]
    Value(#[from] host_core::Error),
}

impl Error {
    /// The operator holds phrase, passphrase and file.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        Blame::Operator
    }
}
