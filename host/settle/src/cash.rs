//! Cashing: accepted cheques become money through the outbox, when an operator says so or when the
//! policy does.
//!
//! Cashing the same sum twice is impossible on chain (the vault pays the difference to what it
//! has paid), so repeating after a crash is harmless.

use std::sync::Arc;

use host_core::seams::Chain;
use host_core::{Address, Amount};
use host_ledger::{ChequeRow, Ledger, OutboxRow};
use tracing::info;

use crate::error::Error;
use crate::outbox::{Bounds, Outbox, Purse, Round, Waiting};

/// Cheques read a page at a time.
const PAGE: usize = 256;

/// Turns cheques into transactions and follows them.
pub struct Cashier {
    ledger: Ledger,
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
        let outbox = Outbox::new(ledger.clone(), chain, purse, bounds);
        Self { ledger, outbox }
    }

    /// Wants a transaction for every vault whose newest cheque would pay at least `above`, and
    /// signs and sends what it can. With a silent chain the wishes wait in the ledger.
    /// Durability: each is committed when this returns.
    pub async fn begin(&self, above: Amount) -> Result<usize, Error> {
        let mut begun = 0;
        let mut after = None;
        loop {
            let page = self.ledger.read()?.cheques(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.cheque.cheque.vault);
            for row in &page {
                if row.due() >= above.max(Amount(1)) {
                    begun += usize::from(self.want(row).await?);
                }
            }
        }
        if begun > 0
            && let Err(error) = self.outbox.follow().await
        {
            info!(err = %error, count = begun, "cashing waits for the chain");
        }
        Ok(begun)
    }

    async fn want(&self, row: &ChequeRow) -> Result<bool, Error> {
        let vault = row.cheque.cheque.vault;
        let wanted = self.outbox.want(OutboxRow::wanted_cash(vault)).await?;
        if wanted {
            info!(vault = %vault, amount = %row.due(), "cashing begun");
        }
        Ok(wanted)
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
