//! Every reward again from the chain's own events: weights by round and host, the pot, budgets,
//! claims, and what a public score list makes of them; each held against what the contract holds.

use std::collections::BTreeMap;

use host_chain::codec::airdrop::{AirdropEvent, FALLBACK_BPS, Round, Rules};
use host_core::{Address, Amount};
use serde::Serialize;

use super::{Bands, reward};
use crate::operator::onchain::{OnChain, OnChainArgs};
use crate::print;

/// One host in one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    weight: u128,
    claimed: Option<(u16, Amount)>,
}

/// One round as its events tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    parts: BTreeMap<Address, Part>,
    weight: u128,
    budget: Option<Amount>,
    /// What the rule makes of the weight and the pot at the close.
    expected: Amount,
    claimed: Amount,
}

/// Everything the events add up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Books {
    rounds: BTreeMap<u64, Told>,
    pot: Amount,
    promised: Amount,
}

/// What is not as it should be.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    round: Option<u64>,
    what: String,
    events: String,
    contract: String,
}

#[derive(Debug, Serialize)]
struct HostSaid {
    round: u64,
    host: Address,
    weight: Amount,
    bps: u16,
    reward: Amount,
    claimed: Option<Amount>,
}

/// What `airdrop recompute` says; sums in smallest units.
#[derive(Debug, Serialize)]
struct Recomputed {
    /// The newest block read.
    block: u64,
    events: usize,
    pot: Amount,
    promised: Amount,
    rewards: Vec<HostSaid>,
    differences: Vec<Difference>,
}

impl Books {
    /// Adds the events up. Errors when a sum leaves 128 bits.
    pub(super) fn of(rules: &Rules, events: &[AirdropEvent]) -> Result<Self, host_core::Error> {
        let mut books = Self::default();
        for event in events {
            books.enter(rules, event)?;
        }
        Ok(books)
    }

    fn enter(&mut self, rules: &Rules, event: &AirdropEvent) -> Result<(), host_core::Error> {
        match event {
            AirdropEvent::Funded { sum } => self.pot = self.pot.plus(*sum)?,
            AirdropEvent::Counted {
                host, round, bytes, ..
            } => {
                let told = self.rounds.entry(*round).or_default();
                told.weight += u128::from(*bytes);
                told.parts.entry(*host).or_default().weight += u128::from(*bytes);
                self.pot = self.pot.plus(rules.fee_of(*bytes)?)?;
            }
            AirdropEvent::Closed { round, budget, .. } => {
                let told = self.rounds.entry(*round).or_default();
                let full = told.weight.saturating_mul(rules.reward_per_gib.0) >> 30;
                told.expected = Amount(full).min(self.pot);
                told.budget = Some(*budget);
                self.pot = Amount(self.pot.0.saturating_sub(told.expected.0));
                self.promised = self.promised.plus(told.expected)?;
            }
            AirdropEvent::Claimed {
                host,
                round,
                bps,
                sum,
            } => {
                let told = self.rounds.entry(*round).or_default();
                told.claimed = told.claimed.plus(*sum)?;
                told.parts.entry(*host).or_default().claimed = Some((*bps, *sum));
                self.promised = Amount(self.promised.0.saturating_sub(sum.0));
            }
            AirdropEvent::Swept { sum, .. } => {
                self.promised = Amount(self.promised.0.saturating_sub(sum.0));
                self.pot = self.pot.plus(*sum)?;
            }
        }
        Ok(())
    }
}

impl Told {
    /// Holds the round against the contract's own word.
    fn compare(&self, number: u64, round: &Round, found: &mut Vec<Difference>) {
        let mut hold = |what: &str, events: u128, contract: u128| {
            if events != contract {
                found.push(Difference {
                    round: Some(number),
                    what: what.to_owned(),
                    events: events.to_string(),
                    contract: contract.to_string(),
                });
            }
        };
        hold("weight", self.weight, round.weight);
        hold("claimed", self.claimed.0, round.claimed.0);
        if round.closed {
            hold("budget", self.expected.0, round.budget.0);
            let told = self.budget.unwrap_or_default();
            hold("budget of the event", told.0, round.budget.0);
        }
        for (host, part) in &self.parts {
            if let Some((bps, sum)) = part.claimed {
                let due = reward(round.budget, part.weight, self.weight, bps);
                hold(&format!("reward of {host}"), due.0, sum.0);
            }
        }
    }

