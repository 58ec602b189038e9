//! What each renter owes this host uncashed, over all its vaults: the bound on it refuses new
//! uploads until something was cashed.
//!
//! Enters: the ledger's cheques. Leaves: sums by the account that signed them. Invariants: an
//! issuer is read from the cheque itself, once a vault; sums are at most [`AGE_MAX`] old. Does not:
//! refuse cheques, which only make the host richer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use host_core::{Address, Amount};
use host_ledger::Ledger;

use crate::error::Error;

/// How old the sums may be: reading them again costs a row for each vault.
pub const AGE_MAX: Duration = Duration::from_secs(2);
/// Cheques read a page at a time.
const PAGE: usize = 256;

/// Sums by renter, and the issuers of the vaults seen.
#[derive(Debug, Default)]
struct Sums {
    at: Option<Duration>,
    owed: HashMap<Address, Amount>,
    issuers: HashMap<Address, Address>,
}

/// The sums of a ledger.
#[derive(Debug, Default)]
pub struct Exposure(Mutex<Sums>);

impl Exposure {
    /// What `renter` owes uncashed on chain `chain_id`. `now` is monotonic time.
    /// Cost: one pass over the cheques at most each [`AGE_MAX`].
    pub fn of(
        &self,
        ledger: &Ledger,
        renter: &Address,
        chain_id: u64,
        now: Duration,
    ) -> Result<Amount, Error> {
        // Plain sums: a panic in between leaves at worst an old pass.
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = sums.at.is_some_and(|at| now.saturating_sub(at) <= AGE_MAX);
        if !fresh {
            sums.read(ledger, chain_id)?;
            sums.at = Some(now);
        }
        Ok(sums.owed.get(renter).copied().unwrap_or_default())
    }
}

impl Sums {
    fn read(&mut self, ledger: &Ledger, chain_id: u64) -> Result<(), Error> {
        self.owed.clear();
        let snapshot = ledger.read()?;
        let mut after = None;
        loop {
            let page = snapshot.cheques(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.cheque.cheque.vault);
            for row in &page {
                let due = row.due();
                if due == Amount::ZERO {
                    continue;
                }
                let vault = row.cheque.cheque.vault;
                let issuer = match self.issuers.get(&vault) {
                    Some(known) => *known,
                    None => {
                        let issuer = row.cheque.issuer(chain_id)?;
                        self.issuers.insert(vault, issuer);
                        issuer
                    }
                };
                let owed = self.owed.entry(issuer).or_default();
                *owed = Amount(owed.0.saturating_add(due.0));
            }
        }
    }
}
