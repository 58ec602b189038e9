//! Why a cheque is not good, or could not be judged or cashed.

use host_core::seams::ChainError;
use host_core::wire::{Refusal, RefusalCode};
use host_core::{Address, AgreementDigest, Amount, Blame, ShardId};

/// A cheque that is refused, or a failure around one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Made out to somebody else.
    #[error("cheque is made out to {theirs}, this host is {ours}")]
    Beneficiary {
        /// On the cheque.
        theirs: Address,
        /// This host's account.
        ours: Address,
    },
    /// In a token the agreement does not name.
    #[error("cheque is in token {token}, agreements here are paid in the network's own")]
    Token {
        /// On the cheque.
        token: Address,
    },
    /// The vault was not made by the network's factory.
    #[error("vault {vault} was not made by this network's factory")]
    Vault {
        /// On the cheque.
        vault: Address,
    },
    /// Signed by somebody who is not the vault's issuer, or for another chain or vault.
    #[error("cheque on vault {vault} is signed by {signer}, its issuer is {issuer}")]
    Issuer {
        /// The vault.
        vault: Address,
        /// Who signed these bytes, read for this chain.
        signer: Address,
        /// Who may.
        issuer: Address,
    },
    /// The vault belongs to somebody other than the agreement's renter.
    #[error("vault {vault} belongs to {issuer}, the agreement to {renter}")]
    Renter {
        /// The vault.
        vault: Address,
        /// Its issuer.
        issuer: Address,
        /// The agreement's renter.
        renter: Address,
    },
    /// The sum does not rise.
    #[error("cumulative sum {have} does not exceed {last}, already promised or paid")]
    Replay {
        /// On the cheque.
        have: Amount,
        /// The newest sum known here or paid on chain.
        last: Amount,
    },
    /// The sum rises by less than is owed.
    #[error("cheque adds {added}, the agreement needs {due} through epoch {through_epoch}")]
    Increment {
        /// What it adds.
        added: Amount,
        /// What is owed.
        due: Amount,
        /// Through which epoch.
        through_epoch: u64,
    },
    /// The vault cannot pay.
    #[error("vault holds {balance}, the cheque leaves {needed} to be paid")]
    Cover {
        /// The vault's balance.
        balance: Amount,
        /// What would be cashed.
        needed: Amount,
    },
    /// Pays for epochs outside the term.
    #[error("epoch {through_epoch} is outside the term ending at {end_epoch}")]
    Epoch {
        /// On the message.
        through_epoch: u64,
        /// First epoch after the term.
        end_epoch: u64,
    },
    /// Something of the dataset does not fit: leaves, draws or answers.
    #[error(transparent)]
    Proof(#[from] host_proof::Error),
    /// A drawn leaf could not be read from its volume.
    #[error("leaf {index} of shard {shard} cannot be read: {why}")]
    Leaf {
        /// The shard.
        shard: ShardId,
        /// The leaf.
        index: u64,
        /// What the store said.
        why: String,
    },
    /// A leaf was drawn that was not read: the draws changed in between.
    #[error("agreement {agreement} was drawn and not read")]
    Unread {
        /// The leaf's agreement.
        agreement: AgreementDigest,
    },
    /// The agreement stands in no batch that the chain has.
    #[error("agreement {agreement} is not committed on chain yet")]
    Uncommitted {
        /// Which.
        agreement: AgreementDigest,
    },
    /// A value does not hold by itself.
    #[error(transparent)]
    Value(#[from] host_core::Error),
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The ledger did not answer or commit.
    #[error(transparent)]
    Ledger(#[from] host_ledger::Error),
}

impl Error {
    /// Who must act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Chain(error) => error.blame(),
            Self::Ledger(error) => error.blame(),
            Self::Leaf { .. } => Blame::Machine,
            Self::Proof(_) | Self::Unread { .. } => Blame::Us,
            _ => Blame::Peer,
        }
    }

    /// The word sent back to the renter.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            Self::Beneficiary { .. } | Self::Token { .. } => RefusalCode::Payment,
            Self::Vault { .. } | Self::Renter { .. } => RefusalCode::Vault,
            Self::Issuer { .. } | Self::Value(_) => RefusalCode::Signature,
            Self::Replay { .. } | Self::Increment { .. } => RefusalCode::Increment,
            Self::Cover { .. } => RefusalCode::Cover,
            Self::Epoch { .. } => RefusalCode::Term,
            Self::Chain(_) => RefusalCode::Chain,
            Self::Uncommitted { .. } => RefusalCode::Unknown,
            Self::Ledger(_) | Self::Proof(_) | Self::Leaf { .. } | Self::Unread { .. } => {
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
