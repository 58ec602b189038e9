//! The escrow seam over `EvmChain`: locks seen, made, paid out and taken back.
//!
//! Enters and leaves: host-core types. Invariants: what a host trusts was said alike by two
//! endpoints where there are two; an agreement that is locked already is never locked again; an
//! approval is replaced only while no lock that rests on it is under way. Does not: remember what
//! it sent; a run that was cut off asks the chain.

use crate::chain::EvmChain;
use crate::codec::{escrow, token};
use crate::error::Error;
use crate::money::PATIENCE;
use crate::send::Intent;
use host_core::agreement::{Agreement, SignedAgreement};
use host_core::network::Contracts;
use host_core::seams::{
    BoxFuture, ChainError, Claimed, ContractCall, Escrow, Lease, LeaseState, Returned,
};
use host_core::{Address, AgreementDigest, Amount};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::RwLock;

/// Epochs looked back for missed ones; older ones come back when the agreement ends.
const MISSED_LOOK: u64 = 31;

/// The escrow of one network.
#[derive(Debug)]
pub struct Escrows {
    chain: EvmChain,
    at: Address,
    token: Address,
    /// Held for reading while a lock is under way, for writing while the approval is replaced.
    gate: RwLock<()>,
    /// What the approval of this run still covers.
    approved: Mutex<Amount>,
}

impl Escrows {
    /// The escrow of the network `chain` knows the contracts of. Nothing is sent.
    ///
    /// Errors: `NoContracts` when the network has none.
    pub fn of(chain: &EvmChain) -> Result<Self, Error> {
        Ok(Self {
            at: chain.contract("escrow", Contracts::escrow)?,
            token: chain.contracts("escrow")?.token,
            chain: chain.clone(),
            gate: RwLock::default(),
            approved: Mutex::default(),
        })
    }

    fn approved(&self) -> MutexGuard<'_, Amount> {
        // A plain number: a panic in between leaves nothing half written.
        self.approved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `price` out of what is approved; false when that is less.
    fn take(&self, price: Amount) -> bool {
        let mut approved = self.approved();
        match approved.minus(price) {
            Ok(rest) => {
                *approved = rest;
                true
            }
            Err(_) => false,
        }
    }

    fn name_of(&self, terms: &Agreement) -> AgreementDigest {
        terms.digest(self.chain.chain_id())
    }

    /// Locks once the approval reaches; replaces the approval while nobody else locks.
    async fn open(&self, signed: &SignedAgreement, budget: Amount) -> Result<Amount, Error> {
        let price = signed.terms.cost_of(signed.terms.epochs());
        let price = price.map_err(|error| Error::Malformed {
            what: "escrow lock",
            why: error.to_string(),
        })?;
        if self.chain.lease(&self.name_of(&signed.terms)).await?.state != LeaseState::None {
            return Ok(price);
        }
        loop {
            let locking = self.gate.read().await;
            if self.take(price) {
                let open = Intent::call("escrow lock", self.at, escrow::open(signed, price));
                self.chain.run(&open, PATIENCE).await?;
                return Ok(price);
            }
            drop(locking);
            let _alone = self.gate.write().await;
            if self.approved().0 < price.0 {
                let most = budget.max(price);
                let data = token::approve(self.at, most);
                let approve = Intent::call("approve", self.token, data);
                self.chain.run(&approve, PATIENCE).await?;
                *self.approved() = most;
            }
        }
    }

    /// The epochs the contract would give back now.
    async fn missed(&self, terms: &Agreement, now: u64) -> Result<Vec<u64>, Error> {
        let mut missed = Vec::new();
        let first = terms.start_epoch.max(now.saturating_sub(MISSED_LOOK));
        for epoch in first..terms.end_epoch.min(now) {
            let data = escrow::refund(terms, &[epoch]);
            let tried = self.chain.call("escrow refund", None, self.at, &data).await;
            match tried {
                Ok(_) => missed.push(epoch),
                Err(Error::Reverted { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(missed)
    }

    async fn collect(&self, terms: &Agreement, now: u64) -> Result<Returned, Error> {
        let name = self.name_of(terms);
        let before = self.chain.lease(&name).await?;
        if before.state != LeaseState::Open {
            return Ok(Returned::default());
        }
        let over = now > terms.end_epoch + self.chain.escrow_claim_epochs().await?;
        let missed = match over {
            true => Vec::new(),
            false => self.missed(terms, now).await?,
        };
        let call = match (over, missed.is_empty()) {
            (true, _) => Intent::call("escrow settlement", self.at, escrow::settle(terms)),
            (false, false) => {
                Intent::call("escrow refund", self.at, escrow::refund(terms, &missed))
            }
            (false, true) => return Ok(Returned::default()),
        };
        self.chain.run(&call, PATIENCE).await?;
        let after = self.chain.lease(&name).await?;
        let paid = terms.cost_of(u64::from(after.released)).ok();
        let paid_before = terms.cost_of(u64::from(before.released)).ok();
        // What a host was paid in between left too, and not to the renter.
        let to_host = paid.zip(paid_before).map_or(0, |(a, b)| a.0 - b.0.min(a.0));
        let gone = before.left.0.saturating_sub(after.left.0);
        Ok(Returned {
            amount: Amount(gone.saturating_sub(to_host)),
            epochs: after.refunded.saturating_sub(before.refunded),
            settled: over,
        })
    }
}

impl Escrow for Escrows {
    fn lease(&self, agreement: AgreementDigest) -> BoxFuture<'_, Result<Lease, ChainError>> {
        Box::pin(async move { Ok(self.chain.lease(&agreement).await?) })
    }

    fn claim_epochs(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        Box::pin(async move { Ok(self.chain.escrow_claim_epochs().await?) })
    }

    fn released<'a>(
        &'a self,
        terms: &'a Agreement,
        epoch: u64,
    ) -> BoxFuture<'a, Result<bool, ChainError>> {
        let name = self.name_of(terms);
        let start = terms.start_epoch;
        Box::pin(async move { Ok(self.chain.is_released(&name, start, epoch).await?) })
    }

    fn release<'a>(
        &'a self,
        terms: &'a Agreement,
        claims: &'a [Claimed],
    ) -> BoxFuture<'a, Result<ContractCall, ChainError>> {
        Box::pin(async move {
            let data = escrow::release_many(terms, claims);
            let from = self.chain.address();
            let tried = self.chain.call("escrow release", from, self.at, &data);
            tried.await.map_err(ChainError::from)?;
            Ok(ContractCall { to: self.at, data })
        })
    }

    fn purse(&self) -> BoxFuture<'_, Result<Amount, ChainError>> {
        Box::pin(async move {
            let own = self.chain.address().ok_or(Error::NoKey { what: "purse" });
            Ok(self.chain.token_balance(own?).await?)
        })
    }

    fn lock<'a>(
        &'a self,
        signed: &'a SignedAgreement,
        budget: Amount,
    ) -> BoxFuture<'a, Result<Amount, ChainError>> {
        Box::pin(async move { Ok(self.open(signed, budget).await?) })
    }

    fn take_back<'a>(
        &'a self,
        terms: &'a Agreement,
        now: u64,
    ) -> BoxFuture<'a, Result<Returned, ChainError>> {
        Box::pin(async move { Ok(self.collect(terms, now).await?) })
    }
}
