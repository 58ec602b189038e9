//! What the host's account has and needs on the chain: noticed from an empty account on, kept until
//! the host ends.
//!
//! Enters: the chain's word on balances, stake and gas. Leaves: one look for whoever asks (API,
//! health, metrics), a word in the log when money arrives and when gas runs low. Invariants: a host
//! without money stays up; the last of the gas is kept for proofs, whatever else would spend it;
//! nothing is judged on a look that failed. Does not: send anything; orders do (firsts, stakes,
//! settle).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use host_chain::{EvmChain, StakeFacts};
use host_core::epoch::EpochRule;
use host_core::{Address, Amount};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::{debug, info, warn};
use utoipa::ToSchema;

use crate::chain::Road;
use crate::firsts::Firsts;
use crate::stakes::StakeDesk;
use crate::supervise::Stopping;

/// Gas of one period: a proof of ten draws (400,000 at most), its seal and one commitment of new
/// shards, with a tenth to spare.
pub const PERIOD_GAS: u64 = 670_000;
/// Periods whose gas nothing but proofs may spend.
pub const RESERVE_PERIODS: u64 = 7;
/// Periods a newcomer should have gas for.
const WANTED_PERIODS: u64 = 30;
/// Days of gas below which the host warns.
pub const RUNWAY_DAYS_MIN: f64 = 14.0;
/// Between two looks, and between two steps of an order.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const STEP_EVERY: Duration = Duration::from_secs(3);
/// Between two steps while an order stands.
const ORDER_EVERY: Duration = Duration::from_secs(1);

/// What the account has and needs; sums in smallest units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Means {
    /// The block it was read at, as far as known.
    pub block: u64,
    /// Native value.
    #[schema(value_type = String)]
    pub native: Amount,
    /// Wrapped tokens.
    #[schema(value_type = String)]
    pub token: Amount,
    /// Live stake; absent on a network without stake.
    #[schema(value_type = Option<String>)]
    pub stake: Option<Amount>,
    /// Stake the committed bytes require.
    #[schema(value_type = Option<String>)]
    pub stake_required: Option<Amount>,
    /// Stake each committed GiB requires.
    #[schema(value_type = Option<String>)]
    pub stake_per_gib: Option<Amount>,
    /// Stake the whole offered space would require.
    #[schema(value_type = Option<String>)]
    pub stake_for_space: Option<Amount>,
    /// The most a unit of gas costs now, wei.
    #[schema(value_type = String)]
    pub gas_price: Amount,
    /// What a period of proofs costs now, wei; 0 on a network without proofs.
    #[schema(value_type = String)]
    pub period_cost: Amount,
    /// Native value kept for proofs.
    #[schema(value_type = String)]
    pub reserve: Amount,
    /// Days of proofs the native value pays; absent on a network without proofs.
    pub runway_days: Option<f64>,
    /// What is still needed, in words; empty when nothing is.
    pub needs: Vec<String>,
}

impl Means {
    /// Native value that may be spent on other things than proofs.
    #[must_use]
    pub const fn spare(&self) -> Amount {
        Amount(self.native.0.saturating_sub(self.reserve.0))
    }

    /// Whether an account was ever funded, by this look.
    #[must_use]
    pub fn is_funded(&self) -> bool {
        self.native > Amount::ZERO
    }
}

/// The newest look at the host's means.
#[derive(Debug, Default)]
pub struct MeansBook {
    last: Mutex<Option<(Means, SystemTime)>>,
    again: Notify,
}

