//! The life of a transaction: prepare, broadcast, bump, confirm.
//!
//! Enters: what should happen. Leaves: signed bytes the caller can persist before anybody sees
//! them, and later the receipt at depth. Invariants: one broadcast sends the same bytes to every
//! healthy endpoint; "already known" is success; a bump keeps nonce, target and content and raises
//! every price by an eighth at least, up to the cap; a receipt counts when its block is canonical
//! and deep enough. Does not: persist; that is settle's outbox.

use crate::chain::{Account, EvmChain};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::fault::Fault;
use crate::reads::Receipt;
use crate::sign::{Fees, decode, foreign, sender, sign, typed};
use crate::translate::h160;
use ethers_core::types::U256;
use ethers_core::types::transaction::eip2718::TypedTransaction;
use host_core::seams::SignedTx;
use host_core::{Address, Amount};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a waiting transaction is looked for.
const POLL: Duration = Duration::from_millis(250);
/// Blocks without the transaction before its price is raised.
const BUMP_AFTER: u64 = 4;
/// Tip when an endpoint names none: 1 gwei.
const TIP_DEFAULT: u128 = 1_000_000_000;

/// Gas of a transaction that carries nothing.
const PLAIN_GAS: u64 = 21_000;

/// What a transaction should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its name in errors and logs.
    pub what: &'static str,
    /// The contract or account; nothing makes a contract.
    pub to: Option<Address>,
    /// Native value sent along.
    pub value: Amount,
    /// Calldata or creation code.
    pub data: Vec<u8>,
}

impl Intent {
    /// A call of a contract without value.
    #[must_use]
    pub fn call(what: &'static str, to: Address, data: Vec<u8>) -> Self {
        Self {
            what,
            to: Some(to),
            value: Amount::ZERO,
            data,
        }
    }
}

impl EvmChain {
    pub(crate) fn account(&self, what: &'static str) -> Result<&Account, Error> {
        self.account.as_ref().ok_or(Error::NoKey { what })
    }

    /// The account, where this network is not for reading alone.
    pub(crate) fn signer(&self, what: &'static str) -> Result<&Account, Error> {
        if self.read_only {
            return Err(Error::ReadOnly { what });
        }
        self.account(what)
    }

    /// Signs `intent` at the lowest free nonce not below `nonce_floor`. Nothing is sent. The gas
    /// limit is the endpoint's estimate and a fifth; a call that would revert is refused here.
    ///
    /// Errors: `NoKey`, `Reverted`, `Gas`, `FeeCap`, `Unreachable`.
    pub async fn prepare_intent(
        &self,
        intent: &Intent,
        nonce_floor: u64,
    ) -> Result<SignedTx, Error> {
        let account = self.signer(intent.what)?;
        let nonce = self.free_nonce(intent.what, nonce_floor).await?;
        let gas = self.gas_of(intent).await?;
        let fees = self.fees().await?;
        sign(
            account,
            self.chain_id(),
            &typed(intent, nonce, gas.into(), fees),
        )
        .await
    }

    /// The account's lowest free nonce not below `floor`.
    pub(crate) async fn free_nonce(&self, what: &'static str, floor: u64) -> Result<u64, Error> {
        let from = self.account(what)?.key.address();
        // What is in blocks is a fact two endpoints must agree on: a nonce from one that lags
        // would be used already. What waits differs from endpoint to endpoint and only adds.
        let mined = self.agreed_nonce().await?;
        let waiting = self
            .pool
            .any(
                what,
                |endpoint| async move { endpoint.nonce(from, true).await },
            )
            .await?;
        Ok(mined.max(waiting).max(floor))
    }

    /// The endpoint's estimate for `intent` and a fifth. Errors: `Reverted`, `Gas`, `Unreachable`.
    pub(crate) async fn gas_of(&self, intent: &Intent) -> Result<u64, Error> {
        let from = self.account(intent.what)?.key.address();
        let (to, value, data) = (intent.to, intent.value, intent.data.as_slice());
        let gas = self
            .pool
            .any(intent.what, |endpoint| async move {
                endpoint.estimate(from, to, value, data).await
            })
            .await
            .map_err(|error| gas_error(error, from))?;
        Ok(gas.saturating_add(gas / 5))
    }

