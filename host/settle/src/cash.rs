//! Cashing: accepted cheques become money. The outbox is the order of it: a transaction's bytes
//! and nonce are committed before the first broadcast, the same bytes are sent again until they
//! are in a block deep enough, and the cheque counts as cashed only then.
//!
//! Cashing the same sum twice is impossible on chain (the vault pays the difference to what it
//! has paid), so repeating after a crash is harmless.

use std::sync::Arc;

use host_core::seams::{Chain, ChainCall, SignedTx};
use host_core::{Address, Amount};
use host_ledger::{ChequeRow, Fact, Ledger, OutboxRow, OutboxState};
use tracing::{info, warn};

use crate::error::Error;

/// Cheques read a page at a time.
const PAGE: usize = 256;

/// Turns cheques into transactions and follows them.
pub struct Cashier {
    ledger: Ledger,
    chain: Arc<dyn Chain>,
    beneficiary: Address,
    recipient: Address,
    depth: u64,
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Transactions begun.
    pub begun: usize,
    /// Transactions that are deep enough and succeeded.
    pub cashed: usize,
    /// Transactions that failed on chain.
    pub failed: usize,
    /// Transactions still under way.
    pub pending: usize,
}

impl Cashier {
    /// A cashier for cheques made out to `beneficiary` (whose key the chain signs with), paying
    /// to `recipient`, holding a transaction final at `depth` blocks.
    #[must_use]
    pub const fn new(
        ledger: Ledger,
        chain: Arc<dyn Chain>,
        beneficiary: Address,
        recipient: Address,
        depth: u64,
    ) -> Self {
        Self {
            ledger,
            chain,
            beneficiary,
            recipient,
            depth,
        }
    }

    /// Begins a transaction for every vault whose newest cheque would pay at least `above`.
    /// Durability: each transaction is committed before it is broadcast.
    pub async fn begin(&self, above: Amount) -> Result<usize, Error> {
        let mut begun = 0;
        let mut after = None;
        loop {
            let page = self.ledger.read()?.cheques(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                return Ok(begun);
            };
            after = Some(last.cheque.cheque.vault);
            for row in &page {
                begun += usize::from(self.begin_one(row, above).await?);
            }
        }
    }

    async fn begin_one(&self, row: &ChequeRow, above: Amount) -> Result<bool, Error> {
        let cheque = &row.cheque.cheque;
        let due = Amount(cheque.cumulative.0.saturating_sub(row.cashed.0));
        let pending = self.ledger.read()?.outbox_pending()?;
        let under_way = pending.iter().any(|out| out.vault == cheque.vault);
        if due == Amount::ZERO || due < above || under_way {
            return Ok(false);
        }
        let facts = self.chain.vault(cheque.vault, self.beneficiary).await?;
        if facts.balance == Amount::ZERO {
            warn!(vault = %cheque.vault, amount = %due, "vault is empty, cashing waits");
            return Ok(false);
        }
        let floor = pending.iter().map(|out| out.nonce + 1).max().unwrap_or(0);
        let call = ChainCall::CashCheque {
            cheque: row.cheque.clone(),
            recipient: self.recipient,
        };
        let tx = self.chain.prepare(call, floor).await?;
        let out = OutboxRow {
            hash: tx.hash,
            nonce: tx.nonce,
            raw: tx.raw.clone(),
            vault: cheque.vault,
            cumulative: cheque.cumulative,
            state: OutboxState::Pending,
        };
        self.ledger.commit(vec![Fact::OutboxPut(out)]).await?;
        info!(vault = %cheque.vault, amount = %due, tx = %tx.hash, "cashing begun");
        if let Err(err) = self.chain.broadcast(&tx).await {
            warn!(tx = %tx.hash, err = %err, "broadcast failed, will be repeated");
        }
        Ok(true)
    }

    /// Follows every transaction under way: sends it again while it is in no block, closes it
    /// when it is deep enough.
    pub async fn follow(&self) -> Result<Round, Error> {
        let mut round = Round::default();
        let pending = self.ledger.read()?.outbox_pending()?;
        if pending.is_empty() {
            return Ok(round);
        }
        let head = self.chain.head().await?;
        for out in pending {
            let Some(receipt) = self.chain.receipt(out.hash).await? else {
                let tx = SignedTx {
                    hash: out.hash,
                    nonce: out.nonce,
                    raw: out.raw.clone(),
                };
                self.chain.broadcast(&tx).await?;
                round.pending += 1;
                continue;
            };
            if head.block < receipt.block.saturating_add(self.depth) {
                round.pending += 1;
                continue;
            }
            self.close(&out, receipt.success).await?;
            if receipt.success {
                round.cashed += 1;
            } else {
                round.failed += 1;
            }
        }
        Ok(round)
    }

    async fn close(&self, out: &OutboxRow, success: bool) -> Result<(), Error> {
        let done = Fact::OutboxDone {
            hash: out.hash,
            success,
        };
        if !success {
            warn!(vault = %out.vault, tx = %out.hash, "cashing failed on chain");
            return Ok(self.ledger.commit(vec![done]).await?);
        }
        // A vault pays what it holds and records the rest as bounced, so success is no proof of
        // full payment: what counts is what the vault says it has paid.
        let vault = out.vault;
        let paid = self.chain.vault(vault, self.beneficiary).await?.paid_out;
        let cashed = Fact::ChequeCashed {
            vault,
            cumulative: paid.min(out.cumulative),
        };
        self.ledger.commit(vec![done, cashed]).await?;
        if paid < out.cumulative {
            warn!(vault = %vault, amount = %paid, tx = %out.hash, "vault paid only a part");
        } else {
            info!(vault = %vault, amount = %paid, tx = %out.hash, "cashed");
        }
        Ok(())
    }
}
