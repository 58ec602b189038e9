//! `holdfast price`: the network's price, what moves it and how far, what is queued, and the step
//! that moves it when it is due.
//!
//! Enters: a network file, with which anybody may ask; for the step and for what a host counts for,
//! its data directory. Leaves: figures, or an order to the running host. Invariant: a step that is
//! not due, or leads nowhere, is refused with the block or the price. Does not: choose a price.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host_chain::codec::demand;
use host_chain::codec::oracle::Limits;
use host_chain::{Intent, PriceFacts, SpaceFacts};
use host_core::{Address, Amount};
use host_daemon::api::Order;
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
    Show {
        /// A host's account: what it announced and what counts
        #[arg(long)]
        host: Option<Address>,
    },
    /// Move the price by its rule, as a host, when a step is due
    Step,
}

/// One host's part.
#[derive(Debug, Serialize)]
struct OwnSaid {
    host: Address,
    announced: u64,
    /// Of that, covered by live stake.
    counted: u64,
    /// Of that, committed to.
    used: u64,
    /// Block of the announcement; 0 while none counts.
    at: u64,
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
    /// Where a step would lead now.
    price_next: Option<Amount>,
    own: Option<OwnSaid>,
    queue: Vec<QueuedSaid>,
}

/// Runs it.
pub(crate) async fn price(args: PriceArgs) -> anyhow::Result<()> {
    let on = OnChain::of(&args.on)?;
    let facts = on.chain.price_facts().await?;
    let head = on.chain.newest_block().await?.number;
    let host = match args.what {
        PriceCommand::Show { host: Some(host) } => Some(host),
        PriceCommand::Show { host: None } => on.account().await.ok(),
        PriceCommand::Step => return step(&on, &facts, head, &args.on).await,
    };
    let own = match (facts.rule, host) {
        (Some(rule), Some(host)) => Some((host, on.chain.space_facts(&rule, host).await?)),
        _ => None,
    };
    let said = say(&on, &facts, head, own, &args.on)?;
    print::either(args.on.money.json, &said, |said| words(said, &args.on))
}

/// Orders the step, or says why there is none.
async fn step(
    on: &OnChain,
    facts: &PriceFacts,
    head: u64,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let from = facts.step_from();
    let from = from.context("this price is moved by its owner, not by a rule")?;
    if head < from {
        let left = from - head;
        bail!("the price may move again from block {from} on, in {left} blocks");
    }
    if facts.after_step() == Some(facts.price) {
        let (used, all) = (facts.space.1, facts.space.0);
        bail!(
            "{used} of {all} bytes are used: a step leaves the price at {}",
            facts.price
        );
    }
    let host = on.account().await?;
    let contracts = on.chain.contracts("price")?;
    let data = demand::step(contracts.token);
    let call = Intent::call("step of the price", contracts.price_oracle, data);
    on.order(host, call, Amount::ZERO, &Order::StepPrice, args)
        .await
}

fn say(
    on: &OnChain,
    facts: &PriceFacts,
    head: u64,
    own: Option<(Address, SpaceFacts)>,
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
        next_step: facts.step_from(),
        price_next: facts.after_step(),
        own: own.map(|(host, facts)| OwnSaid {
            host,
            announced: facts.space.announced,
            counted: facts.space.capacity,
            used: facts.space.used,
            at: facts.space.at,
        }),
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
    if let (Some(from), Some(next)) = (said.next_step, said.price_next) {
        lines.push(format!("a step leads to {next}, from block {from} on"));
    }
    lines.extend(said.own.as_ref().map(|own| {
        format!(
            "{} announced {} bytes at block {}: {} count, {} of them used",
            own.host, own.announced, own.at, own.counted, own.used
        )
    }));
    if said.queue.is_empty() {
        lines.push("nothing is queued".into());
    }
    lines.extend(said.queue.iter().map(|one| {
        let (what, at, left) = (one.what, one.ready_at, one.blocks_left);
        format!("queued {what} from block {at} on, in {left} blocks")
    }));
    lines.join("\n")
}
