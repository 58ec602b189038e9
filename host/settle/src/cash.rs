//! Cashing: accepted cheques become money through the outbox, when an operator says so or when the
//! policy does.
//!
//! Cashing the same sum twice is impossible on chain (the vault pays the difference to what it
//! has paid), so repeating after a crash is harmless.

use std::sync::Arc;

use host_core::seams::Chain;
use host_core::{Address, Amount};
use host_ledger::{ChequeRow, Fact, IntentKey, Ledger, OutboxRow};
use tracing::{debug, info};

use crate::error::Error;
use crate::outbox::{Bounds, Outbox, Purse, Round, Waiting};
use crate::policy::{Claim, Policy};

/// Cheques read a page at a time.
const PAGE: usize = 256;
/// Cheques of one transaction, whatever the policy says: the factory's own bound, and gas for them
/// in half a block.
const BATCH_MAX: usize = 100;

/// Turns cheques into transactions and follows them.
pub struct Cashier {
    ledger: Ledger,
    chain: Arc<dyn Chain>,
    beneficiary: Address,
    outbox: Outbox,
}

impl Cashier {
    /// A cashier for cheques made out to `beneficiary` (whose key the chain signs with), paying
    /// to `recipient`, holding a transaction final at `depth` blocks.
    #[must_use]
    pub fn new(
        ledger: Ledger,
        chain: Arc<dyn Chain>,
        beneficiary: Address,
        recipient: Address,
        depth: u64,
    ) -> Self {
        let purse = Purse {
            beneficiary,
            recipient,
        };
        let bounds = Bounds {
            depth,
            cost_max: Amount(u128::MAX),
        };
        Self::with_bounds(ledger, chain, purse, bounds)
    }

    /// The same with bounds on what a transaction may cost.
    #[must_use]
    pub fn with_bounds(
        ledger: Ledger,
        chain: Arc<dyn Chain>,
        purse: Purse,
        bounds: Bounds,
    ) -> Self {
        let outbox = Outbox::new(ledger.clone(), Arc::clone(&chain), purse, bounds);
        Self {
            ledger,
            chain,
            beneficiary: purse.beneficiary,
            outbox,
        }
    }

    /// Wants a transaction for every vault whose newest cheque would pay at least `above`, and
    /// signs and sends what it can. With a silent chain the wishes wait in the ledger.
    /// Durability: each is committed when this returns.
    pub async fn begin(&self, above: Amount) -> Result<usize, Error> {
        self.begin_many(above, 1).await
    }

    /// The same, up to `batch` cheques in one transaction. Returns how many cheques it begins with.
    pub async fn begin_many(&self, above: Amount, batch: usize) -> Result<usize, Error> {
        let mut worth = Vec::new();
        let mut after = None;
        loop {
            let page = self.ledger.read()?.cheques(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.cheque.cheque.vault);
            for row in page.iter().filter(|row| row.due() >= above.max(Amount(1))) {
                let vault = row.cheque.cheque.vault;
                if !self.is_under_way(&vault)? {
                    info!(vault = %vault, amount = %row.due(), "cashing begun");
                    worth.push(vault);
                }
            }
        }
        let begun = self.want_all(&worth, batch).await?;
        if begun > 0
            && let Err(error) = self.outbox.follow().await
        {
            info!(err = %error, count = begun, "cashing waits for the chain");
        }
        Ok(begun)
    }

    /// Wants a transaction for every cheque the policy says is worth one, and signs and sends what
    /// it
    /// can. Errors when the chain does not answer: nothing is judged on old news.
    pub async fn look(&self, policy: &Policy) -> Result<usize, Error> {
        let block = self.chain.head().await?.block;
        let mut worth = Vec::new();
        let mut after = None;
        while worth.len() < policy.at_once {
            let page = self.ledger.read()?.cheques(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.cheque.cheque.vault);
            for row in page.iter().filter(|row| row.due() > Amount::ZERO) {
                if worth.len() >= policy.at_once {
                    break;
                }
                if self.judge(row, block, policy).await? {
                    worth.push(row.cheque.cheque.vault);
                }
            }
        }
        let begun = self.want_all(&worth, policy.batch).await?;
        if begun > 0 {
            self.outbox.follow().await?;
        }
        Ok(begun)
    }

    async fn judge(&self, row: &ChequeRow, block: u64, policy: &Policy) -> Result<bool, Error> {
        let vault = row.cheque.cheque.vault;
        if self.is_under_way(&vault)? {
            return Ok(false);
        }
        if row.due_since.is_none() {
            let due = Fact::ChequeDue { vault, block };
            self.ledger.commit(vec![due]).await?;
        }
        let claim = Claim {
            due: row.due(),
            due_since: row.due_since,
            block,
            risk: self.chain.vault_risk(vault, self.beneficiary).await?,
        };
        let verdict = policy.judge(&claim);
        if !verdict.cashes() {
            return Ok(false);
        }
        // An empty vault pays nothing, whatever the reason to hurry.
        if claim.risk.is_some_and(|risk| risk.cover == Amount::ZERO) {
            debug!(vault = %vault, amount = %claim.due, "vault is empty, cashing waits");
            return Ok(false);
        }
        info!(vault = %vault, amount = %claim.due, why = verdict.label(), "policy cashes");
        Ok(true)
    }

    /// Whether a transaction about the vault's cheque is under way, alone or in a batch.
    fn is_under_way(&self, vault: &Address) -> Result<bool, Error> {
        let snapshot = self.ledger.read()?;
        if snapshot.outbox(&IntentKey::cash(vault))?.is_some() {
            return Ok(true);
        }
        let batch = snapshot.outbox(&IntentKey::cash_many())?;
        Ok(batch.is_some_and(|row| row.batch.iter().any(|order| order.vault == *vault)))
    }

    /// Wants the cheques of `vaults` cashed: up to `batch` of them in one transaction, unless one
    /// such is under way or the factory takes none; the rest each by itself.
    async fn want_all(&self, vaults: &[Address], batch: usize) -> Result<usize, Error> {
        let together = vaults.len().min(batch).min(BATCH_MAX);
        let mut rest = vaults;
        if together >= 2
            && self.outbox.takes_batches()
            && let Some((first, others)) = vaults.split_at_checked(together)
            && self.outbox.want(OutboxRow::wanted_batch(first)).await?
        {
            info!(count = first.len(), "cashing begun in one transaction");
            rest = others;
        }
        let mut begun = vaults.len() - rest.len();
        for vault in rest {
            let wanted = self.outbox.want(OutboxRow::wanted_cash(*vault)).await?;
            begun += usize::from(wanted);
        }
        Ok(begun)
    }

    /// Moves every transaction on by one step.
    pub async fn follow(&self) -> Result<Round, Error> {
        self.outbox.follow().await
    }

    /// What is under way and what it waits for.
    pub fn waiting(&self) -> Result<Vec<Waiting>, Error> {
        self.outbox.waiting()
    }

    /// The outbox, for other wishes than cheques.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}
