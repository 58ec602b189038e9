//! Why a privileged program does not do what it was asked.

use minicbor::{Decode, Encode};

use crate::error::Blame;

/// A typed no. Numbers are for the person who reads the log; none of them leads further.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// Someone who may not ask.
    #[error("user {uid} may not ask here")]
    #[n(0)]
    Stranger {
        /// Who the kernel says it is.
        #[n(0)]
        uid: u32,
    },
    /// No verb of this socket, or not its only encoding.
    #[error("no verb of this socket")]
    #[n(1)]
    Malformed,
    /// Outside what the verb allows.
    #[error("{value} is outside {least}..={most}")]
    #[n(2)]
    Bounds {
        /// As asked.
        #[n(0)]
        value: u64,
        /// The least.
        #[n(1)]
        least: u64,
        /// The most.
        #[n(2)]
        most: u64,
    },
    /// Asked again too soon.
    #[error("asked too often, again in {wait_ms} ms")]
    #[n(3)]
    Early {
        /// Until it may be asked again.
        #[n(0)]
        wait_ms: u64,
    },
    /// Not a gateway of this machine with this hardware address.
    #[error("no gateway of this machine has this address and hardware address")]
    #[n(4)]
    NoGateway,
    /// Not a drive of this machine.
    #[error("no drive here has this serial and namespace")]
    #[n(5)]
    NoDrive,
    /// A drive that nobody claimed for this host.
    #[error("the drive is not claimed")]
    #[n(6)]
    NotClaimed,
    /// Serials that two drives carry name neither.
    #[error("{count} drives carry this serial and namespace")]
    #[n(7)]
    Ambiguous {
        /// How many.
        #[n(0)]
        count: u32,
    },
    /// The kernel refused.
    #[error("the kernel refused: {}", std::io::Error::from_raw_os_error(*errno))]
    #[n(8)]
    Kernel {
        /// Its number.
        #[n(0)]
        errno: i32,
    },
    /// The kernel said something that cannot be read.
    #[error("the kernel's answer cannot be read")]
    #[n(9)]
    Unreadable,
}

impl Refusal {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Stranger { .. } | Self::NotClaimed | Self::Ambiguous { .. } => Blame::Operator,
            Self::NoGateway | Self::NoDrive | Self::Kernel { .. } | Self::Unreadable => {
                Blame::Machine
            }
            Self::Malformed | Self::Bounds { .. } | Self::Early { .. } => Blame::Us,
        }
    }
}
