//! What can end a conversation, told from the client's side.

use host_core::seams::LinkError;
use host_core::wire::Refusal;
use host_core::{Amount, Blame, PeerId};

/// A conversation that did not reach its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The stream could not be opened or broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The other side said no and why.
    #[error("{peer} refused: {refusal}")]
    Refused {
        /// Who.
        peer: PeerId,
        /// Its words.
        refusal: Refusal,
    },
    /// The other side said something the conversation does not allow here.
    #[error("{peer} answered out of turn while {during}")]
    Turn {
        /// Who.
        peer: PeerId,
        /// The step of the conversation.
        during: &'static str,
    },
    /// The other side closed before the conversation's end.
    #[error("{peer} hung up while {during}")]
    HungUp {
        /// Who.
        peer: PeerId,
        /// The step of the conversation.
        during: &'static str,
    },
    /// A signed word does not verify or says something else than agreed.
    #[error("{peer} gave a {what} that does not hold: {source}")]
    Word {
        /// Who.
        peer: PeerId,
        /// Which word.
        what: &'static str,
        /// The broken fact.
        source: host_core::Error,
    },
    /// Reads cost there and this one is not paid for.
    #[error("{peer} asks {needs} before this read, at {price} a GiB")]
    Unpaid {
        /// Who.
        peer: PeerId,
        /// Smallest units a GiB.
        price: Amount,
        /// What a cheque has to add.
        needs: Amount,
    },
    /// Bytes that are not the shard's.
    #[error("{peer} sent bytes that are not unit {unit} of the shard")]
    Bytes {
        /// Who.
        peer: PeerId,
        /// The unit, or the number of units when their list is wrong.
        unit: u64,
    },
}

impl Error {
    /// Who must act: the peer in all but local refusals.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Link(link) => link.blame(),
            _ => Blame::Peer,
        }
    }

    /// The refusal, when the other side said no.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}
