//! Who must act on an error. Log level, metric label and peer penalty follow from this one word,
//! here and nowhere else.

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The other side of a conversation sent something wrong or stopped answering.
    Peer,
    /// The person who runs this box: configuration, funds, space.
    Operator,
    /// A drive, the kernel or memory.
    Machine,
    /// A defect of Holdfast.
    Us,
}

impl Blame {
    /// The constant label used in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Operator => "operator",
            Self::Machine => "machine",
            Self::Us => "us",
        }
    }

    /// Whether a person must act (the log level is then `error` rather than `warn`).
    #[must_use]
    pub const fn needs_person(self) -> bool {
        !matches!(self, Self::Peer)
    }
}