    /// Sends the same bytes to every healthy endpoint. Success when one of them has it, new or
    /// already known, waiting or mined.
    ///
    /// Errors: `NonceTaken` when another transaction used the nonce, `Gas`, `Refused`,
    /// `Unreachable`.
    pub async fn broadcast_raw(&self, tx: &SignedTx) -> Result<(), Error> {
        let hash = tx.hash;
        let outcomes = self
            .pool
            .each(|endpoint| {
                let raw = tx.raw.clone();
                async move {
                    match endpoint.send_raw(&raw).await {
                        Err(fault) if fault.already_known() => Ok(()),
                        // Mined already, or another transaction has its nonce: look which.
                        Err(fault) if fault.nonce_used() || fault.underpriced() => {
                            if endpoint.knows(hash).await? {
                                Ok(())
                            } else {
                                Err(fault)
                            }
                        }
                        other => other,
                    }
                }
            })
            .await;
        if outcomes.iter().any(Result::is_ok) {
            return Ok(());
        }
        let tried = outcomes.len();
        let mut worst: Option<Fault> = None;
        for fault in outcomes.into_iter().filter_map(Result::err) {
            if worst.as_ref().is_none_or(|known| !known.final_word()) {
                worst = Some(fault);
            }
        }
        let payer = sender(tx);
        Err(match (worst, payer) {
            (Some(fault), Some(account)) if fault.nonce_used() => Error::NonceTaken {
                account,
                nonce: tx.nonce,
                hash,
            },
            (Some(fault), _) if fault.underpriced() => Error::Underpriced {
                nonce: tx.nonce,
                hash,
            },
            (Some(fault @ Fault::Refused { .. }), _) => fault.into_error("broadcast", payer),
            (Some(fault), _) => Error::Unreachable {
                tried,
                why: fault.why(),
            },
            (None, _) => Error::Unreachable {
                tried: 0,
                why: "all endpoints rest".into(),
            },
        })
    }

    /// The same transaction at the same nonce with prices an eighth higher, or today's if those
    /// are higher still. Works from the raw bytes alone, so also after a restart.
    ///
    /// Errors: `FeeCap` when the raise would pass the cap, `NoKey`, `Malformed` for foreign bytes.
    pub async fn bump(&self, tx: &SignedTx) -> Result<SignedTx, Error> {
        self.bump_within(tx, Amount(u128::MAX)).await
    }

    /// The same, and the whole transaction may cost at most `cost_max` wei.
    ///
    /// Errors: as `bump`.
    pub async fn bump_within(&self, tx: &SignedTx, cost_max: Amount) -> Result<SignedTx, Error> {
        let typed = decode(tx)?;
        self.dearer("fee bump", typed, cost_max).await
    }

    /// An empty transaction to the account itself at the same nonce, dearer than `tx`, for at most
    /// `cost_max` wei: whichever of the two is mined frees the nonce.
    ///
    /// Errors: as `bump`.
    pub async fn clear_within(&self, tx: &SignedTx, cost_max: Amount) -> Result<SignedTx, Error> {
        let own = self.account("clearing a nonce")?.key.address();
        let mut typed = decode(tx)?;
        typed.set_to(h160(own));
        typed.set_value(U256::zero());
        typed.set_data(Vec::new().into());
        typed.set_gas(PLAIN_GAS);
        self.dearer("clearing a nonce", typed, cost_max).await
    }

