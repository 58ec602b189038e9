//! `holdfast why`: why a host earns no more than it does: causes, the gravest first, each with
//! what mends it.
//!
//! Enters: what hubs list and count, the chain's word on the stake, and whether the host answers
//! where it says it is, asked from this machine. Leaves: a ranked list; an empty one says that
//! nothing holds the host back. Causes are facts with numbers; nothing is guessed.

use std::collections::BTreeMap;

use clap::Args;
use host_core::announce::Announcement;
use host_core::{Amount, PeerId};
use host_net::Standpoint;
use host_score::{Facts, Score, explain};
use serde::Serialize;

use super::onchain::{OnChain, OnChainArgs};
use super::outside::{Outside, Told};
use super::score::own_peer;
use crate::print;

/// Says why a host earns no more than it does.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The host's peer id; the one of --dir when absent
    host: Option<PeerId>,
    #[command(flatten)]
    on: OnChainArgs,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    /// 100 keeps every agreement away, 10 costs a few.
    weight: u32,
    /// What it is about.
    about: &'static str,
    /// What was found.
    cause: String,
    /// What mends it.
    remedy: String,
}

#[derive(Debug, Serialize)]
struct WhySaid {
    host: PeerId,
    hubs_listing: usize,
    hubs: usize,
    reachable: BTreeMap<String, bool>,
    market: Option<Market>,
    causes: Vec<Cause>,
}

/// Prices of all announced hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Market {
    hosts: usize,
    median: Amount,
    /// Hosts that ask less than this one.
    cheaper: usize,
}

/// What the causes are judged from.
pub(crate) struct Findings {
    pub(crate) word: Option<Announcement>,
    pub(crate) listing: usize,
    pub(crate) hubs: usize,
    pub(crate) judged: Option<(Facts, Score)>,
    pub(crate) bar: u32,
    pub(crate) missing: Vec<host_score::Missing>,
    /// Live and required stake.
    pub(crate) stake: Option<(Amount, Amount)>,
    pub(crate) reachable: BTreeMap<String, bool>,
    pub(crate) market: Option<Market>,
}

/// Shows the causes; false when one keeps every agreement away.
pub(crate) async fn why(args: WhyArgs) -> anyhow::Result<bool> {
    let on = OnChain::of(&args.on)?;
    let host = match args.host {
        Some(host) => host,
        None => own_peer(&on).await?,
    };
    let outside = Outside::go(on.network.clone(), on.swarm_key.as_ref()).await?;
    let told = outside.ask(host).await;
    let found = findings(&on, &outside, host, &told).await;
    outside.leave().await;
    let found = found?;
    let said = WhySaid {
        host,
        hubs_listing: found.listing,
        hubs: found.hubs,
        causes: causes(&found),
        reachable: found.reachable,
        market: found.market,
    };
    print::either(args.on.money.json, &said, words)?;
    Ok(said.causes.iter().all(|cause| cause.weight < 90))
}

async fn findings(
    on: &OnChain,
    outside: &Outside,
    host: PeerId,
    told: &[Told],
) -> anyhow::Result<Findings> {
    let words = told.iter().filter_map(|told| told.word.clone());
    let word = words.max_by_key(|word| (word.offer.generation, word.offer.at_ms));
    let judged = outside.judge(told);
    let rules = &outside.network.services.score;
    let missing = judged.map(|(facts, score)| explain(&facts, &score, rules));
    let addrs = word.as_ref().map(|word| word.offer.addrs.clone());
    let stake = match on.chain.stake_facts(host.address()?).await {
        Ok(stake) => Some((stake.live, stake.required)),
        // A network without stakes, or a chain that does not answer: nothing is known.
        Err(_) => None,
    };
    let all = outside.market().await;
    Ok(Findings {
        listing: told.iter().filter(|told| told.word.is_some()).count(),
        hubs: told.len(),
        judged,
        bar: outside.network.score_bar,
        missing: missing.unwrap_or_default(),
        stake,
        reachable: outside.dial(host, &addrs.unwrap_or_default()).await,
        market: word.as_ref().and_then(|word| market(word, &all)),
        word,
    })
}

fn market(own: &Announcement, all: &[Announcement]) -> Option<Market> {
    let mut prices: Vec<Amount> = all.iter().map(|host| host.offer.price).collect();
    prices.sort_unstable();
    let median = *prices.get(prices.len() / 2)?;
    let cheaper = prices.iter().filter(|price| **price < own.offer.price);
    Some(Market {
        hosts: prices.len(),
        median,
        cheaper: cheaper.count(),
    })
}

