//! What can be wrong between an asker and a privileged program.

use std::io;
use std::path::PathBuf;

use crate::refusal::Refusal;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The person who runs this box: a unit, a claim, a permission.
    Operator,
    /// The kernel or a drive.
    Machine,
    /// A defect of Holdfast.
    Us,
}

/// A question that got no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there, or not to us.
    #[error("{}: {source}", path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The line broke or stayed silent.
    #[error("the line to the privileged program broke: {0}")]
    Line(#[from] io::Error),
    /// A frame is longer than any.
    #[error("a frame of {len} bytes, at most {most} are taken")]
    TooLong {
        /// As told.
        len: usize,
        /// The bound.
        most: usize,
    },
    /// Bytes that are no message, or not its only encoding.
    #[error("bytes that are no {what}")]
    Encoding {
        /// What was expected.
        what: &'static str,
    },
    /// An answer to another question.
    #[error("an answer to another question")]
    OutOfTurn,
    /// The descriptor that was promised did not come.
    #[error("the drive's descriptor did not come")]
    NoDescriptor,
    /// It said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Unreachable { .. } => Blame::Operator,
            Self::Line(_) => Blame::Machine,
            Self::Refused(refusal) => refusal.blame(),
            Self::TooLong { .. } | Self::Encoding { .. } | Self::OutOfTurn | Self::NoDescriptor => {
                Blame::Us
            }
        }
    }
}