impl MeansBook {
    /// The newest look and when it was; none while the chain never answered.
    #[must_use]
    pub fn last(&self) -> Option<(Means, SystemTime)> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn keep(&self, means: Means) {
        let seen = Some((means, SystemTime::now()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Asks for a look before its time.
    pub fn look_again(&self) {
        self.again.notify_one();
    }

    /// Why other things than proofs must not spend gas now; none when they may. Without a look
    /// they may: the chain decides then.
    #[must_use]
    pub fn refuses_gas(&self) -> Option<String> {
        let (means, _) = self.last()?;
        if means.native > means.reserve || means.period_cost == Amount::ZERO {
            return None;
        }
        Some(format!(
            "the account holds {} wei and the last {} are kept for {RESERVE_PERIODS} periods of \
             proofs; send native tokens to it",
            means.native, means.reserve
        ))
    }
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// The host's account.
    pub host: Address,
    /// Bytes it offers.
    pub space: u64,
    /// The newest block known.
    pub block: u64,
}

/// Reads what the account has and needs. Errors: those of reading.
pub async fn look(
    chain: &EvmChain,
    rule: &EpochRule,
    whose: Whose,
) -> Result<Means, host_chain::Error> {
    let (native, token, gas_price) = tokio::try_join!(
        chain.native_balance(whose.host),
        chain.token_balance(whose.host),
        chain.gas_price_now(),
    )?;
    let has_stake = chain.contracts("means")?.staking.is_some();
    let facts = if has_stake {
        Some(chain.stake_facts(whose.host).await?)
    } else {
        None
    };
    let has_proofs = chain.contracts("means")?.proofs.is_some();
    let gas = if has_proofs { PERIOD_GAS } else { 0 };
    let period_cost = Amount(gas_price.0.saturating_mul(gas.into()));
    let space = |facts: &StakeFacts| Amount::of_storage(whose.space, facts.per_gib, 1).ok();
    let mut means = Means {
        block: whose.block,
        native,
        token,
        stake: facts.as_ref().map(|facts| facts.live),
        stake_required: facts.as_ref().map(|facts| facts.required),
        stake_per_gib: facts.as_ref().map(|facts| facts.per_gib),
        stake_for_space: facts.as_ref().and_then(space),
        gas_price,
        period_cost,
        reserve: period_cost.times(RESERVE_PERIODS).unwrap_or(period_cost),
        runway_days: has_proofs.then(|| runway(native, period_cost, rule)),
        needs: Vec::new(),
    };
    means.needs = needs(&means);
    Ok(means)
}

/// Days that `native` pays for periods of `cost` each.
#[expect(
    clippy::cast_precision_loss,
    reason = "a runway is for reading; it needs no more than 15 digits"
)]
fn runway(native: Amount, cost: Amount, rule: &EpochRule) -> f64 {
    let periods = native.0 as f64 / (cost.0.max(1)) as f64;
    let seconds = rule
        .epoch_blocks
        .max(1)
        .saturating_mul(rule.block_seconds.max(1));
    periods * seconds as f64 / 86_400.0
}

fn needs(means: &Means) -> Vec<String> {
    let mut needs = Vec::new();
    let wanted = means.period_cost.times(WANTED_PERIODS).unwrap_or_default();
    if means.native < wanted || means.native == Amount::ZERO {
        let (have, cost) = (means.native, means.period_cost);
        needs.push(format!(
            "gas: {have} of {wanted} wei, for {WANTED_PERIODS} periods of proofs at {cost} each"
        ));
    }
    if let (Some(live), Some(wanted)) = (means.stake, means.stake_for_space)
        && live < wanted
    {
        let missing = Amount(wanted.0 - live.0);
        let have = means.token;
        needs.push(format!(
            "stake: {live} of {wanted} for all offered space; {missing} is missing, {have} tokens \
             are in the account"
        ));
    }
    needs
}

/// What the loop has told already.
#[derive(Debug, Default)]
struct Told {
    funded: bool,
    low: bool,
    looked: bool,
}

impl Told {
    fn tell(&mut self, means: &Means) {
        let was = std::mem::replace(&mut self.funded, means.is_funded());
        if self.looked && !was && means.is_funded() {
            info!(amount = %means.native, "the first deposit has arrived");
        } else if !self.looked && !means.is_funded() {
            let needs = means.needs.join("; ");
            info!(needs, "the account is empty; the host waits for a deposit");
        }
        self.looked = true;
        let Some(days) = means.runway_days else {
            return;
        };
        let low = days < RUNWAY_DAYS_MIN && means.is_funded();
        if low && !std::mem::replace(&mut self.low, low) {
            let amount = means.native;
            warn!(days, amount = %amount, "gas for proofs runs out; send native tokens");
        }
        self.low = low;
    }
}

/// Looks at the means each minute, moves first things and a stake order on, until told to end.
/// `whose` says what the host offers and the newest block it knows.
pub(crate) async fn keep(
    road: std::sync::Arc<Road>,
    (firsts, stakes): (Firsts, std::sync::Arc<StakeDesk>),
    whose: impl Fn() -> Whose + Send + 'static,
    mut stopping: Stopping,
) {
    let mut told = Told::default();
    let mut since = LOOK_EVERY;
    loop {
        // An empty account is looked at often, so that a deposit is noticed when it arrives.
        let known = road.means.last();
        let empty = known.is_none_or(|(means, _)| !means.is_funded());
        let due = since >= LOOK_EVERY || empty;
        if due || stakes.standing().is_some() || firsts.open() {
            match look(&road.evm, &road.network.epoch, whose()).await {
                Ok(means) => {
                    told.tell(&means);
                    let (reserve, host) = (means.reserve, whose().host);
                    road.means.keep(means.clone());
                    since = Duration::ZERO;
                    if let Err(err) = firsts.step(&road, &stakes, host, &means).await {
                        debug!(err = format!("{err:#}"), "first things wait");
                    }
                    if let Err(err) = stakes.step(&road, host, reserve).await {
                        debug!(err = format!("{err:#}"), "ordered stake waits");
                    }
                }
                Err(err) => debug!(err = %err, "means not read, will be repeated"),
            }
        }
        let asked = async {
            road.means.again.notified().await;
            true
        };
        let pause = match stakes.standing() {
            Some(_) => ORDER_EVERY,
            None => STEP_EVERY,
        };
        since += pause;
        let goes_on = tokio::select! {
            asked = asked => { since = LOOK_EVERY; asked }
            on = stopping.sleep(pause) => on,
        };
        if !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