    async fn dearer(
        &self,
        what: &'static str,
        mut typed: TypedTransaction,
        cost_max: Amount,
    ) -> Result<SignedTx, Error> {
        let account = self.account(what)?;
        let gas = typed.gas().copied().unwrap_or_default().as_u128().max(1);
        let cap = self.fee_cap.min(cost_max.0 / gas);
        let today = self.fees().await?;
        let raised = |old: Option<U256>, floor: u128| -> Result<U256, Error> {
            let old = u128::try_from(old.unwrap_or_default()).unwrap_or(u128::MAX);
            let need = old.saturating_add(old.div_ceil(8)).max(floor);
            if need > cap {
                return Err(Error::FeeCap { need, cap });
            }
            Ok(U256::from(need))
        };
        match &mut typed {
            TypedTransaction::Eip1559(inner) => {
                inner.max_fee_per_gas = Some(raised(inner.max_fee_per_gas, today.max)?);
                let tip = raised(
                    inner.max_priority_fee_per_gas,
                    today.tip.unwrap_or_default(),
                )?;
                inner.max_priority_fee_per_gas = Some(tip);
            }
            TypedTransaction::Legacy(inner) => {
                inner.gas_price = Some(raised(inner.gas_price, today.max)?);
            }
            TypedTransaction::Eip2930(_) => return Err(foreign("another transaction type")),
        }
        sign(account, self.chain_id(), &typed).await
    }

