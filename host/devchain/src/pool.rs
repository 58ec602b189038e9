//! Transactions that wait for a block.
//!
//! Enters: signed transactions with the nonce and balance of their sender. Leaves: those that the
//! next block may take, nonces of one sender in order, senders by time of arrival. Invariants: at
//! most `POOL_MAX` transactions, at most `SENDER_MAX` of one sender; a nonce is replaced only by an
//! offer at least a tenth dearer. Does not: survive a restart (a real mempool gives no such word
//! either; a client rebroadcasts).

use crate::tx::SignedTx;
use revm::primitives::{Address, B256, U256};
use std::collections::{BTreeMap, HashMap};

/// Waiting transactions in all: about 40 MiB at most with the largest contract code.
const POOL_MAX: usize = 1024;
/// Waiting transactions of one sender.
const SENDER_MAX: usize = 256;

/// Why a transaction may not wait here; Display uses the words of geth, which clients match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwelcome {
    #[error("already known")]
    Known,
    #[error("nonce too low: next nonce {next}, tx nonce {have}")]
    NonceTooLow { next: u64, have: u64 },
    #[error("replacement transaction underpriced")]
    Underpriced,
    #[error("insufficient funds for gas * price + value: have {have} want {need}")]
    Funds { have: U256, need: U256 },
    #[error("exceeds block gas limit: {have} of {max}")]
    GasOverBlock { have: u64, max: u64 },
    #[error("max priority fee per gas higher than max fee per gas")]
    TipOverFee,
    #[error("txpool is full: {0} transactions wait")]
    Full(usize),
}

#[derive(Debug)]
struct Waiting {
    tx: SignedTx,
    arrival: u64,
}

/// The waiting room.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    senders: HashMap<Address, BTreeMap<u64, Waiting>>,
    arrivals: u64,
    count: usize,
}

impl Pool {
    /// Lets `tx` wait; `next` and `balance` are its sender's in the newest state.
    pub(crate) fn admit(
        &mut self,
        tx: SignedTx,
        next: u64,
        balance: U256,
        block_gas: u64,
    ) -> Result<(), Unwelcome> {
        if tx.nonce < next {
            return Err(Unwelcome::NonceTooLow {
                next,
                have: tx.nonce,
            });
        }
        if tx.gas_limit > block_gas {
            return Err(Unwelcome::GasOverBlock {
                have: tx.gas_limit,
                max: block_gas,
            });
        }
        if tx.max_tip.is_some_and(|tip| tip > tx.max_fee) {
            return Err(Unwelcome::TipOverFee);
        }
        if tx.cost_max() > balance {
            return Err(Unwelcome::Funds {
                have: balance,
                need: tx.cost_max(),
            });
        }
        let of_sender = self.senders.get(&tx.from);
        match of_sender.and_then(|waiting| waiting.get(&tx.nonce)) {
            Some(old) if old.tx.hash == tx.hash => return Err(Unwelcome::Known),
            Some(old) if !dearer(&old.tx, &tx) => return Err(Unwelcome::Underpriced),
            Some(_) => {}
            None => {
                let crowded = of_sender.is_some_and(|waiting| waiting.len() >= SENDER_MAX);
                if crowded || self.count >= POOL_MAX {
                    return Err(Unwelcome::Full(self.count));
                }
                self.count += 1;
            }
        }
        self.arrivals += 1;
        let arrival = self.arrivals;
        self.senders
            .entry(tx.from)
            .or_default()
            .insert(tx.nonce, Waiting { tx, arrival });
        Ok(())
    }

    /// Transactions for the next block: nonces without a gap, fee at or over `base_fee`, as many as
    /// fit into `block_gas`.
    pub(crate) fn ready(
        &self,
        base_fee: u64,
        block_gas: u64,
        next_nonce: impl Fn(Address) -> u64,
    ) -> Vec<SignedTx> {
        let mut order = Vec::new();
        for (sender, waiting) in &self.senders {
            let mut next = next_nonce(*sender);
            let mut after = 0;
            while let Some(one) = waiting.get(&next) {
                if one.tx.price_at(base_fee).is_none() {
                    break;
                }
                after = one.arrival.max(after);
                order.push((after, next, &one.tx));
                next += 1;
            }
        }
        order.sort_by_key(|(after, nonce, _)| (*after, *nonce));
        let mut gas_left = block_gas;
        let mut ready = Vec::with_capacity(order.len());
        for (_, _, tx) in order {
            match gas_left.checked_sub(tx.gas_limit) {
                Some(left) => gas_left = left,
                None => break,
            }
            ready.push(tx.clone());
        }
        ready
    }

    /// Forgets `tx` and everything of its sender at or below its nonce: used for what a block took.
    pub(crate) fn taken(&mut self, sender: Address, nonce: u64) {
        if let Some(waiting) = self.senders.get_mut(&sender) {
            let before = waiting.len();
            *waiting = match nonce.checked_add(1) {
                Some(next) => waiting.split_off(&next),
                None => BTreeMap::new(),
            };
            self.count -= before - waiting.len();
            if waiting.is_empty() {
                self.senders.remove(&sender);
            }
        }
    }

    /// Forgets one transaction that the rules refuse.
    pub(crate) fn refused(&mut self, tx: &SignedTx) {
        if let Some(waiting) = self.senders.get_mut(&tx.from) {
            if waiting.remove(&tx.nonce).is_some() {
                self.count -= 1;
            }
            if waiting.is_empty() {
                self.senders.remove(&tx.from);
            }
        }
    }

    /// The nonce behind everything that waits without a gap from `next` on.
    pub(crate) fn nonce_after(&self, sender: Address, mut next: u64) -> u64 {
        if let Some(waiting) = self.senders.get(&sender) {
            while waiting.contains_key(&next) {
                next += 1;
            }
        }
        next
    }

    /// A waiting transaction by hash.
    pub(crate) fn find(&self, hash: B256) -> Option<&SignedTx> {
        let all = self.senders.values().flat_map(BTreeMap::values);
        all.map(|waiting| &waiting.tx).find(|tx| tx.hash == hash)
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// Whether `new` offers at least a tenth more than `old`, in price and in tip, as geth asks.
fn dearer(old: &SignedTx, new: &SignedTx) -> bool {
    let tenth_more = |old: u128, new: u128| new >= old.saturating_add(old.div_ceil(10));
    let tip = |tx: &SignedTx| tx.max_tip.unwrap_or(tx.max_fee);
    tenth_more(old.max_fee, new.max_fee) && tenth_more(tip(old), tip(new))
}
