//! The network's price as the oracle tells it: where it stands, what moves it and how far, what a
//! host's space counts for, and where the next step would lead.
//!
//! Enters: whom to ask about. Leaves: plain values. Invariants: two endpoints say alike what
//! decides about money; the step here is the contract's own arithmetic. Does not: send anything.

use crate::chain::EvmChain;
use crate::codec::demand::{self, Rule, Space};
use crate::codec::oracle::Limits;
use crate::codec::proof;
use crate::error::Error;
use host_core::{Address, Amount};

/// Ten-thousandths of a whole.
const WHOLE_BPS: u128 = 10_000;

/// The price and how it may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceFacts {
    /// Micro-tokens per GiB and day.
    pub price: Amount,
    /// Smallest units per micro-token.
    pub rate: Amount,
    /// Its clamps.
    pub limits: Option<Limits>,
    /// The rule that moves it; none while the owner does.
    pub rule: Option<Rule>,
    /// Announced, staked bytes and the used ones of them.
    pub space: (u128, u128),
    /// Block of the last step by the rule; 0 before the first.
    pub stepped_at: u64,
    /// Clamps proposed, and the block from which they may be applied.
    pub limits_next: Option<(Limits, u64)>,
    /// A rule proposed, and the block from which it may be applied.
    pub rule_next: Option<(Rule, u64)>,
}

/// One host in the oracle's sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceFacts {
    /// What is announced and counted.
    pub space: Space,
    /// The host's live stake.
    pub live: Amount,
    /// Bytes it has committed to.
    pub committed: u64,
}

impl SpaceFacts {
    /// What would count if the host announced `bytes` now: covered bytes, and the used ones of
    /// them.
    #[must_use]
    pub fn would_count(&self, rule: &Rule, bytes: u64) -> (u64, u64) {
        let whole = self.live.0.checked_mul(1 << 30);
        let covered = whole.map_or(u128::MAX, |whole| whole / rule.stake_per_gib.0.max(1));
        let capacity = u64::try_from(covered).unwrap_or(u64::MAX).min(bytes);
        (capacity, self.committed.min(capacity))
    }
}

impl PriceFacts {
    /// The first block in which the rule may move the price; none while its owner does.
    #[must_use]
    pub fn step_from(&self) -> Option<u64> {
        let (_, limits) = (self.rule?, self.limits?);
        Some(match self.stepped_at {
            0 => 0,
            stepped => stepped.saturating_add(limits.interval),
        })
    }

    /// The price a step would lead to; none while the owner moves it, and beyond 128 bits.
    /// Source: `_wish` and `_clamp` of PriceOracle.sol.
    #[must_use]
    pub fn after_step(&self) -> Option<Amount> {
        let (rule, limits) = (self.rule?, self.limits?);
        let (old, bps) = (self.price.0, u128::from(limits.move_bps));
        let wish = wish(old, bps, &rule, self.space)?;
        let far = (old.checked_mul(bps)? / WHOLE_BPS).max(1);
        let near = if old == 0 {
            wish
        } else {
            wish.clamp(old.saturating_sub(far), old.saturating_add(far))
        };
        Some(Amount(near.max(limits.price.0.0).min(limits.price.1.0)))
    }
}

/// Where the price wants to go by the used share of `space` (all bytes, used bytes).
fn wish(old: u128, bps: u128, rule: &Rule, space: (u128, u128)) -> Option<u128> {
    let (all, used) = space;
    if all == 0 || all < u128::from(rule.min_capacity) {
        return Some(old);
    }
    let used = used.checked_mul(WHOLE_BPS)?;
    let target = all.checked_mul(rule.target_bps.into())?;
    let part = |distance: u128, whole: u128| {
        let moved = old.checked_mul(bps)?.checked_mul(distance)?;
        Some(moved.checked_div(whole)? / WHOLE_BPS)
    };
    if used >= target {
        let whole = all.checked_mul(WHOLE_BPS)?.checked_sub(target)?;
        return old.checked_add(part(used - target, whole)?);
    }
    old.checked_sub(part(target - used, target)?)
}

impl EvmChain {
    /// The price, its clamps and what is queued; two endpoints must agree.
    pub async fn price_facts(&self) -> Result<PriceFacts, Error> {
        let what = "price";
        let contracts = self.contracts(what)?;
        let (at, of_token) = (contracts.price_oracle, contracts.token);
        let (price, rate) = self.price().await?;
        let ask = |data| self.agreed_call(what, at, data);
        let (limits, next_limits, rule, next_rule, space) = tokio::try_join!(
            ask(demand::limits_of(of_token)),
            ask(demand::proposed_limits_of(of_token)),
            ask(demand::rule_of()),
            ask(demand::proposed_rule()),
            ask(demand::totals()),
        )?;
        let (stepped_at, limits_ready, rule_ready) = tokio::try_join!(
            self.number_of(what, at, demand::stepped_at(of_token)),
            self.number_of(what, at, demand::limits_ready_at(of_token)),
            self.number_of(what, at, demand::rule_ready_at()),
        )?;
        Ok(PriceFacts {
            price,
            rate,
            limits: demand::read_limits(&limits)?,
            rule: demand::read_rule(&rule)?,
            space: demand::read_totals(&space)?,
            stepped_at,
            limits_next: demand::read_limits(&next_limits)?.map(|next| (next, limits_ready)),
            rule_next: demand::read_rule(&next_rule)?.map(|next| (next, rule_ready)),
        })
    }

    /// What the oracle counts for `host`, and what it would count from; two endpoints must agree.
    pub async fn space_facts(&self, rule: &Rule, host: Address) -> Result<SpaceFacts, Error> {
        let what = "announced space";
        let oracle = self.contracts(what)?.price_oracle;
        let (space, live, committed) = tokio::try_join!(
            self.agreed_call(what, oracle, demand::space_of(host)),
            self.amount_of(what, rule.staking, proof::live_stake_of(host)),
            self.number_of(what, rule.proofs, proof::bytes_at_risk(host)),
        )?;
        Ok(SpaceFacts {
            space: demand::read_space(&space)?,
            live,
            committed,
        })
    }
}

#[cfg(test)]
mod tests;
