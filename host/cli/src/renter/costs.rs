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
    /// Exit with status 1 when the days ahead cost more than this: smallest units, or whole tokens
    /// as in `1.5t`
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
    ahead_fiat: Option<String>,
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

/// Runs it; false when a budget does not hold.
pub(crate) async fn run(args: CostsArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let costs = renter.costs(args.days).await;
    net.stop().await;
    let costs = costs?;
    let ahead = costs.sum(|one| one.ahead)?;
    let over = args.budget.map(|budget| ahead.0.saturating_sub(budget.0));
    let said = CostsSaid {
        days: args.days,
        per_epoch: costs.sum(|one| one.epoch)?,
        left: costs.sum(|one| one.left)?,
        ahead,
        ahead_fiat: args.rate.as_ref().map(|rate| rate.of(ahead)),
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