    /// Waits until `tx`, or a dearer form of it at the same nonce, is `depth` blocks deep in the
    /// canonical chain. Broadcasts again and raises the price while it stays out of blocks; an
    /// unreachable chain is waited for.
    ///
    /// Errors: `NonceTaken`, `NotConfirmed` after `patience`.
    pub async fn confirm(
        &self,
        tx: &SignedTx,
        depth: u64,
        patience: Duration,
    ) -> Result<Receipt, Error> {
        let started = Instant::now();
        let mut forms = vec![tx.clone()];
        let mut watch = Watch::default();
        loop {
            match self.look(&forms, depth, &mut watch).await {
                Ok(Look::Deep(receipt)) => return Ok(*receipt),
                Ok(Look::Stuck) => self.raise(&mut forms).await?,
                Ok(Look::Wait) => {}
                Err(error @ Error::NonceTaken { .. }) => return Err(error),
                Err(error) => tracing::debug!(err = %error, "confirmation waits for the chain"),
            }
            if started.elapsed() >= patience {
                let hash = forms.last().map_or(tx.hash, |form| form.hash);
                return Err(Error::NotConfirmed {
                    hash,
                    depth,
                    seconds: patience.as_secs(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// One look at all forms of a transaction.
    async fn look(&self, forms: &[SignedTx], depth: u64, watch: &mut Watch) -> Result<Look, Error> {
        let head = self.newest_block().await?.number;
        for form in forms {
            let Some(receipt) = self.tx_receipt(form.hash).await? else {
                continue;
            };
            if head < receipt.block.saturating_add(depth) {
                return Ok(Look::Wait);
            }
            let canonical = self.block(receipt.block).await?;
            if canonical.is_some_and(|block| block.hash == receipt.block_hash) {
                return Ok(Look::Deep(Box::new(receipt)));
            }
            return Ok(Look::Wait);
        }
        let Some(first) = forms.first() else {
            return Ok(Look::Wait);
        };
        let Some(account) = sender(first) else {
            return Err(foreign("no signer"));
        };
        let nonce = |endpoint: Arc<Endpoint>| async move { endpoint.nonce(account, false).await };
        if self.pool.any("nonce", nonce).await? > first.nonce {
            // The receipt may lie with an endpoint that is a little behind, or a reorganisation
            // may give the nonce back: only what stays so for the depth is final.
            let since = *watch.taken_at.get_or_insert(head);
            if head >= since.saturating_add(depth.max(2)) {
                return Err(Error::NonceTaken {
                    account,
                    nonce: first.nonce,
                    hash: first.hash,
                });
            }
            return Ok(Look::Wait);
        }
        watch.taken_at = None;
        let raised_at = *watch.raised_at.get_or_insert(head);
        if head < raised_at.saturating_add(BUMP_AFTER) {
            return Ok(Look::Wait);
        }
        watch.raised_at = Some(head);
        Ok(Look::Stuck)
    }

    /// Adds a dearer form and broadcasts it; at the cap the dearest known one is sent again.
    async fn raise(&self, forms: &mut Vec<SignedTx>) -> Result<(), Error> {
        let Some(dearest) = forms.last().cloned() else {
            return Ok(());
        };
        let next = match self.bump(&dearest).await {
            Ok(next) => {
                tracing::info!(nonce = next.nonce, hash = %next.hash, "transaction fee raised");
                forms.push(next.clone());
                next
            }
            Err(Error::FeeCap { need, cap }) => {
                tracing::warn!(need, cap, "stuck transaction is at the fee cap");
                dearest
            }
            Err(error) => {
                tracing::debug!(err = %error, "fee of a stuck transaction not raised");
                dearest
            }
        };
        match self.broadcast_raw(&next).await {
            Err(error @ Error::Gas { .. }) => Err(error),
            // Refused for its price, unreachable, or another form was mined meanwhile: the next
            // look tells.
            Err(error) => {
                tracing::debug!(err = %error, "dearer transaction not taken yet");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Prepares, broadcasts and confirms at the chain's own depth; a failed receipt is an error.
    /// For commands that keep no outbox: a kill in between leaves it to the nonce to stay unique.
    pub async fn run(&self, intent: &Intent, patience: Duration) -> Result<Receipt, Error> {
        let account = self.account(intent.what)?;
        let tx = {
            let mut next_nonce = account.next_nonce.lock().await;
            let tx = self.prepare_intent(intent, *next_nonce).await?;
            self.broadcast_raw(&tx).await?;
            *next_nonce = tx.nonce + 1;
            tx
        };
        let confirmed = self.confirm(&tx, self.depth, patience).await;
        if confirmed.is_err() {
            // The nonce may never be used: let the chain name the next one again.
            *account.next_nonce.lock().await = 0;
        }
        let receipt = confirmed?;
        if !receipt.success {
            let (what, hash, block) = (intent.what, receipt.hash, receipt.block);
            return Err(Error::Failed { what, hash, block });
        }
        Ok(receipt)
    }

    /// Today's prices: twice the base fee and the proposed tip, or the plain gas price; never over
    /// the cap. Errors: `FeeCap` when the cap does not even cover the base fee.
    pub(crate) async fn fees(&self) -> Result<Fees, Error> {
        let fee_cap = self.fee_cap;
        let base = self.newest_block().await?.base_fee;
        let Some(base) = base else {
            let price = self.pool.any(
                "gas price",
                |endpoint| async move { endpoint.gas_price().await },
            );
            let need = price.await?;
            if need > fee_cap {
                return Err(Error::FeeCap { need, cap: fee_cap });
            }
            return Ok(Fees {
                max: need,
                tip: None,
            });
        };
        let tip = self
            .pool
            .any("tip", |endpoint| async move { endpoint.tip().await })
            .await;
        let tip = match tip {
            Ok(tip) => tip,
            Err(Error::Refused { .. }) => TIP_DEFAULT,
            Err(error) => return Err(error),
        };
        let need = base.saturating_add(tip);
        if need > fee_cap {
            return Err(Error::FeeCap { need, cap: fee_cap });
        }
        let max = base.saturating_mul(2).saturating_add(tip).min(fee_cap);
        Ok(Fees {
            max,
            tip: Some(tip),
        })
    }
}

/// What the looks before have seen, as block numbers.
#[derive(Debug, Default)]
struct Watch {
    /// Start, or last raise of the price.
    raised_at: Option<u64>,
    /// Since when another transaction seems to have the nonce.
    taken_at: Option<u64>,
}

/// What one look at a transaction found.
enum Look {
    Deep(Box<Receipt>),
    Wait,
    Stuck,
}

/// Missing funds show at the estimate already.
pub(crate) fn gas_error(error: Error, account: Address) -> Error {
    match error {
        Error::Refused { reason, .. } if reason.to_lowercase().contains("insufficient funds") => {
            Error::Gas {
                account,
                why: reason,
            }
        }
        other => other,
    }
}
