//! The seam to the contracts of stake and proof: what a host must know of a period, and the calls
//! it may make.
//!
//! Enters: a host's account and a period. Leaves: the chain's word on both, and calldata for the
//! outbox. Invariant: nothing here signs or sends; a call goes out through `Chain` and an outbox.
//! Does not: decide when anything is called.

use super::{BoxFuture, ChainError, Head};
use crate::amount::Amount;
use crate::ids::{Address, Digest32};

/// What never changes about a network's proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofRules {
    /// First block of period 0.
    pub genesis_block: u64,
    /// Blocks of a period.
    pub period_blocks: u64,
    /// Blocks from a period's end to the block that seeds its draws.
    pub seed_delay: u64,
    /// Blocks from the seal to the last one in which a proof is accepted.
    pub window_blocks: u64,
    /// Draws a proof answers.
    pub draws: u16,
}

impl ProofRules {
    /// The period of a block; 0 before genesis.
    #[must_use]
    pub const fn period_of(&self, block: u64) -> u64 {
        let blocks = if self.period_blocks == 0 {
            1
        } else {
            self.period_blocks
        };
        block.saturating_sub(self.genesis_block) / blocks
    }

    /// The first block of a period.
    #[must_use]
    pub const fn first_block_of(&self, period: u64) -> u64 {
        let blocks = period.saturating_mul(self.period_blocks);
        self.genesis_block.saturating_add(blocks)
    }

    /// The first block in which `period` may be sealed.
    #[must_use]
    pub const fn seal_from(&self, period: u64) -> u64 {
        let first = self.first_block_of(period.saturating_add(1));
        first.saturating_add(self.seed_delay).saturating_add(1)
    }

    /// The last block in which `period` may be sealed, so that a whole window is left.
    #[must_use]
    pub const fn seal_until(&self, period: u64) -> u64 {
        let next = self.first_block_of(period.saturating_add(2));
        next.saturating_sub(self.window_blocks).saturating_sub(1)
    }
}

/// The seed of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// Nobody asked for it yet.
    None,
    /// It is set.
    Set {
        /// The seed of the draws.
        seed: Digest32,
        /// The last block in which a proof is accepted.
        deadline: u64,
    },
    /// A pause fell into its window: nobody need prove it.
    Void,
}

/// A host and a period as the chain has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofLook {
    /// The period that was asked for.
    pub period: u64,
    /// Its seed.
    pub seal: Seal,
    /// Whether the host's proof of it was accepted.
    pub proven: bool,
    /// Whether a miss of it was reported.
    pub missed: bool,
    /// Name of the host's newest list of peaks; zero for none.
    pub current: Digest32,
    /// The one before.
    pub previous: Digest32,
    /// The period of the newest commitment, plus one; 0 before the first.
    pub committed_next: u64,
    /// First period with a duty to prove.
    pub duty_from: u64,
    /// First period without one.
    pub duty_until: u64,
    /// Misses since the last proof.
    pub misses: u8,
    /// The period until which the host is jailed; 0 when it is not.
    pub jailed_until: u64,
    /// Whether penalties, and so seals, stand still.
    pub paused: bool,
    /// Stake that stands for committed bytes, smallest token units.
    pub stake: Amount,
    /// Stake each committed GiB needs.
    pub stake_per_gib: Amount,
}

/// What a host can ask of the contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofVerb {
    /// Lets the contract of stakes take tokens of the account.
    Approve {
        /// How many, smallest units.
        sum: Amount,
    },
    /// Adds tokens of the account to its stake.
    Stake {
        /// How many, smallest units.
        sum: Amount,
    },
    /// Adds tokens of the account to the stake of another.
    StakeFor {
        /// The host.
        host: Address,
        /// How many, smallest units.
        sum: Amount,
    },
    /// Appends a batch to the account's dataset.
    Commit {
        /// The present peaks, as docs/formats/dataset.md writes them.
        peaks: Vec<u8>,
        /// The batch's root.
        node: Digest32,
        /// Its bytes.
        sum: u64,
        /// Its greatest end epoch.
        end: u64,
        /// Its leaves.
        count: u64,
    },
    /// Sets the seed of a period.
    Seal {
        /// The period.
        period: u64,
    },
    /// Proves a period.
    Prove {
        /// Whose.
        host: Address,
        /// The period.
        period: u64,
        /// The peaks the range is made of.
        peaks: Vec<u8>,
        /// The answers.
        answers: Vec<u8>,
    },
    /// Ends the account's jail.
    Unjail,
}

impl ProofVerb {
    /// Its name in errors and logs.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approval for stake",
            Self::Stake { .. } | Self::StakeFor { .. } => "stake",
            Self::Commit { .. } => "dataset commitment",
            Self::Seal { .. } => "seal",
            Self::Prove { .. } => "storage proof",
            Self::Unjail => "end of jail",
        }
    }
}

/// A call of one contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractCall {
    /// The contract.
    pub to: Address,
    /// Calldata.
    pub data: Vec<u8>,
}

/// The contracts of stake and proof, seen from a room that keeps a host's word.
pub trait ProofChain: Send + Sync + 'static {
    /// The newest block, from an endpoint that is not behind.
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>>;
    /// What never changes.
    fn rules(&self) -> BoxFuture<'_, Result<ProofRules, ChainError>>;
    /// A host and a period, now. Reads two endpoints where there are two.
    fn look(&self, host: Address, period: u64) -> BoxFuture<'_, Result<ProofLook, ChainError>>;
    /// The tokens of an account that are not staked.
    fn tokens(&self, of: Address) -> BoxFuture<'_, Result<Amount, ChainError>>;
    /// The bytes of a call. Errors when the network has no such contract.
    fn call(&self, verb: &ProofVerb) -> Result<ContractCall, ChainError>;
    /// Runs a call as `from` on the newest state, without sending it. Errors: Reverted with the
    /// contract's reason.
    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a ProofVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>>;
}
