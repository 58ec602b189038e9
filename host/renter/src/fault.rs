//! Why one host did not keep one shard. It goes into the session's journal under its code; most
//! faults end that host's part only, a fault of our own ends the whole verb.

use std::time::Duration;

use host_core::Digest32;
use host_core::seams::ChainError;

use crate::codes::Code;
use crate::error::Error;

/// The end of one host's part.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The conversation ended early.
    #[error(transparent)]
    Talk(#[from] host_transfer::Error),
    /// Far behind the others.
    #[error("not done after {elapsed:?}, half of the others were after {median:?}")]
    Slow {
        /// How long it worked on the shard.
        elapsed: Duration,
        /// What the others took.
        median: Duration,
    },
    /// Nothing moved.
    #[error("nothing moved for {idle:?}")]
    Stalled {
        /// How long.
        idle: Duration,
    },
    /// An earlier run was cut off inside this agreement and it is not used.
    #[error("an earlier run left this agreement unfinished")]
    Left,
    /// The shard is not there when it is asked for.
    #[error("the host does not show the shard: {0}")]
    Absent(host_transfer::Error),
    /// The agreement is not in the dataset that the chain holds the host to.
    #[error("the agreement is not in the host's dataset on the chain: {0}")]
    Omitted(Omission),
    /// The escrow does not take this host's terms.
    #[error(transparent)]
    Lock(ChainError),
    /// Not the host's doing.
    #[error(transparent)]
    Own(#[from] Error),
}

/// What a host said instead of where an agreement stands in its dataset.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Omission {
    /// Nothing that leads from the agreement anywhere.
    #[error(transparent)]
    Unshown(host_transfer::Error),
    /// The way to a list that the chain does not know as the host's.
    #[error("it is shown in list {said}, and the chain knows {current}")]
    Elsewhere {
        /// The list the host named.
        said: Digest32,
        /// The newest list on the chain.
        current: Digest32,
    },
}

impl Fault {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Talk(error) => Code::of_transfer(error),
            Self::Slow { .. } => Code::HostTooSlow,
            Self::Stalled { .. } => Code::HostStalled,
            Self::Left => Code::HostLeft,
            Self::Absent(_) => Code::ShardAbsent,
            Self::Omitted(_) => Code::AgreementOmitted,
            Self::Lock(error) => Code::of_chain(error),
            Self::Own(error) => error.code(),
        }
    }
}

impl From<host_core::Error> for Fault {
    fn from(error: host_core::Error) -> Self {
        Self::Own(error.into())
    }
}
