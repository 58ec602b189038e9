//! `holdfast costs`: what everything stored costs, what was paid by month, what is ahead, whether
//! the vault and a budget hold.

use std::collections::BTreeMap;

use clap::Args;
use host_core::Amount;
use host_renter::{Costs, ObjectCost};
use serde::Serialize;

use super::home::Home;
use super::publish::now_ms;
use crate::money::{self, Rate, Tokens};
use crate::print;

/// Tells what is stored here costs.
#[derive(Debug, Args)]
pub(crate) struct CostsArgs {
    /// Days ahead that are forecast, every term extended at today's prices
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Hosts that are expected to be lost in a year, percent: what repair is counted by
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = percent())]
    losses: u8,
    /// Exit with status 1 when the days ahead and their repairs cost more than this: smallest
    /// units, or whole tokens as in `1.5t`
    #[arg(long, value_name = "SUM", value_parser = money::typed)]
    budget: Option<Amount>,
    /// What one token is worth, for example `0.0000008 USD`, or `@FILE` that a source keeps fresh
    /// (JSON with price, currency, source, at)
    #[arg(long, value_name = "PRICE [CURRENCY]")]
    rate: Option<Rate>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Sums in smallest units.
#[derive(Debug, Serialize)]
struct CostsSaid {
    #[serde(flatten)]
    costs: Costs,
    days: u64,
    /// All objects, one epoch.
    per_epoch: Amount,
    /// All objects, until their terms end.
    left: Amount,
    /// All objects, the days ahead.
    ahead: Amount,
    /// Reads that repairs are expected to need in the days ahead.
    repair: Amount,
    /// Share of hosts lost in a year that `repair` is counted by, percent.
    losses: u8,
    /// The days ahead and their repairs.
    forecast: Amount,
    forecast_fiat: Option<String>,
    /// Reading everything once.
    read: Amount,
    /// What was paid for storage in each month, `YYYY-MM`.
    by_month: BTreeMap<String, Amount>,
    budget: Option<Amount>,
    over_budget: Option<Amount>,
}

/// What was paid for each month: an epoch counts where it begins.
fn by_month(costs: &Costs, now_ms: u64) -> BTreeMap<String, Amount> {
    let mut months: BTreeMap<String, Amount> = BTreeMap::new();
    for (epoch, sum) in &costs.by_epoch {
        let span = |epochs: u64| epochs.saturating_mul(costs.epoch_seconds * 1000);
        let begins = now_ms
            .saturating_add(span(epoch.saturating_sub(costs.epoch)))
            .saturating_sub(span(costs.epoch.saturating_sub(*epoch)));
        let month = print::day(begins).chars().take(7).collect();
        let all = months.entry(month).or_default();
        *all = Amount(all.0.saturating_add(sum.0));
    }
    months
}

fn percent() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(..=100)
}

/// What repairs take of `rebuild`, the cost of rebuilding every shard once, in so many days.
fn repair(rebuild: Amount, losses: u8, days: u64) -> Amount {
    let share = u128::from(losses).saturating_mul(days.into());
    // Hundredths of a year: the sum is divided first where the product would leave 128 bits.
    let year = 100 * 365;
    Amount(match rebuild.0.checked_mul(share) {
        Some(product) => product.div_ceil(year),
        None => (rebuild.0 / year).saturating_mul(share),
    })
}

/// Runs it; false when a budget does not hold.
pub(crate) async fn run(args: CostsArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let costs = renter.costs(args.days).await;
    net.stop().await;
    let costs = costs?;
    let ahead = costs.sum(|one| one.ahead)?;
    let repair = repair(costs.sum(|one| one.rebuild)?, args.losses, args.days);
    let forecast = ahead.plus(repair)?;
    let over = args
        .budget
        .map(|budget| forecast.0.saturating_sub(budget.0));
    let said = CostsSaid {
        days: args.days,
        per_epoch: costs.sum(|one| one.epoch)?,
        left: costs.sum(|one| one.left)?,
        ahead,
        repair,
        losses: args.losses,
        forecast,
        forecast_fiat: args.rate.as_ref().map(|rate| rate.of(forecast)),
        read: costs.sum(|one| one.read)?,
        by_month: by_month(&costs, now_ms()),
        budget: args.budget,
        over_budget: over.filter(|over| *over > 0).map(Amount),
        costs,
    };
    print::either(args.json, &said, |said| words(said, args.rate.as_ref()))?;
    Ok(said.over_budget.is_none())
}

fn words(said: &CostsSaid, rate: Option<&Rate>) -> String {
    let costs = &said.costs;
    let sum = |of| money::sum(of, rate);
    let mut lines: Vec<String> = costs.objects.iter().map(|one| line(costs, one)).collect();
    lines.push(format!(
        "{} objects: {} an epoch of {} s; {} until their terms end",
        costs.objects.len(),
        sum(said.per_epoch),
        costs.epoch_seconds,
        sum(said.left),
    ));
    lines.push(format!(
        "the next {} days with every term extended: {}; reading everything once: {}",
        said.days,
        sum(said.ahead),
        sum(said.read)
    ));
    lines.push(format!(
        "repairs in these days, when {} % of hosts are lost in a year: {}; together {}",
        said.losses,
        sum(said.repair),
        sum(said.forecast)
    ));
    lines.push(
        "gas: none; cheques are promises, only deposits and locks are transactions".to_owned(),
    );
    lines.extend(match costs.missing {
        Some(missing) => Some(format!(
            "the vault lacks {} for it: `holdfast wallet deposit`",
            sum(missing)
        )),
        None => Some("the vault covers it".to_owned()),
    });
    for (month, paid) in &said.by_month {
        lines.push(format!("{month}: {} paid for storage", sum(*paid)));
    }
    lines.push(format!(
        "cheques in all, reads, guards and what was deleted included: {}",
        sum(costs.promised)
    ));
    lines.extend(said.over_budget.map(|over| {
        let budget = said.budget.unwrap_or_default();
        format!("OVER BUDGET by {}: it is {}", sum(over), sum(budget))
    }));
    lines.join("\n")
}

fn line(costs: &Costs, one: &ObjectCost) -> String {
    let days = |epoch: u64| {
        let seconds = epoch
            .saturating_sub(costs.epoch)
            .saturating_mul(costs.epoch_seconds);
        seconds / 86_400
    };
    let paid = one.paid_through.map_or("unknown".to_owned(), |through| {
        format!("{} days", days(through))
    });
    let unknown = match one.unknown {
        0 => String::new(),
        shards => format!(", terms of {shards} shards are not known here"),
    };
    let (epoch, left) = (Tokens(one.epoch), Tokens(one.left));
    format!(
        "{}  {:>12}  {epoch} an epoch, paid ahead {paid}, ends in {} days, {left} left{unknown}  {}",
        one.id,
        one.bytes,
        days(one.end_epoch),
        one.name
    )
}

#[cfg(test)]
mod tests {
    //! Goal: repairs are a year's losses by the day, never below them.

    use super::*;

    #[test]
    fn a_year_of_losses_is_their_share_of_everything_rebuilt() {
        assert_eq!(repair(Amount(1000), 5, 365), Amount(50));
        assert_eq!(repair(Amount(1000), 100, 365), Amount(1000));
        assert_eq!(repair(Amount(1000), 0, 365), Amount::ZERO);
        assert_eq!(repair(Amount(1), 5, 1), Amount(1));
        assert_eq!(
            repair(Amount(u128::MAX), 100, 365).0,
            u128::MAX / 36_500 * 36_500
        );
    }
}
