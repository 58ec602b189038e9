//! The seam to the contract that holds an agreement's money until its epochs are proven.
//!
//! Enters: agreements both sides signed. Leaves: the contract's word on them, calldata for an
//! outbox, and for a renter transactions that were seen in a block. Invariant: an agreement is
//! locked once, however often it is asked for. Does not: decide when anything is called.

use super::{BoxFuture, ChainError, ContractCall};
use crate::agreement::{Agreement, SignedAgreement};
use crate::amount::Amount;
use crate::ids::AgreementDigest;

/// Where the money of an agreement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Never locked.
    None,
    /// Locked.
    Open,
    /// Ended; nothing is left.
    Settled,
}

/// What the escrow knows of an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Still locked, smallest units.
    pub left: Amount,
    /// Epochs paid.
    pub released: u32,
    /// Epochs given back one by one.
    pub refunded: u32,
    /// Where it stands.
    pub state: LeaseState,
}

/// An epoch to be paid, and what shows the agreement in the dataset that was proven in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The epoch.
    pub epoch: u64,
    /// The inclusion proof, as the contract takes it.
    pub inclusion: Vec<u8>,
}

/// What came back to a renter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Returned {
    /// Smallest units.
    pub amount: Amount,
    /// Epochs given back one by one.
    pub epochs: u32,
    /// Whether the agreement ended and everything left came back.
    pub settled: bool,
}

/// The escrow, seen by a host that checks locks and by a renter that makes them.
pub trait Escrow: Send + Sync + 'static {
    /// What is known of an agreement now.
    fn lease(&self, agreement: AgreementDigest) -> BoxFuture<'_, Result<Lease, ChainError>>;

    /// Epochs after a proven one in which it may be claimed.
    fn claim_epochs(&self) -> BoxFuture<'_, Result<u64, ChainError>>;

    /// Whether an epoch was paid.
    fn released<'a>(
        &'a self,
        terms: &'a Agreement,
        epoch: u64,
    ) -> BoxFuture<'a, Result<bool, ChainError>>;

    /// The call that has epochs of an agreement paid, tried now as the account of this chain.
    /// Errors: Reverted with the contract's reason.
    fn release<'a>(
        &'a self,
        terms: &'a Agreement,
        claims: &'a [Claimed],
    ) -> BoxFuture<'a, Result<ContractCall, ChainError>>;

    /// What this chain's account holds in the network's token.
    fn purse(&self) -> BoxFuture<'_, Result<Amount, ChainError>>;

    /// Locks the whole price of an agreement and returns it; nothing is sent when it is locked
    /// already. `budget` is what all locks of the same work may come to: so much is approved at
    /// once. Durability: in a block, as deep as the chain asks, when this returns.
    fn lock<'a>(
        &'a self,
        signed: &'a SignedAgreement,
        budget: Amount,
    ) -> BoxFuture<'a, Result<Amount, ChainError>>;

    /// Takes back what an agreement gives back at epoch `now`: everything left once it is over, or
    /// the price of its missed epochs.
    fn take_back<'a>(
        &'a self,
        terms: &'a Agreement,
        now: u64,
    ) -> BoxFuture<'a, Result<Returned, ChainError>>;
}
