//! The seam to the contract of bonded challenges: somebody asks for a leaf of a shard that stands
//! in a host's dataset; the host shows it and gets the bond, or is slashed.
//!
//! Enters: a dataset's entry and the index of a leaf. Leaves: the chain's word on what is open, and
//! calldata. Invariant: nothing here signs or sends. Does not: decide whom to challenge, or slash.

use super::{BoxFuture, ChainError, ContractCall, Head};
use crate::agreement::Agreement;
use crate::amount::Amount;
use crate::ids::{Address, AgreementDigest, ShardId};

/// A leaf of a host's dataset, as the contract takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetEntry {
    /// The agreement.
    pub agreement: AgreementDigest,
    /// Its shard.
    pub shard: ShardId,
    /// Bytes of the shard.
    pub len: u64,
    /// First epoch after its term.
    pub end_epoch: u64,
}

/// A challenge on a leaf of a shard that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardChallenge {
    /// The contract's number for it.
    pub id: u128,
    /// Who is asked.
    pub host: Address,
    /// Who asks, with a bond.
    pub challenger: Address,
    /// About which shard.
    pub entry: DatasetEntry,
    /// Which leaf.
    pub index: u64,
    /// Last block for an answer.
    pub until: u64,
}

/// What challenger and host can ask of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisputeVerb {
    /// Lets the contract take tokens of the account for bonds.
    Approve {
        /// How many, smallest units.
        sum: Amount,
    },
    /// Asks a host for a leaf, with a bond.
    Open {
        /// Whom.
        host: Address,
        /// Which shard.
        entry: DatasetEntry,
        /// Where the host's newest commitment has it (docs/formats/dataset.md).
        inclusion: Vec<u8>,
        /// Which leaf.
        index: u64,
    },
    /// Shows a leaf that was asked for.
    Answer {
        /// Which challenge.
        id: u128,
        /// Which shard.
        entry: DatasetEntry,
        /// Which leaf.
        index: u64,
        /// The leaf and its path (docs/formats/proof.md).
        shown: Vec<u8>,
    },
    /// Shows that the renter gave the agreement up.
    Released {
        /// Which challenge.
        id: u128,
        /// Which shard.
        entry: DatasetEntry,
        /// Which leaf.
        index: u64,
        /// The terms.
        terms: Box<Agreement>,
        /// The renter's word that it gives them up.
        signature: Vec<u8>,
    },
    /// Takes what an unanswered challenge brings.
    Claim {
        /// Which challenge.
        id: u128,
    },
}

impl DisputeVerb {
    /// Its name in errors and logs.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approval for bonds",
            Self::Open { .. } => "bonded challenge",
            Self::Answer { .. } | Self::Released { .. } => "answer to a challenge",
            Self::Claim { .. } => "claim of a challenge",
        }
    }
}

/// The contract of challenges, seen from a host and from a guard.
pub trait DisputeChain: Send + Sync + 'static {
    /// The newest block, from an endpoint that is not behind.
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>>;
    /// The bond of a challenge, and the blocks in which it may be answered.
    fn terms(&self) -> BoxFuture<'_, Result<(Amount, u64), ChainError>>;
    /// The tokens of an account that are not staked.
    fn tokens(&self, of: Address) -> BoxFuture<'_, Result<Amount, ChainError>>;
    /// Challenges on leaves of one host's shards that were opened since block `from` and are open.
    fn open_on(
        &self,
        host: Address,
        from: u64,
    ) -> BoxFuture<'_, Result<Vec<ShardChallenge>, ChainError>>;
    /// The bytes of a call. Errors when the network has no such contract.
    fn call(&self, verb: &DisputeVerb) -> Result<ContractCall, ChainError>;
    /// Runs a call as `from` on the newest state, without sending it. Errors: Reverted with the
    /// contract's reason.
    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a DisputeVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>>;
}
