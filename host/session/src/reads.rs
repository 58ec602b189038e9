//! Reads that cost: the accounts of vaults whose cheques pay for them.
//!
//! Enters: a download's payer and price. Leaves: a charge, or what has to be paid first.
//! Invariants: a run is charged before its first byte leaves, and what did not leave is given
//! back; at most `EGRESS_DEBT_MAX` bytes are owed, and never more than the vault paid for reads
//! before; what an account spent is committed at the end of a run once `READ_UNSAVED_MAX` bytes of
//! it are not, and every few seconds, so that many small reads share a commit: a cut makes the host
//! forget that much and the runs under way. Signatures are recovered with no lock held. Does not:
//! cash, or judge cheques (`cheque`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use host_core::seams::Device;
use host_core::signed::{self, READ, read_body};
use host_core::wire::ReadPayer;
use host_core::{Address, Amount, PeerId, ShardId, limits};
use host_ledger::{AgreementState, ChequeRow, Fact};

use crate::desk::Desk;
use crate::error::Error;

/// What one vault paid and read; costs in 2^-30 of a smallest unit.
#[derive(Debug, Clone, Copy)]
struct Account {
    paid: Amount,
    cost: Amount,
    bytes: u64,
    saved_bytes: u64,
    /// What runs under way may still cost.
    held: Amount,
}

impl Account {
    const fn of(row: &ChequeRow) -> Self {
        Self {
            paid: row.reads_paid,
            cost: row.reads_cost,
            bytes: row.read_bytes,
            saved_bytes: row.read_bytes,
            held: Amount::ZERO,
        }
    }

    const fn is_settled(&self) -> bool {
        self.held.0 == 0 && self.bytes == self.saved_bytes
    }

    /// What has to be paid before `cost` more is spent; zero when nothing. On trust goes up to
    /// `debt`, and never more than was paid before. A reader that has to pay pays all it owes.
    fn needs(&self, cost: Amount, debt: Amount) -> Amount {
        let spent = self.cost.0.saturating_add(self.held.0);
        let spent = spent.saturating_add(cost.0);
        let paid = self.paid.0.saturating_mul(1 << 30);
        match spent.saturating_sub(paid) {
            over if over <= debt.0.min(paid) => Amount::ZERO,
            over => Amount::of_fine(Amount(over)),
        }
    }
}

#[derive(Debug, Default)]
struct Books {
    accounts: HashMap<Address, Account>,
    /// Words that were checked, by reader and vault.
    words: HashMap<(PeerId, Address), ReadPayer>,
}

/// The accounts at hand; the others are in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    books: Mutex<Books>,
}

impl Reads {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is held on an account. When it ends, what left of it is charged and the rest is free
/// again.
pub(crate) struct Charge<'a> {
    reads: &'a Reads,
    vault: Address,
    price: Amount,
    len: u64,
    served: u64,
}

impl Charge<'_> {
    /// So many more bytes left.
    pub(crate) const fn serve(&mut self, bytes: u64) {
        self.served = self.served.saturating_add(bytes);
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        let cost = |len: u64| self.price.0.saturating_mul(len.into());
        if let Some(account) = self.reads.books().accounts.get_mut(&self.vault) {
            account.held = Amount(account.held.0.saturating_sub(cost(self.len)));
            account.bytes = account.bytes.saturating_add(self.served);
            account.cost = Amount(account.cost.0.saturating_add(cost(self.served)));
        }
    }
}

impl<D: Device> Desk<D> {
    /// What a GiB of reads of this shard costs: the lowest price among the agreements that keep
    /// it.
    pub(crate) fn read_price(&self, shard: &ShardId) -> Result<Amount, Error> {
        let snapshot = self.ledger().read()?;
        let mut lowest: Option<Amount> = None;
        for digest in snapshot.leases(shard)? {
            let row = snapshot.agreement(&digest)?;
            if let Some(row) = row.filter(|row| row.state == AgreementState::Active) {
                let price = row.signed.terms.egress_price;
                lowest = Some(lowest.map_or(price, |known| known.min(price)));
            }
        }
        Ok(lowest.unwrap_or_default())
    }

