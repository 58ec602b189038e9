//! Several transactions of one account, sent one behind the other before the first is waited for.
//!
//! Enters: steps in order. Leaves: their receipts at the chain's depth, in the same order.
//! Invariants: nonces follow each other without a gap, so that a later step never runs before an
//! earlier one; nothing is sent before all are signed. A step that can only be estimated once an
//! earlier one stands brings its own gas limit. Does not: undo what was mined when a later step
//! fails.

use crate::chain::EvmChain;
use crate::error::Error;
use crate::reads::Receipt;
use crate::send::Intent;
use crate::sign::{sign, typed};
use host_core::seams::SignedTx;
use std::time::Duration;

/// One transaction of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub intent: Intent,
    /// Its gas limit; nothing asks an endpoint, which works only when the step needs no earlier
    /// one.
    pub gas: Option<u64>,
}

impl Step {
    /// A step that an endpoint can estimate now.
    #[must_use]
    pub const fn now(intent: Intent) -> Self {
        Self { intent, gas: None }
    }

    /// A step that rests on an earlier one, with a limit of its own.
    #[must_use]
    pub const fn after(intent: Intent, gas: u64) -> Self {
        Self {
            intent,
            gas: Some(gas),
        }
    }
}

impl EvmChain {
    /// Sends `steps` with consecutive nonces and waits until the last is deep enough. The whole
    /// batch takes one wait for blocks and depth instead of one a step.
    ///
    /// Errors: those of `run`; `Failed` names the first step that failed in a block, and steps
    /// behind it may have been mined too.
    pub async fn run_all(&self, steps: &[Step], patience: Duration) -> Result<Vec<Receipt>, Error> {
        let Some(first) = steps.first() else {
            return Ok(Vec::new());
        };
        let account = self.signer(first.intent.what)?;
        let sent = {
            let mut next_nonce = account.next_nonce.lock().await;
            let signed = self.sign_all(steps, *next_nonce).await?;
            for tx in &signed {
                if let Err(error) = self.broadcast_raw(tx).await {
                    // What went out before stays valid; the chain names the next nonce again.
                    *next_nonce = 0;
                    return Err(error);
                }
                *next_nonce = tx.nonce + 1;
            }
            signed
        };
        let mut receipts = Vec::with_capacity(sent.len());
        for (tx, step) in sent.iter().zip(steps) {
            let confirmed = self.confirm(tx, self.depth, patience).await;
            if confirmed.is_err() {
                *account.next_nonce.lock().await = 0;
            }
            let receipt = confirmed?;
            if !receipt.success {
                let (hash, block) = (receipt.hash, receipt.block);
                let what = step.intent.what;
                return Err(Error::Failed { what, hash, block });
            }
            receipts.push(receipt);
        }
        Ok(receipts)
    }

    async fn sign_all(&self, steps: &[Step], floor: u64) -> Result<Vec<SignedTx>, Error> {
        let Some(first) = steps.first() else {
            return Ok(Vec::new());
        };
        let account = self.account(first.intent.what)?;
        let nonce = self.free_nonce(first.intent.what, floor).await?;
        let fees = self.fees().await?;
        let mut signed = Vec::with_capacity(steps.len());
        for (nonce, step) in (nonce..).zip(steps) {
            let gas = match step.gas {
                Some(gas) => gas,
                None => self.gas_of(&step.intent).await?,
            };
            let tx = typed(&step.intent, nonce, gas.into(), fees);
            signed.push(sign(account, self.chain_id(), &tx).await?);
        }
        Ok(signed)
    }
}
