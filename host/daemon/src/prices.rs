//! What a host says to the network's price oracle: its space, once a period at most, and, where the
//! operator wants it, the step of the price when one is due.
//!
//! Enters: the offered space and the oracle's own word. Leaves: wishes for the outbox, and the
//! newest look for metrics. Invariants: one announcement and one step a period at most, whatever
//! happens in between, because the contract's own block of the last one decides; nothing is
//! announced that no stake covers; the last of the gas stays for proofs. Does not: set the host's
//! own price, which is the operator's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host_chain::codec::demand;
use host_chain::{PriceFacts, SpaceFacts};
use host_core::Amount;
use host_core::epoch::EpochRule;
use host_ledger::{CallRow, IntentKey, OutboxRow};
use tracing::{debug, info};

use crate::chain::Road;
use crate::config::PricesConfig;
use crate::supervise::Stopping;
use crate::welcome::Whose;

/// The intents of this room.
const ANNOUNCE: &str = "price/announce";
/// Shared with every other host: somebody may be faster.
pub(crate) const STEP: &str = "price/step";
/// Looks at the oracle in an epoch, and the bounds of the time between two.
const LOOKS: u64 = 2;
const LOOK_EVERY: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(3600));
/// The part of what counts, as a divisor, below which a change is not worth a transaction.
const WORTH: u64 = 64;

/// The newest look at the oracle; none while it has no rule or never answered.
#[derive(Debug, Default)]
pub struct PriceBook(Mutex<Option<(PriceFacts, SpaceFacts)>>);

impl PriceBook {
    /// The price, and what the host counts for.
    #[must_use]
    pub fn last(&self) -> Option<(PriceFacts, SpaceFacts)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, price: PriceFacts, own: SpaceFacts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((price, own));
    }
}

/// What is judged in one look.
#[derive(Debug, Clone, Copy)]
struct Look {
    rule: EpochRule,
    block: u64,
    /// Bytes the host offers.
    offered: u64,
    price: PriceFacts,
    own: SpaceFacts,
}

impl Look {
    /// Whether a block of the contract lies before the present period.
    fn is_past(&self, at: u64) -> bool {
        at == 0 || self.rule.epoch_of(at) < self.rule.epoch_of(self.block)
    }

    /// The bytes to announce; none when the oracle knows them, or asks for no word yet.
    fn announces(&self) -> Option<u64> {
        let (rule, space) = (self.price.rule?, self.own.space);
        if !self.is_past(space.at) {
            return None;
        }
        let would = self.own.would_count(&rule, self.offered);
        // What no stake covers counts for nothing and is not worth a transaction.
        if would.0 == 0 && space.capacity == 0 {
            return None;
        }
        let ages_at = space.at.saturating_add(rule.fresh_blocks / 2);
        let stale = space.at == 0 || self.block >= ages_at;
        let known = (space.announced, space.capacity, space.used);
        let least = (would.0.max(space.capacity) / WORTH).max(1);
        let differs = |one: u64, other: u64| one.abs_diff(other) >= least;
        let changed = differs(known.0, self.offered)
            || differs(known.1, would.0)
            || differs(known.2, would.1);
        (stale || changed).then_some(self.offered)
    }

    /// Whether a step is due and would move the price.
    fn steps(&self) -> bool {
        let Some(from) = self.price.step_from() else {
            return false;
        };
        let due = self.block >= from && self.is_past(self.price.stepped_at);
        let after = self.price.after_step();
        due && after.is_some_and(|after| after != self.price.price)
    }
}

/// Looks at the oracle a few times an epoch and says what is due, until told to end.
pub(crate) async fn keep(
    road: Arc<Road>,
    config: PricesConfig,
    whose: impl Fn() -> Whose + Send + 'static,
    mut stopping: Stopping,
) {
    let rule = road.network.epoch;
    let epoch = rule.epoch_blocks.saturating_mul(rule.block_seconds);
    let every = Duration::from_secs(epoch / LOOKS).clamp(LOOK_EVERY.0, LOOK_EVERY.1);
    while stopping.sleep(every).await {
        // A silent chain is told elsewhere; so is an oracle of BTFS's own, by having no rule.
        if let Err(err) = turn(&road, &config, whose()).await {
            debug!(err = format!("{err:#}"), "price oracle not read");
        }
    }
}

async fn turn(road: &Road, config: &PricesConfig, whose: Whose) -> anyhow::Result<()> {
    let price = road.evm.price_facts().await?;
    let Some(rule) = price.rule else {
        return Ok(());
    };
    let own = road.evm.space_facts(&rule, whose.host).await?;
    road.prices.keep(price, own);
    let look = Look {
        rule: road.network.epoch,
        block: whose.block,
        offered: whose.space,
        price,
        own,
    };
    // The last of the gas is kept for proofs; the cashing loop says so.
    if road.network.guard.read_only || road.means.refuses_gas().is_some() {
        return Ok(());
    }
    if let Some(bytes) = look.announces().filter(|_| config.announce)
        && want(road, ANNOUNCE, demand::announce(bytes)).await?
    {
        info!(bytes, "staked space is announced to the price oracle");
    }
    if config.step && look.steps() {
        let token = road.evm.contracts("price")?.token;
        if want(road, STEP, demand::step(token)).await? {
            let amount = price.after_step().unwrap_or_default();
            info!(amount = %amount, "the price is moved by its rule");
        }
    }
    Ok(())
}

/// Writes a call of the oracle into the outbox; false when the same is under way.
async fn want(road: &Road, intent: &str, data: Vec<u8>) -> anyhow::Result<bool> {
    let call = CallRow {
        to: road.evm.contracts("price")?.price_oracle,
        value: Amount::ZERO,
        data,
    };
    let row = OutboxRow::wanted_call(IntentKey(intent.to_owned()), call);
    Ok(road.cashier.outbox().want(row).await?)
}

#[cfg(test)]
mod tests;