    /// Holds `len` bytes at `price` on the payer's account. Errors: Unpaid with what a cheque has
    /// to add first; a payer's word that is not of its vault's issuer.
    pub(crate) fn charge(
        &self,
        reader: &PeerId,
        payer: Option<&ReadPayer>,
        price: Amount,
        len: u64,
    ) -> Result<Charge<'_>, Error> {
        let cost = Amount::of_reads(len, price)?;
        let unpaid = |needs| Error::Unpaid { price, needs };
        let payer = payer.ok_or_else(|| unpaid(Amount::of_fine(cost)))?;
        let vault = payer.vault;
        let known = self.reads().books().words.get(&(*reader, vault)) == Some(payer);
        if !known {
            self.check_word(reader, payer, || unpaid(Amount::of_fine(cost)))?;
        }
        let mut books = self.reads().books();
        if !books.accounts.contains_key(&vault) {
            // Read under the lock: a payment that comes later finds the account and adds to it.
            let row = self.ledger().read()?.cheque(&vault)?;
            let row = row.ok_or_else(|| unpaid(Amount::of_fine(cost)))?;
            make_room(&mut books)?;
            books.accounts.insert(vault, Account::of(&row));
        }
        let gone = || Error::Busy {
            serving: limits::READERS_MAX,
        };
        let account = books.accounts.get_mut(&vault).ok_or_else(gone)?;
        let debt = Amount::of_reads(limits::EGRESS_DEBT_MAX, price)?;
        let needs = account.needs(cost, debt);
        if needs > Amount::ZERO {
            return Err(unpaid(needs));
        }
        account.held = account.held.plus(cost)?;
        if !known {
            if books.words.len() >= limits::READERS_MAX {
                books.words.clear();
            }
            books.words.insert((*reader, vault), payer.clone());
        }
        Ok(Charge {
            reads: self.reads(),
            vault,
            price,
            len,
            served: 0,
        })
    }

    /// Checks that the issuer of the vault whose cheque is kept here signed the payer's word.
    fn check_word(
        &self,
        reader: &PeerId,
        payer: &ReadPayer,
        stranger: impl FnOnce() -> Error,
    ) -> Result<(), Error> {
        let row = self.ledger().read()?.cheque(&payer.vault)?;
        let row = row.ok_or_else(stranger)?;
        let policy = self.policy();
        let issuer = row.cheque.issuer(policy.chain_id)?;
        let body = read_body(&self.key().peer_id(), reader, &payer.vault);
        let signature = &payer.signature;
        signed::check_address(signature, READ, &policy.network, &body, &issuer)?;
        Ok(())
    }

    /// A cheque of `vault` paid for reads: its account follows the ledger.
    pub(crate) fn reads_paid(&self, vault: &Address) -> Result<(), Error> {
        let mut books = self.reads().books();
        let row = self.ledger().read()?.cheque(vault)?;
        if let (Some(account), Some(row)) = (books.accounts.get_mut(vault), row) {
            account.paid = account.paid.max(row.reads_paid);
        }
        Ok(())
    }

    /// Commits what this vault's account spent, when enough of it is not committed yet.
    pub(crate) async fn save_reads(&self, vault: &Address) -> Result<(), Error> {
        let due = {
            let books = self.reads().books();
            let account = books.accounts.get(vault).copied();
            account
                .filter(|one| one.bytes.saturating_sub(one.saved_bytes) >= limits::READ_UNSAVED_MAX)
        };
        match due {
            Some(account) => self.save_account(*vault, account).await,
            None => Ok(()),
        }
    }

    /// Commits what every account spent: before the host ends, and now and then. Errors when the
    /// ledger does not take it.
    pub async fn save_all_reads(&self) -> Result<(), Error> {
        let due: Vec<(Address, Account)> = {
            let books = self.reads().books();
            let due = books.accounts.iter();
            let due = due.filter(|(_, one)| one.bytes != one.saved_bytes);
            due.map(|(vault, one)| (*vault, *one)).collect()
        };
        for (vault, account) in due {
            self.save_account(vault, account).await?;
        }
        Ok(())
    }

    async fn save_account(&self, vault: Address, account: Account) -> Result<(), Error> {
        let fact = Fact::ReadsServed {
            vault,
            bytes: account.bytes,
            cost: account.cost,
        };
        self.ledger().commit(vec![fact]).await?;
        if let Some(now) = self.reads().books().accounts.get_mut(&vault) {
            now.saved_bytes = now.saved_bytes.max(account.bytes);
        }
        Ok(())
    }
}

/// Forgets settled accounts when there are too many. Errors: Busy when none is.
fn make_room(books: &mut Books) -> Result<(), Error> {
    if books.accounts.len() < limits::READERS_MAX {
        return Ok(());
    }
    books.accounts.retain(|_, account| !account.is_settled());
    match books.accounts.len() {
        serving if serving >= limits::READERS_MAX => Err(Error::Busy { serving }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
