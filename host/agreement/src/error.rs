//! Why terms are not admitted. Every variant carries the two numbers that disagree and becomes one
//! stable refusal code for the renter.

use host_core::wire::{Refusal, RefusalCode};
use host_core::{Address, Amount, Blame, NetworkId};

/// A reason to refuse terms, or a ledger that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Signed for another network.
    #[error("terms are for network {theirs}, this host serves {ours}")]
    Network {
        /// In the terms.
        theirs: NetworkId,
        /// This host's.
        ours: NetworkId,
    },
    /// Names another host.
    #[error("terms name host {theirs}, this host is {ours}")]
    Host {
        /// In the terms.
        theirs: Address,
        /// This host's.
        ours: Address,
    },
    /// Pays another account than the host asks.
    #[error("terms pay {theirs}, this host is paid at {ours}")]
    Payout {
        /// In the terms.
        theirs: Address,
        /// This host's.
        ours: Address,
    },
    /// Below the ask price.
    #[error("price {offered} per GiB and epoch is below the ask of {asked}")]
    Price {
        /// In the terms.
        offered: Amount,
        /// This host's ask.
        asked: Amount,
    },
    /// A shard no extent can hold.
    #[error("a shard of {len} bytes is outside 1 to {max}")]
    ShardLen {
        /// In the terms.
        len: u64,
        /// The bound.
        max: u64,
    },
    /// A codec this host does not know.
    #[error("codec {codec} is unknown")]
    Codec {
        /// In the terms.
        codec: u8,
    },
    /// Starts too far from now, or ends before it starts, or lasts too long.
    #[error("a term of epochs {start}..{end} is not admitted at epoch {now} (at most {max} long)")]
    Term {
        /// First epoch.
        start: u64,
        /// First epoch after the term.
        end: u64,
        /// The current epoch.
        now: u64,
        /// Longest term.
        max: u64,
    },
    /// A way of paying this host does not take.
    #[error("escrow is not taken here; pay by cheque")]
    PayMode,
    /// The renter's signature does not hold.
    #[error(transparent)]
    Signature(#[from] host_core::Error),
    /// The ledger could not answer.
    #[error(transparent)]
    Ledger(#[from] host_ledger::Error),
}

impl Error {
    /// Terms are the peer's doing, the ledger is not.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Ledger(error) => error.blame(),
            _ => Blame::Peer,
        }
    }

    /// The word sent back to the renter.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            Self::Network { .. } | Self::Host { .. } => RefusalCode::Network,
            Self::Payout { .. } | Self::Price { .. } | Self::PayMode => RefusalCode::Price,
            Self::ShardLen { .. } | Self::Codec { .. } => RefusalCode::Malformed,
            Self::Term { .. } => RefusalCode::Term,
            Self::Signature(_) => RefusalCode::Signature,
            Self::Ledger(_) => {
                return Refusal {
                    code: RefusalCode::Internal,
                    text: "try again".into(),
                };
            }
        };
        Refusal {
            code,
            text: self.to_string(),
        }
    }
}