    /// What each host may claim, or has.
    fn rewards(&self, number: u64, bands: Option<&Bands>) -> Vec<HostSaid> {
        let share = |host: &Address| {
            let listed = bands.map(|bands| {
                let band = bands.all.iter().find(|band| band.host == *host);
                band.map_or(0, |band| band.bps)
            });
            listed.unwrap_or(FALLBACK_BPS)
        };
        let said = self.parts.iter().map(|(host, part)| {
            let bps = part.claimed.map_or_else(|| share(host), |(bps, _)| bps);
            HostSaid {
                round: number,
                host: *host,
                weight: Amount(part.weight),
                bps,
                reward: reward(self.expected, part.weight, self.weight, bps),
                claimed: part.claimed.map(|(_, sum)| sum),
            }
        });
        said.collect()
    }
}

/// Recomputes and compares; false when something differs.
pub(super) async fn run(
    on: &OnChain,
    only: Option<u64>,
    bands: Option<&Bands>,
    args: &OnChainArgs,
) -> anyhow::Result<bool> {
    let head = on.chain.newest_block().await?.number;
    // The contracts stand from the genesis of the epochs on, or a few blocks before it.
    let from = 0;
    let events = on.chain.airdrop_events(from, head).await?;
    let facts = on.chain.airdrop_facts().await?;
    let books = Books::of(&facts.rules, &events)?;
    let mut differences = Vec::new();
    let mut rewards = Vec::new();
    for (number, told) in &books.rounds {
        if only.is_some_and(|only| only != *number) {
            continue;
        }
        let round = on.chain.airdrop_round(*number).await?;
        told.compare(*number, &round, &mut differences);
        shares(on, *number, told, &mut differences).await?;
        if let Some(bands) = bands {
            listed(*number, bands, &round, &mut differences);
        }
        rewards.extend(told.rewards(*number, bands));
    }
    // Between reading events and totals a block may have come: such a difference is looked at anew.
    let still = on.chain.newest_block().await?.number == head;
    for (what, events, contract) in [
        ("pot", books.pot, facts.pot),
        ("promised", books.promised, facts.promised),
    ] {
        if events != contract && still {
            differences.push(Difference {
                round: None,
                what: what.into(),
                events: events.to_string(),
                contract: contract.to_string(),
            });
        }
    }
    let said = Recomputed {
        block: head,
        events: events.len(),
        pot: books.pot,
        promised: books.promised,
        rewards,
        differences,
    };
    print::either(args.money.json, &said, words)?;
    Ok(said.differences.is_empty())
}

/// Holds each host's weight against the contract's.
async fn shares(
    on: &OnChain,
    number: u64,
    told: &Told,
    found: &mut Vec<Difference>,
) -> anyhow::Result<()> {
    for (host, part) in &told.parts {
        let (weight, claimed) = on.chain.airdrop_share(number, *host).await?;
        if (weight, claimed) != (part.weight, part.claimed.is_some()) {
            found.push(Difference {
                round: Some(number),
                what: format!("part of {host}"),
                events: format!("{} claimed {}", part.weight, part.claimed.is_some()),
                contract: format!("{weight} claimed {claimed}"),
            });
        }
    }
    Ok(())
}

/// Holds the list's file and root against what was proposed.
fn listed(number: u64, bands: &Bands, round: &Round, found: &mut Vec<Difference>) {
    let pairs = [
        ("root of the list", bands.root(number), round.bands),
        ("hash of the list's file", bands.input, round.bands_input),
    ];
    for (what, file, contract) in pairs.into_iter().filter(|(_, file, held)| file != held) {
        found.push(Difference {
            round: Some(number),
            what: what.into(),
            events: file.to_string(),
            contract: contract.to_string(),
        });
    }
}

fn words(said: &Recomputed) -> String {
    let mut lines = vec![format!(
        "{} events up to block {}: pot {}, promised {}",
        said.events, said.block, said.pot, said.promised
    )];
    lines.extend(said.rewards.iter().map(|one| {
        let paid = one
            .claimed
            .map_or(String::new(), |sum| format!(", claimed {sum}"));
        format!(
            "round {} {}: {} byte-epochs at {} in 10,000 earn {}{paid}",
            one.round, one.host, one.weight, one.bps, one.reward
        )
    }));
    lines.extend(said.differences.iter().map(|one| {
        let round = one
            .round
            .map_or(String::new(), |round| format!("round {round} "));
        format!(
            "DIFFERS {round}{}: events say {}, the contract {}",
            one.what, one.events, one.contract
        )
    }));
    if said.differences.is_empty() {
        lines.push("the contract agrees".into());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
