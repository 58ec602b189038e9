//! The stake an operator ordered: a wish for so much live stake, kept until the chain shows it.
//!
//! Enters: an order (a live sum to reach) and the chain's facts. Leaves: wishes for the outbox, one
//! at a time: wrap what is missing, approve, stake. Invariants: the order is on the drive before it
//! is acknowledged; it names a sum to reach, so that repeating a step after a crash stakes nothing
//! twice; a wish is made only while none of its kind is under way. Does not: decide how much stake
//! a host should have, take stake out.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use host_chain::codec::{proof, token};
use host_chain::{EvmChain, StakeFacts};
use host_core::network::Contracts;
use host_core::{Address, Amount};
use host_ledger::{CallRow, IntentKey, OutboxRow};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::chain::Road;
use crate::config::layers;

/// Name of the order's file in the data directory.
const ORDER_FILE: &str = "stake.order";
/// The intents of the three steps.
const WRAP: &str = "stake/wrap";
const APPROVE: &str = "stake/approve";
const STAKE: &str = "stake/add";

/// What was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakeOrder {
    /// Live stake to reach, smallest units.
    pub live: Amount,
}

/// The order of a data directory, and why it is not done yet.
#[derive(Debug)]
pub struct StakeDesk {
    path: PathBuf,
    why: Mutex<String>,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    Done,
    Wait(String),
    Wrap(Amount),
    Approve(Amount),
    Stake(Amount),
}

/// What comes next for `order`. `spare` is native value that may be wrapped.
fn next(order: StakeOrder, facts: &StakeFacts, spare: Amount) -> Next {
    let need = Amount(order.live.0.saturating_sub(facts.live.0));
    let missing = Amount(need.0.saturating_sub(facts.tokens.0));
    if need == Amount::ZERO {
        Next::Done
    } else if missing > Amount::ZERO && spare >= missing {
        Next::Wrap(missing)
    } else if missing > Amount::ZERO {
        let (have, spare) = (facts.tokens, spare);
        Next::Wait(format!(
            "the account holds {have} of {need} tokens for the stake, and {spare} native ones to \
             spare; {missing} is missing"
        ))
    } else if facts.allowance < need {
        Next::Approve(need)
    } else {
        Next::Stake(need)
    }
}

impl StakeDesk {
    /// The desk of a data directory.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self {
            path: dir.join(ORDER_FILE),
            why: Mutex::default(),
        }
    }

    /// Orders `more` live stake than `live`, on top of an order that stands. Durability: on the
    /// drive when this returns.
    pub fn order(&self, live: Amount, more: Amount) -> anyhow::Result<StakeOrder> {
        let base = self.standing().map_or(live, |order| order.live.max(live));
        let order = StakeOrder {
            live: base.plus(more)?,
        };
        layers::write_atomic(&self.path, &serde_json::to_string(&order)?)?;
        Ok(order)
    }

    /// The order that stands.
    #[must_use]
    pub fn standing(&self) -> Option<StakeOrder> {
        let text = std::fs::read_to_string(&self.path).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// What the order waits for; empty when nothing is ordered.
    #[must_use]
    pub fn why(&self) -> String {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn say(&self, why: impl Into<String>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why.into();
    }

    /// Moves a standing order on by one step. `keep` is native value that stays for gas. Errors
    /// when the chain or the ledger does not answer; the order stands then.
    pub async fn step(&self, road: &Road, host: Address, keep: Amount) -> anyhow::Result<()> {
        let Some(order) = self.standing() else {
            return Ok(());
        };
        for intent in [WRAP, APPROVE, STAKE] {
            let key = IntentKey(intent.to_owned());
            if road.ledger.read()?.outbox(&key)?.is_some() {
                self.say(format!("{intent} is under way"));
                return Ok(());
            }
        }
        let facts = road.evm.stake_facts(host).await?;
        let native = road.evm.native_balance(host).await?;
        let spare = Amount(native.0.saturating_sub(keep.0));
        let call = match next(order, &facts, spare) {
            Next::Done => {
                info!(amount = %facts.live, "ordered stake stands");
                std::fs::remove_file(&self.path)?;
                self.say("");
                return Ok(());
            }
            Next::Wait(why) => {
                self.say(why);
                return Ok(());
            }
            wish => call_of(&road.evm, &wish)?,
        };
        if let Some((intent, call)) = call {
            let row = OutboxRow::wanted_call(IntentKey(intent.to_owned()), call);
            if road.cashier.outbox().want(row).await? {
                info!(intent, "step towards the ordered stake");
                // At once, where the chain answers; the outbox repeats it otherwise.
                road.cashier.follow().await?;
            }
            self.say(format!("{intent} is under way"));
        }
        Ok(())
    }
}

fn call_of(chain: &EvmChain, wish: &Next) -> anyhow::Result<Option<(&'static str, CallRow)>> {
    let contracts = chain.contracts("stake")?;
    let staking = chain.contract("stake", Contracts::staking)?;
    let (intent, to, value, data) = match wish {
        Next::Wrap(sum) => (WRAP, contracts.token, *sum, token::deposit()),
        Next::Approve(sum) => {
            let data = token::approve(staking, *sum);
            (APPROVE, contracts.token, Amount::ZERO, data)
        }
        Next::Stake(sum) => (STAKE, staking, Amount::ZERO, proof::stake(*sum)),
        Next::Done | Next::Wait(_) => return Ok(None),
    };
    Ok(Some((intent, CallRow { to, value, data })))
}

#[cfg(test)]
mod tests;
