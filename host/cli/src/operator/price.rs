//! `holdfast price show`: the network's price, what moves it and how far, and what is queued.
//! Anybody may ask, with a network file alone.

use clap::{Args, Subcommand};
use host_chain::PriceFacts;
use host_chain::codec::oracle::Limits;
use host_core::Amount;
use serde::Serialize;

use super::onchain::{OnChain, OnChainArgs};
use crate::money;
use crate::print;

/// The network's price.
#[derive(Debug, Args)]
pub(crate) struct PriceArgs {
    #[command(flatten)]
    on: OnChainArgs,
    #[command(subcommand)]
    what: PriceCommand,
}

#[derive(Debug, Subcommand)]
enum PriceCommand {
    /// Price, rate, clamps, the used share that moves it, and queued changes
    Show,
}

#[derive(Debug, Serialize)]
struct ClampsSaid {
    price_min: Amount,
    price_max: Amount,
    rate_min: Amount,
    rate_max: Amount,
    /// Largest step of one update, ten-thousandths.
    step_bps: u16,
    /// Blocks between two updates.
    interval: u64,
}

impl From<Limits> for ClampsSaid {
    fn from(limits: Limits) -> Self {
        Self {
            price_min: limits.price.0,
            price_max: limits.price.1,
            rate_min: limits.rate.0,
            rate_max: limits.rate.1,
            step_bps: limits.move_bps,
            interval: limits.interval,
        }
    }
}

/// A change that waits for its notice.
#[derive(Debug, Serialize)]
struct QueuedSaid {
    what: &'static str,
    /// The block from which it may be applied.
    ready_at: u64,
    /// Blocks until then.
    blocks_left: u64,
    /// That in seconds, at the network's pace.
    seconds_left: u64,
}

/// What `price show` says.
#[derive(Debug, Serialize)]
struct PriceSaid {
    /// Micro-tokens per GiB and day, as BTFS counts.
    price: Amount,
    /// Smallest units per micro-token.
    rate: Amount,
    /// Smallest units per GiB and day.
    gib_day: Amount,
    /// Smallest units per GiB and epoch.
    gib_epoch: Amount,
    fiat: Option<String>,
    clamps: Option<ClampsSaid>,
    /// Used share at which the price stands still, ten-thousandths; absent while the owner
    /// moves it.
    target_bps: Option<u16>,
    space: String,
    used: String,
    /// The block from which the rule may move it again.
    next_step: Option<u64>,
    queue: Vec<QueuedSaid>,
}

/// Runs it.
pub(crate) async fn price(args: PriceArgs) -> anyhow::Result<()> {
    let PriceCommand::Show = args.what;
    let on = OnChain::of(&args.on)?;
    let facts = on.chain.price_facts().await?;
    let head = on.chain.newest_block().await?.number;
    let said = say(&on, &facts, head, &args.on)?;
    print::either(args.on.money.json, &said, |said| words(said, &args.on))
}

fn say(
    on: &OnChain,
    facts: &PriceFacts,
    head: u64,
    args: &OnChainArgs,
) -> anyhow::Result<PriceSaid> {
    let rule = &on.network.epoch;
    let day = Amount(facts.price.0.saturating_mul(facts.rate.0));
    let seconds = rule.epoch_blocks.saturating_mul(rule.block_seconds.max(1));
    let epoch = Amount(day.0.saturating_mul(seconds.into()) / 86_400);
    let queued = |what, ready_at: u64| {
        let blocks_left = ready_at.saturating_sub(head);
        QueuedSaid {
            what,
            ready_at,
            blocks_left,
            seconds_left: blocks_left.saturating_mul(rule.block_seconds.max(1)),
        }
    };
    let mut queue = Vec::new();
    queue.extend(facts.limits_next.map(|(_, at)| queued("clamps", at)));
    queue.extend(facts.rule_next.map(|(_, at)| queued("rule", at)));
    let interval = facts.limits.map_or(0, |limits| limits.interval);
    let stepped = facts.stepped_at;
    Ok(PriceSaid {
        price: facts.price,
        rate: facts.rate,
        gib_day: day,
        gib_epoch: epoch,
        fiat: args.money.rate.as_ref().map(|rate| rate.of(day)),
        clamps: facts.limits.map(ClampsSaid::from),
        target_bps: facts.rule.map(|rule| rule.target_bps),
        space: facts.space.0.to_string(),
        used: facts.space.1.to_string(),
        next_step: facts.rule.map(|_| stepped.saturating_add(interval)),
        queue,
    })
}

fn words(said: &PriceSaid, args: &OnChainArgs) -> String {
    let sum = |of| money::sum(of, args.money.rate.as_ref());
    let mut lines = vec![
        format!("price  {} micro-tokens per GiB and day", said.price),
        format!("rate   {} smallest units per micro-token", said.rate),
        format!("  that is {} per GiB and day", sum(said.gib_day)),
        format!("          {} per GiB and epoch", sum(said.gib_epoch)),
    ];
    if let Some(clamps) = &said.clamps {
        lines.push(format!(
            "clamps price {} to {}, rate {} to {}, a step of {} in 10,000 each {} blocks",
            clamps.price_min,
            clamps.price_max,
            clamps.rate_min,
            clamps.rate_max,
            clamps.step_bps,
            clamps.interval
        ));
    }
    lines.push(match said.target_bps {
        Some(target) => format!(
            "moved by the used share: {} of {} bytes used, still at {target} in 10,000",
            said.used, said.space
        ),
        None => "moved by its owner".into(),
    });
    if said.queue.is_empty() {
        lines.push("nothing is queued".into());
    }
    lines.extend(said.queue.iter().map(|one| {
        let (what, at, left) = (one.what, one.ready_at, one.blocks_left);
        format!("queued {what} from block {at} on, in {left} blocks")
    }));
    lines.join("\n")
}
