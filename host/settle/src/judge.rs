//! The judgement of one cheque: a pure function of the cheque, the agreement it pays, the newest
//! cheque of the same vault and what the chain says of that vault. The order of the checks is the
//! order of their cost.

use host_core::agreement::Agreement;
use host_core::cheque::SignedCheque;
use host_core::seams::VaultFacts;
use host_core::{Address, Amount};

use crate::error::Error;

/// A cheque and everything it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The cheque.
    pub cheque: &'a SignedCheque,
    /// The agreement it pays.
    pub terms: &'a Agreement,
    /// First epoch it does not pay for.
    pub through_epoch: u64,
    /// What this agreement was paid before.
    pub paid: Amount,
    /// The newest cumulative sum accepted from this vault; zero when there is none.
    pub last: Amount,
    /// What the chain says of the vault, for this beneficiary.
    pub vault: &'a VaultFacts,
    /// The network's chain.
    pub chain_id: u64,
    /// The account of this host that cheques are made out to (its identity; where the money then
    /// goes is the payout account's matter, see `cash`).
    pub beneficiary: Address,
}

/// A good cheque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// What it adds to the sum already promised.
    pub added: Amount,
}

/// Judges a cheque. Errors with the first broken fact; nothing is changed either way.
pub fn judge(claim: &Claim<'_>) -> Result<Accepted, Error> {
    check_form(claim)?;
    let added = check_sum(claim)?;
    check_issuer(claim)?;
    check_cover(claim)?;
    Ok(Accepted { added })
}

fn check_form(claim: &Claim<'_>) -> Result<(), Error> {
    let cheque = &claim.cheque.cheque;
    if cheque.beneficiary != claim.beneficiary || claim.terms.host != claim.beneficiary {
        return Err(Error::Beneficiary {
            theirs: cheque.beneficiary,
            ours: claim.beneficiary,
        });
    }
    if let Some(token) = cheque.token {
        return Err(Error::Token { token });
    }
    let (start, end_epoch) = (claim.terms.start_epoch, claim.terms.end_epoch);
    if claim.through_epoch <= start || claim.through_epoch > end_epoch {
        return Err(Error::Epoch {
            through_epoch: claim.through_epoch,
            end_epoch,
        });
    }
    if !claim.vault.known {
        return Err(Error::Vault {
            vault: cheque.vault,
        });
    }
    Ok(())
}

fn check_sum(claim: &Claim<'_>) -> Result<Amount, Error> {
    let have = claim.cheque.cheque.cumulative;
    let last = claim.last.max(claim.vault.paid_out);
    if have <= last {
        return Err(Error::Replay { have, last });
    }
    let added = have.minus(claim.last.max(claim.vault.paid_out))?;
    let through_epoch = claim.through_epoch;
    let owed = claim
        .terms
        .cost_of(through_epoch - claim.terms.start_epoch)?;
    let due = Amount(owed.0.saturating_sub(claim.paid.0));
    if added < due {
        return Err(Error::Increment {
            added,
            due,
            through_epoch,
        });
    }
    Ok(added)
}

fn check_issuer(claim: &Claim<'_>) -> Result<(), Error> {
    let vault = claim.cheque.cheque.vault;
    let issuer = claim.vault.issuer;
    let signer = claim.cheque.issuer(claim.chain_id)?;
    if signer != issuer {
        return Err(Error::Issuer {
            vault,
            signer,
            issuer,
        });
    }
    if issuer != claim.terms.renter {
        return Err(Error::Renter {
            vault,
            issuer,
            renter: claim.terms.renter,
        });
    }
    Ok(())
}

fn check_cover(claim: &Claim<'_>) -> Result<(), Error> {
    let needed = claim.cheque.cheque.cumulative.minus(claim.vault.paid_out)?;
    let balance = claim.vault.balance;
    if balance < needed {
        return Err(Error::Cover { balance, needed });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