/// The causes, gravest first. Pure.
pub(crate) fn causes(found: &Findings) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut say = |weight, about, cause: String, remedy: &str| {
        causes.push(Cause {
            weight,
            about,
            cause,
            remedy: remedy.to_owned(),
        });
    };
    let Some(word) = &found.word else {
        say(
            100,
            "listing",
            format!("none of {} hubs lists the host", found.hubs),
            "start it; `holdfast doctor` shows whether the hubs can be reached and the clock is right",
        );
        return causes;
    };
    let offer = &word.offer;
    if offer.leaving {
        say(
            100,
            "listing",
            "it said that it stops".into(),
            "start the host again",
        );
    } else if found.listing < found.hubs {
        say(
            40,
            "listing",
            format!("{} of {} hubs list it", found.listing, found.hubs),
            "look in the log for hubs that do not take the announcement",
        );
    }
    reach_causes(&found.reachable, &mut say);
    if offer.free == 0 {
        say(
            90,
            "space",
            "it offers no free space".into(),
            "it is full, drains, or `offer.open` is false: see `holdfast mode` and `holdfast \
             volume`, grow or add a volume",
        );
    }
    score_causes(found, &mut say);
    if let Some((live, required)) = found.stake
        && live < required
    {
        say(
            70,
            "stake",
            format!("{live} is staked, its bytes ask for {required}"),
            "add the difference with `holdfast stake add`",
        );
    } else if let Some((Amount::ZERO, _)) = found.stake {
        say(
            45,
            "stake",
            "nothing is staked; renters that ask for stake pass it by".into(),
            "stake with `holdfast stake add`",
        );
    }
    if let Some(market) = found.market {
        price_causes(offer.price, market, &mut say);
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.weight));
    causes
}

fn reach_causes(
    reachable: &BTreeMap<String, bool>,
    say: &mut impl FnMut(u32, &'static str, String, &str),
) {
    let (open, shut): (Vec<_>, Vec<_>) = reachable.iter().partition(|(_, open)| **open);
    let nobody = || {
        let shut: Vec<&str> = shut.iter().map(|(addr, _)| addr.as_str()).collect();
        format!(
            "nobody answers at {} (asked from this machine)",
            shut.join(", ")
        )
    };
    if open.is_empty() {
        let cause = match shut.is_empty() {
            true => "it announces no address".to_owned(),
            false => nobody(),
        };
        say(95, "reachability", cause, Standpoint::Inside.remedy());
    } else if open.iter().all(|(addr, _)| addr.ends_with("/p2p-circuit")) {
        say(
            25,
            "reachability",
            "it answers through a relay alone (asked from this machine)".into(),
            Standpoint::Relayed.remedy(),
        );
    } else if !shut.is_empty() {
        say(
            30,
            "reachability",
            nobody(),
            "take addresses that do not answer out of `swarm.announce`",
        );
    }
}

fn score_causes(found: &Findings, say: &mut impl FnMut(u32, &'static str, String, &str)) {
    let Some((_, score)) = found.judged else {
        return;
    };
    let below = !score.reaches(found.bar);
    for missing in &found.missing {
        let points = f64::from(missing.points) / 1000.0;
        // Below the bar a missing point keeps renters away, above it costs a few draws.
        let weight = match below {
            true => 60 + (missing.points / 300).min(25),
            false => (missing.points / 300).min(25),
        };
        say(
            weight,
            "score",
            format!(
                "{points:.2} points are missing for {}: {}",
                missing.part, missing.cause
            ),
            &missing.remedy,
        );
    }
}

fn price_causes(
    price: Amount,
    market: Market,
    say: &mut impl FnMut(u32, &'static str, String, &str),
) {
    if price > market.median {
        let dear = price.0 / 2 >= market.median.0.max(1);
        say(
            if dear { 65 } else { 35 },
            "price",
            format!(
                "asks {price}, the middle of {} hosts is {}; {} ask less",
                market.hosts, market.median, market.cheaper
            ),
            "lower `offer.price`: a quarter of the price doubles the chance of being asked",
        );
    }
}

fn words(said: &WhySaid) -> String {
    let mut lines = vec![match said.causes.first() {
        None => format!("{}: nothing found that holds it back", said.host),
        Some(_) => format!("{}: {} causes, gravest first", said.host, said.causes.len()),
    }];
    for (place, cause) in said.causes.iter().enumerate() {
        lines.push(format!("  {}. {}: {}", place + 1, cause.about, cause.cause));
        lines.push(format!("     {}", cause.remedy));
    }
    for (addr, open) in &said.reachable {
        let answer = if *open { "answers" } else { "does not answer" };
        lines.push(format!("  from this machine: {addr} {answer}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
