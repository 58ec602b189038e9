//! Why the gateway could not do what it was asked.

use host_core::{Blame, ObjectId};

/// What the gateway could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalogue's engine.
    #[error(transparent)]
    Catalogue(#[from] host_ledger::Error),
    /// The catalogue's server.
    #[error("the catalogue's database, {what}: {why}")]
    Database {
        /// What was done.
        what: &'static str,
        /// What was wrong.
        why: String,
    },
    /// A catalogue of other gateways.
    #[error("this catalogue belongs to another namespace: give all its gateways the same key file")]
    Namespace,
    /// A row of the catalogue.
    #[error("catalogue row {key} does not read: {why}")]
    Row {
        /// Its key.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// The renter.
    #[error(transparent)]
    Renter(#[from] host_renter::Error),
    /// A release or a channel.
    #[error(transparent)]
    Release(#[from] host_release::Error),
    /// A file of the gateway.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The client's body.
    #[error("the client's body ended early: {why}")]
    Body {
        /// What it said.
        why: String,
    },
    /// The shared object of a small body.
    #[error("the body was not stored: {why}")]
    NotStored {
        /// What the renter said.
        why: String,
    },
    /// A stored body that no row named in time.
    #[error("stored object {object} was given back before it was named; send the body again")]
    GivenBack {
        /// The object.
        object: ObjectId,
    },
    /// A body that cannot be had now.
    #[error("the body cannot be read now: {why}")]
    NotRead {
        /// What the renter said.
        why: String,
    },
    /// A packed run does not open.
    #[error("the run at {offset} of {object} does not open with its key")]
    Sealed {
        /// The stored object.
        object: ObjectId,
        /// Where.
        offset: u64,
    },
    /// A row was changed by others each time.
    #[error("other writers changed {key} {tries} times meanwhile; try again")]
    Contended {
        /// Which.
        key: String,
        /// How often.
        tries: u32,
    },
    /// A part of the gateway ended early.
    #[error("a worker of the gateway ended early")]
    Worker,
    /// The running gateway said no.
    #[error("{why}")]
    Refused {
        /// What it said.
        why: String,
    },
    /// No such access key.
    #[error("there is no access key {id}")]
    NoKey {
        /// Which.
        id: String,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Catalogue(error) => error.blame(),
            Self::Renter(error) => error.blame(),
            Self::Release(error) => error.blame(),
            Self::File { .. } => Blame::Machine,
            Self::Body { .. }
            | Self::NotStored { .. }
            | Self::GivenBack { .. }
            | Self::NotRead { .. }
            | Self::Contended { .. } => Blame::Peer,
            Self::Database { .. } | Self::Namespace => Blame::Operator,
            Self::NoKey { .. } | Self::Refused { .. } => Blame::Operator,
            Self::Row { .. } | Self::Sealed { .. } => Blame::Machine,
            Self::Worker => Blame::Us,
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
