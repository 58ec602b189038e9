//! What ends a conversation on the host's side, and the refusal each end becomes.

use host_core::keeper::KeeperError;
use host_core::seams::{ChainError, LinkError};
use host_core::wire::{Refusal, RefusalCode};
use host_core::{Address, AgreementDigest, Amount, Blame, PeerId, ShardId};

/// The end of a conversation that was not its natural one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A frame or message that does not read.
    #[error(transparent)]
    Value(#[from] host_core::Error),
    /// A message the conversation does not allow here.
    #[error("{what} came out of turn")]
    Turn {
        /// What was expected.
        what: &'static str,
    },
    /// The peer hung up before the end.
    #[error("peer hung up while {during}")]
    HungUp {
        /// The step.
        during: &'static str,
    },
    /// Terms that are not admitted.
    #[error(transparent)]
    Terms(#[from] host_agreement::Error),
    /// A cheque that is not good.
    #[error(transparent)]
    Money(#[from] host_settle::Error),
    /// The drives said no.
    #[error(transparent)]
    Store(#[from] host_store::Error),
    /// The ledger said no.
    #[error(transparent)]
    Ledger(#[from] host_ledger::Error),
    /// The chain did not answer and no head is known from before.
    #[error("the current epoch is not known: {0}")]
    Chain(#[from] ChainError),
    /// The keeper of the identity key does not sign.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// As many conversations of this kind as the host serves.
    #[error("{serving} conversations of this kind are served already")]
    Busy {
        /// How many.
        serving: usize,
    },
    /// The machine is under pressure.
    #[error("under pressure ({level})")]
    Pressure {
        /// The level's label.
        level: &'static str,
    },
    /// A body longer or shorter than agreed.
    #[error("body of {have} bytes, {need} were agreed")]
    BodyLen {
        /// Bytes agreed.
        need: u64,
        /// Bytes that came.
        have: u64,
    },
    /// A shard that is not kept here.
    #[error("shard {shard} is not kept here")]
    NoShard {
        /// Which.
        shard: ShardId,
    },
    /// An agreement that is not kept here, or belongs to somebody else.
    #[error("agreement {agreement} is not open here")]
    NoAgreement {
        /// Which.
        agreement: AgreementDigest,
    },
    /// A run that is not whole units of the shard.
    #[error("bytes {offset}+{len} are not whole 64 KiB units of a shard of {shard_len}")]
    Run {
        /// First byte.
        offset: u64,
        /// Bytes asked.
        len: u64,
        /// Bytes of the shard.
        shard_len: u64,
    },
    /// Reads cost here and these are not paid for.
    #[error("reads cost {price} a GiB here, and {needs} have to be paid before this one")]
    Unpaid {
        /// Smallest units a GiB.
        price: Amount,
        /// What a cheque has to add.
        needs: Amount,
    },
    /// The renter owes more uncashed than one may.
    #[error("{renter} owes {owed} uncashed here, new shards are taken up to {most}")]
    Exposure {
        /// Who.
        renter: Address,
        /// How much.
        owed: Amount,
        /// The bound.
        most: Amount,
    },
    /// A challenge for another host, from somebody else, or about another shard than agreed.
    #[error("the challenge of {guard} {what}")]
    Challenge {
        /// Who asked.
        guard: PeerId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A guard that asks for more than a host shows.
    #[error("guard {guard} asks for {asked} leaves, {left} of {bound} a minute are left to it")]
    Demand {
        /// Who.
        guard: PeerId,
        /// Leaves asked for.
        asked: u32,
        /// Leaves it may still ask for in this minute.
        left: u32,
        /// The bound.
        bound: u32,
    },
    /// A challenge of a host that leaves: its guards move what it keeps.
    #[error("this host leaves the network and asks that its shards be moved; it serves them still")]
    Leaving,
    /// The escrow holds nothing for these terms.
    #[error("the escrow holds nothing for agreement {agreement} yet; lock its price first")]
    Unlocked {
        /// Which.
        agreement: AgreementDigest,
    },
    /// A bound on one renter's share is reached, or it has no agreement here.
    #[error("{what}")]
    Quota {
        /// Which bound.
        what: &'static str,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Link(error) => error.blame(),
            Self::Terms(error) => error.blame(),
            Self::Money(error) => error.blame(),
            Self::Store(error) => error.blame(),
            Self::Ledger(error) => error.blame(),
            Self::Chain(error) => error.blame(),
            Self::Keeper(_) => Blame::Operator,
            _ => Blame::Peer,
        }
    }

    /// What the peer is told. Inner failures keep their details to the log.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            Self::Terms(error) => return error.refusal(),
            Self::Money(error) => return error.refusal(),
            Self::Store(error) => return store_refusal(error),
            Self::Value(
                host_core::Error::Signature { .. } | host_core::Error::SignatureForm { .. },
            ) => RefusalCode::Signature,
            Self::Link(_) | Self::Value(_) | Self::Turn { .. } | Self::HungUp { .. } => {
                RefusalCode::Malformed
            }
            Self::BodyLen { .. } | Self::Run { .. } => RefusalCode::Malformed,
            Self::Ledger(
                host_ledger::Error::RecordOld { .. } | host_ledger::Error::RecordsFull { .. },
            ) => RefusalCode::Quota,
            Self::Ledger(_) | Self::Keeper(_) => {
                return Refusal {
                    code: RefusalCode::Internal,
                    text: "try again".into(),
                };
            }
            Self::Chain(_) => RefusalCode::Chain,
            Self::Busy { .. } => RefusalCode::Busy,
            Self::Pressure { .. } => RefusalCode::Pressure,
            Self::NoShard { .. } | Self::NoAgreement { .. } => RefusalCode::Unknown,
            Self::Unpaid { .. } => RefusalCode::Payment,
            Self::Unlocked { .. } => RefusalCode::Cover,
            Self::Quota { .. } | Self::Exposure { .. } | Self::Demand { .. } => RefusalCode::Quota,
            Self::Challenge { .. } => RefusalCode::Malformed,
            Self::Leaving => RefusalCode::Leaving,
        };
        Refusal {
            code,
            text: self.to_string(),
        }
    }
}

fn store_refusal(error: &host_store::Error) -> Refusal {
    let code = match error {
        host_store::Error::NoSpace { .. } => RefusalCode::Space,
        host_store::Error::RootMismatch { .. } => RefusalCode::Root,
        host_store::Error::Damaged { .. } => RefusalCode::Damaged,
        _ => {
            return Refusal {
                code: RefusalCode::Internal,
                text: "try again".into(),
            };
        }
    };
    Refusal {
        code,
        text: error.to_string(),
    }
}
