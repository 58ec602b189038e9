//! Why a bundle is refused. Each variant says what the bundle has and what the box asks for.

use crate::version::Version;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Whoever chose the bundle.
    Operator,
    /// Whoever made it.
    Us,
}

/// A bundle that does not go onto this box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a bundle manifest.
    #[error("bundle manifest: {why}")]
    Text {
        /// What the reader said.
        why: String,
    },
    /// A version that is not three numbers.
    #[error("{text:?} is no version: three numbers with dots between them")]
    Version {
        /// What was given.
        text: String,
    },
    /// A schema this box does not know.
    #[error("bundle schema {have}, this version reads {want}")]
    Schema {
        /// The bundle's.
        have: u32,
        /// Ours.
        want: u32,
    },
    /// A bundle of another machine.
    #[error("bundle is for machine {have}, this is {want}")]
    Machine {
        /// The bundle's.
        have: String,
        /// Ours.
        want: String,
    },
    /// Not newer than what runs.
    #[error("bundle has version {have}, {running} runs already")]
    NotNewer {
        /// The bundle's.
        have: Version,
        /// Ours.
        running: Version,
    },
    /// Below the floor, which only rises.
    #[error("bundle has version {have}, below the floor of {floor}")]
    Floor {
        /// The bundle's.
        have: Version,
        /// The least that is allowed.
        floor: Version,
    },
    /// What it would write could not be read by the version that runs: no way back.
    #[error("bundle writes state format {writes}, the running version reads up to {reads}")]
    NoWayBack {
        /// Format the bundle writes.
        writes: u32,
        /// Newest format the running version reads.
        reads: u32,
    },
    /// It would write what it does not read itself.
    #[error("bundle writes state format {writes} and reads up to {reads}")]
    Unread {
        /// Format the bundle writes.
        writes: u32,
        /// Newest format it reads.
        reads: u32,
    },
    /// A part does not fit its place.
    #[error("{what} has {have} bytes, its place {most}")]
    Size {
        /// The part.
        what: &'static str,
        /// Its bytes.
        have: u64,
        /// The bound.
        most: u64,
    },
    /// A tar that is damaged, or holds what a bundle does not hold.
    #[error("bundle archive: {why}")]
    Archive {
        /// What is wrong.
        why: &'static str,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Text { .. } | Self::Version { .. } | Self::Size { .. } | Self::Unread { .. } => {
                Blame::Us
            }
            _ => Blame::Operator,
        }
    }
}
