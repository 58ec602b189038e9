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

/// A cheque that pays for reads, and everything it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Paper<'a> {
    /// The cheque.
    pub cheque: &'a SignedCheque,
    /// The newest cumulative sum accepted from this vault; zero when there is none.
    pub last: Amount,
    /// What the chain says of the vault, for this beneficiary.
    pub vault: &'a VaultFacts,
    /// The network's chain.
    pub chain_id: u64,
    /// The account of this host that cheques are made out to.
    pub beneficiary: Address,
}

/// Judges a cheque. Errors with the first broken fact; nothing is changed either way.
pub fn judge(claim: &Claim<'_>) -> Result<Accepted, Error> {
    let paper = Paper {
        cheque: claim.cheque,
        last: claim.last,
        vault: claim.vault,
        chain_id: claim.chain_id,
        beneficiary: claim.beneficiary,
    };
    check_form(claim, &paper)?;
    check_vault(&paper)?;
    let added = check_sum(claim, &paper)?;
    let issuer = check_issuer(&paper)?;
    if issuer != claim.terms.renter {
        return Err(Error::Renter {
            vault: claim.cheque.cheque.vault,
            issuer,
            renter: claim.terms.renter,
        });
    }
    check_cover(&paper)?;
    Ok(Accepted { added })
}

/// Judges a cheque for reads: whose it is does not matter, its vault must cover it. Errors with
/// the first broken fact.
pub fn judge_reads(paper: &Paper<'_>) -> Result<Accepted, Error> {
    check_beneficiary(paper)?;
    check_vault(paper)?;
    let added = rising(paper)?;
    check_issuer(paper)?;
    check_cover(paper)?;
    Ok(Accepted { added })
}

fn check_beneficiary(paper: &Paper<'_>) -> Result<(), Error> {
    let cheque = &paper.cheque.cheque;
    if cheque.beneficiary != paper.beneficiary {
        return Err(Error::Beneficiary {
            theirs: cheque.beneficiary,
            ours: paper.beneficiary,
        });
    }
    match cheque.token {
        Some(token) => Err(Error::Token { token }),
        None => Ok(()),
    }
}

fn check_form(claim: &Claim<'_>, paper: &Paper<'_>) -> Result<(), Error> {
    check_beneficiary(paper)?;
    if claim.terms.host != claim.beneficiary {
        return Err(Error::Beneficiary {
            theirs: claim.terms.host,
            ours: claim.beneficiary,
        });
    }
    let (start, end_epoch) = (claim.terms.start_epoch, claim.terms.end_epoch);
    if claim.through_epoch <= start || claim.through_epoch > end_epoch {
        return Err(Error::Epoch {
            through_epoch: claim.through_epoch,
            end_epoch,
        });
    }
    Ok(())
}

const fn check_vault(paper: &Paper<'_>) -> Result<(), Error> {
    match paper.vault.known {
        true => Ok(()),
        false => Err(Error::Vault {
            vault: paper.cheque.cheque.vault,
        }),
    }
}

/// What the cheque adds to the newest one. Errors: Replay.
fn rising(paper: &Paper<'_>) -> Result<Amount, Error> {
    let have = paper.cheque.cheque.cumulative;
    let last = paper.last.max(paper.vault.paid_out);
    if have <= last {
        return Err(Error::Replay { have, last });
    }
    Ok(have.minus(last)?)
}

fn check_sum(claim: &Claim<'_>, paper: &Paper<'_>) -> Result<Amount, Error> {
    let added = rising(paper)?;
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

fn check_issuer(paper: &Paper<'_>) -> Result<Address, Error> {
    let vault = paper.cheque.cheque.vault;
    let issuer = paper.vault.issuer;
    let signer = paper.cheque.issuer(paper.chain_id)?;
    if signer != issuer {
        return Err(Error::Issuer {
            vault,
            signer,
            issuer,
        });
    }
    Ok(issuer)
}

fn check_cover(paper: &Paper<'_>) -> Result<(), Error> {
    let needed = paper.cheque.cheque.cumulative.minus(paper.vault.paid_out)?;
    let balance = paper.vault.balance;
    if balance < needed {
        return Err(Error::Cover { balance, needed });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
