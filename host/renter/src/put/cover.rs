//! Whether the vault can pay: looked at before any host is contacted, and again before cheques
//! leave.
//!
//! Free is what the vault holds less everything promised and not yet cashed, or locked for a
//! beneficiary when that is more. The first look asks the chain about every beneficiary; the later
//! ones read the balance alone and ask about the rest only when it seems short.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use host_core::seams::VaultFacts;
use host_core::{Address, Amount};

use crate::Inner;
use crate::error::Error;

/// What the chain said of each beneficiary last: paid and locked.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    known: Mutex<BTreeMap<Address, (Amount, Amount)>>,
}

impl Cover {
    /// Errors when the vault is not the network's and ours, or when its free balance is below
    /// `needed`. Asks the chain once for each beneficiary ever promised anything.
    pub(crate) async fn check(&self, inner: &Inner, needed: Amount) -> Result<(), Error> {
        let facts = inner.chain.vault(inner.vault, inner.owner).await?;
        check_vault(inner, &facts)?;
        let mut known = BTreeMap::new();
        for (beneficiary, _) in inner.book.promises(inner.vault)? {
            let facts = inner.chain.vault(inner.vault, beneficiary).await?;
            known.insert(beneficiary, (facts.paid_out, facts.locked));
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        self.compare(inner, facts.balance, needed)
    }

    /// The same with one question to the chain when the answer is yes.
    pub(crate) async fn check_again(&self, inner: &Inner, needed: Amount) -> Result<(), Error> {
        let facts = inner.chain.vault(inner.vault, inner.owner).await?;
        check_vault(inner, &facts)?;
        match self.compare(inner, facts.balance, needed) {
            Err(Error::Shortfall { .. }) => self.check(inner, needed).await,
            answer => answer,
        }
    }

    fn compare(&self, inner: &Inner, balance: Amount, needed: Amount) -> Result<(), Error> {
        let mut bound = Amount::ZERO;
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (beneficiary, sum) in inner.book.promises(inner.vault)? {
                let (paid, locked) = known.get(&beneficiary).copied().unwrap_or_default();
                let owed = Amount(sum.0.saturating_sub(paid.0));
                bound = bound.plus(owed.max(locked))?;
            }
        }
        let available = Amount(balance.0.saturating_sub(bound.0));
        if available >= needed {
            return Ok(());
        }
        Err(Error::Shortfall {
            needed,
            available,
            missing: needed.minus(available)?,
        })
    }
}

/// A cheque on a vault of another factory, or of another account, is paper.
fn check_vault(inner: &Inner, facts: &VaultFacts) -> Result<(), Error> {
    let vault = inner.vault;
    if !facts.known {
        return Err(Error::VaultForeign { vault });
    }
    if facts.issuer != inner.owner {
        return Err(Error::VaultIssuer {
            vault,
            issuer: facts.issuer,
            owner: inner.owner,
        });
    }
    Ok(())
}
