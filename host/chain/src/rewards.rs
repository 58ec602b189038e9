//! Which epochs of an agreement would count for rewards now, told by the contract itself.
//!
//! Enters: terms, and what shows them in each epoch's dataset. Leaves: the call that counts them.
//! Invariant: a call that leaves here was tried at the newest block. Does not: send.

use crate::chain::EvmChain;
use crate::codec::factory;
use crate::codec::sponsor::{self, Sponsorship};
use crate::error::Error;
use host_core::agreement::{Agreement, PayMode};
use host_core::network::Contracts;
use host_core::seams::ContractCall;
use host_core::{Address, AgreementDigest};

/// Epochs of one transaction: the contract's own bound.
const BATCH_MAX: usize = 32;
/// Epochs looked back: the contract of proofs remembers no more.
const LOOK_BACK: u64 = 31;

/// What counting an agreement comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counting {
    /// These epochs count with this call.
    Ready(Vec<u64>, ContractCall),
    /// No epoch counts now; the contract's word on the newest that was tried.
    Nothing(String),
}

/// An agreement whose epochs are to be counted.
pub struct Counted<'a> {
    /// Its terms.
    pub terms: &'a Agreement,
    /// The vault whose cheques paid it; none for what the escrow pays.
    pub vault: Option<Address>,
    /// What shows it in the dataset of an epoch; asked only for what a vault paid.
    pub shown: &'a (dyn Fn(u64) -> Result<Vec<u8>, String> + Sync),
}

impl Counted<'_> {
    fn call(&self, counts: &[(u64, Vec<u8>)]) -> Vec<u8> {
        match self.vault {
            Some(vault) => sponsor::count_vault(self.terms, counts, vault),
            None => {
                let epochs: Vec<u64> = counts.iter().map(|(epoch, _)| *epoch).collect();
                sponsor::count_escrow(self.terms, &epochs)
            }
        }
    }
}

impl EvmChain {
    /// Who paid the fee of an agreement; two endpoints must agree.
    pub async fn sponsorship(&self, of: &AgreementDigest) -> Result<Option<Sponsorship>, Error> {
        let at = self.contract("rewards", Contracts::airdrop)?;
        let bytes = self.agreed_call("rewards", at, sponsor::sponsorship_of(of));
        sponsor::read_sponsorship(&bytes.await?)
    }

    /// The epochs before `now` that the contract would count, at most a transaction's worth.
    /// Cost: two calls for each epoch of the last 31. Errors: those of reading.
    pub async fn countable(&self, of: &Counted<'_>, now: u64) -> Result<Counting, Error> {
        let at = self.contract("rewards", Contracts::airdrop)?;
        let (terms, name) = (of.terms, of.terms.digest(self.chain_id()));
        let first = terms.start_epoch.max(now.saturating_sub(LOOK_BACK));
        let mut counts: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut why = format!("no epoch of {name} has passed in the last {LOOK_BACK}");
        for epoch in first..terms.end_epoch.min(now) {
            let asked = sponsor::is_counted(&name, terms.start_epoch, epoch);
            let known = self.agreed_call("rewards", at, asked).await?;
            if factory::read_flag("isCounted", &known)? {
                why = format!("epoch {epoch} is counted");
                continue;
            }
            let shown = match terms.pay_mode {
                PayMode::Cheque => (of.shown)(epoch),
                PayMode::Escrow => Ok(Vec::new()),
            };
            match shown {
                Ok(shown) => counts.push((epoch, shown)),
                Err(missing) => {
                    why = format!("epoch {epoch}: {missing}");
                    continue;
                }
            }
            // Tried with those before it, as evidence of a vault is shared.
            let data = of.call(&counts);
            match self.call("counting", self.address(), at, &data).await {
                Ok(_) => {}
                Err(Error::Reverted { reason, .. }) => {
                    why = format!("epoch {epoch}: {reason}");
                    counts.pop();
                }
                Err(error) => return Err(error),
            }
            if counts.len() == BATCH_MAX {
                break;
            }
        }
        if counts.is_empty() {
            return Ok(Counting::Nothing(why));
        }
        let data = of.call(&counts);
        let epochs = counts.into_iter().map(|(epoch, _)| epoch).collect();
        Ok(Counting::Ready(epochs, ContractCall { to: at, data }))
    }
}
