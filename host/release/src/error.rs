//! Why a publication is not one.

use host_core::Blame;

/// What does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Something in the tree that a release cannot carry.
    #[error("{path} is {what}; a release carries plain files with UTF-8 names")]
    Odd {
        /// Which.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A file that changed while it was read.
    #[error("{path} changed while it was published; publish again")]
    Changed {
        /// Which.
        path: String,
    },
    /// A document that does not read.
    #[error("{what} does not read: {why}")]
    Unreadable {
        /// Which document.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A path that leads out of a tree, or twice to one place.
    #[error("the manifest's path {path:?} is not a plain relative one in order")]
    Path {
        /// Which.
        path: String,
    },
    /// Sizes that do not add up.
    #[error("the manifest's file {path} begins at {at}, after {expected} bytes")]
    Sums {
        /// Which.
        path: String,
        /// As said.
        at: u64,
        /// As added.
        expected: u64,
    },
    /// A signature of somebody else, of something else, or broken.
    #[error("the signature does not hold: {why}")]
    Signature {
        /// What is wrong.
        why: &'static str,
    },
    /// A key that does not read.
    #[error("that is no line `ssh-ed25519 BASE64 NAME`")]
    Key,
    /// What a class of the publishing policy does not admit.
    #[error("class {class}, rule `{key}`: {why}")]
    Rule {
        /// The class.
        class: String,
        /// Its key.
        key: &'static str,
        /// What is asked for and what is demanded.
        why: String,
    },
    /// A log entry beyond its bound.
    #[error("the log entry has {len} bytes, at most {most} are written; shorten its detail")]
    LongEntry {
        /// Bytes of its line.
        len: usize,
        /// Most there may be.
        most: usize,
    },
    /// A pointer older than one seen before.
    #[error("channel {channel} stood at {seen}, this pointer says {number}: it is a replay")]
    Replayed {
        /// Which channel.
        channel: String,
        /// Its number.
        number: u64,
        /// The highest seen.
        seen: u64,
    },
    /// Two pointers of one number.
    #[error("channel {channel} has two different pointers of number {number}: its key is misused")]
    Forked {
        /// Which channel.
        channel: String,
        /// Their number.
        number: u64,
    },
    /// A pointer past its time.
    #[error("channel {channel}: the pointer held until {expires_ms} ms since 1970")]
    Expired {
        /// Which channel.
        channel: String,
        /// Until when.
        expires_ms: u64,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::File { .. } => Blame::Machine,
            Self::Odd { .. }
            | Self::Changed { .. }
            | Self::Key
            | Self::Rule { .. }
            | Self::LongEntry { .. } => Blame::Operator,
            Self::Unreadable { .. }
            | Self::Path { .. }
            | Self::Sums { .. }
            | Self::Signature { .. }
            | Self::Replayed { .. }
            | Self::Forked { .. }
            | Self::Expired { .. } => Blame::Peer,
        }
    }
}

/// Names the file in an error.
pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.display().to_string(),
        source,
    }
}
