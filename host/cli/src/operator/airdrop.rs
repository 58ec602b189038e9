//! `holdfast airdrop`: what rewards stand, paying the fee that lets an agreement count, counting,
//! claiming, and recomputing all of them from the chain's events and the public score list, which
//! anybody can.
//!
//! Enters: a network, and for a claim a host and the round's list (docs/formats/bands.md). Leaves:
//! figures, an order, or every difference between what the events say and what the contract holds.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host_chain::Intent;
use host_chain::codec::airdrop::{self, FALLBACK_BPS};
use host_core::network::Contracts;
use host_core::{Address, AgreementDigest, Amount, Digest32};
use host_daemon::api::Order;
use serde::{Deserialize, Serialize};

use super::onchain::{OnChain, OnChainArgs};
use crate::money;
use crate::print;

mod recompute;
#[cfg(feature = "renter")]
mod sponsor;

/// Rounds shown, and rounds closed by one transaction, at most: the contract's own bound.
const ROUNDS_MAX: u64 = 32;

/// Rewards.
#[derive(Debug, Args)]
pub(crate) struct AirdropArgs {
    #[command(flatten)]
    on: OnChainArgs,
    #[command(subcommand)]
    what: AirdropCommand,
}

#[derive(Debug, Subcommand)]
enum AirdropCommand {
    /// The pot, the rounds up to the present one and a host's part of them
    Show {
        /// Another host's account
        #[arg(long)]
        host: Option<Address>,
    },
    /// Claim the reward of a closed round
    Claim {
        /// Which round
        round: u64,
        /// The round's list; without one everybody's share is a half
        #[arg(long, value_name = "FILE")]
        bands: Option<PathBuf>,
    },
    /// Have the proven and paid epochs of sponsored agreements counted, as their host
    Count {
        /// Their names
        #[arg(required = true)]
        agreements: Vec<AgreementDigest>,
    },
    /// Close rounds whose counting is over, so that they can be claimed
    Close,
    /// Pay the protocol's fee for an agreement, as its renter, so that its epochs count
    #[cfg(feature = "renter")]
    Sponsor {
        /// The name of an agreement of this home, or a file of a signed agreement
        agreement: String,
        /// The most to pay; the contract's own fee unless given
        #[arg(long, value_parser = money::typed)]
        most: Option<Amount>,
    },
    /// Take the fee of epochs back that can no longer count
    #[cfg(feature = "renter")]
    Reclaim {
        /// The name of an agreement of this home, or a file of a signed agreement
        agreement: String,
    },
    /// Recompute every reward from the chain's events and compare with the contract
    Recompute {
        /// Only this round
        #[arg(long)]
        round: Option<u64>,
        /// The list of that round
        #[arg(long, value_name = "FILE", requires = "round")]
        bands: Option<PathBuf>,
    },
}

/// One line of a score list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Band {
    pub(super) host: Address,
    /// Share of the full reward, ten-thousandths.
    pub(super) bps: u16,
}

/// A round's list as its file tells it.
#[derive(Debug)]
pub(super) struct Bands {
    pub(super) all: Vec<Band>,
    pub(super) input: Digest32,
}

impl Bands {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let text = std::str::from_utf8(&bytes).context("the list is not text")?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let all = lines
            .enumerate()
            .map(|(at, line)| {
                serde_json::from_str(line).with_context(|| format!("line {} of the list", at + 1))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            all,
            input: airdrop::band_input(&bytes),
        })
    }

    fn leaves(&self, round: u64) -> Vec<Digest32> {
        let leaf = |band: &Band| airdrop::band_leaf(round, band.host, band.bps);
        self.all.iter().map(leaf).collect()
    }

    pub(super) fn root(&self, round: u64) -> Digest32 {
        airdrop::band_tree(&self.leaves(round), None).0
    }

    /// A host's share and what shows it.
    fn share(&self, round: u64, host: Address) -> anyhow::Result<(u16, Vec<Digest32>)> {
        let band = self.all.iter().find(|band| band.host == host);
        let band = band.with_context(|| format!("{host} is not in the list"))?;
        let leaf = airdrop::band_leaf(round, host, band.bps);
        Ok((
            band.bps,
            airdrop::band_tree(&self.leaves(round), Some(leaf)).1,
        ))
    }
}

/// One round for one host; sums in smallest units.
#[derive(Debug, Serialize)]
struct RoundSaid {
    round: u64,
    first_epoch: u64,
    last_epoch: u64,
    closed: bool,
    /// Bytes x epochs of all hosts.
    weight: Amount,
    budget: Amount,
    claimed: Amount,
    /// Whether a score list is proposed.
    listed: bool,
    /// The host's bytes x epochs.
    own_weight: Option<Amount>,
    /// Whether the host was paid.
    own_claimed: Option<bool>,
}

/// What `airdrop show` says.
#[derive(Debug, Serialize)]
struct AirdropSaid {
    pot: Amount,
    promised: Amount,
    fee_per_gib: Amount,
    reward_per_gib: Amount,
    epochs_per_round: u64,
    /// The first that is not closed.
    next_round: u64,
    /// That of the present epoch.
    round_now: u64,
    host: Option<Address>,
    rounds: Vec<RoundSaid>,
}

/// Runs one airdrop command; false when the recomputation finds a difference.
pub(crate) async fn airdrop(args: AirdropArgs) -> anyhow::Result<bool> {
    let on = || OnChain::of(&args.on);
    match args.what {
        AirdropCommand::Show { host } => {
            let on = on()?;
            let host = match host {
                Some(host) => Some(host),
                None => on.account().await.ok(),
            };
            show(&on, host, &args.on).await?;
        }
        AirdropCommand::Claim { round, bands } => claim(&on()?, round, bands, &args.on).await?,
        AirdropCommand::Count { agreements } => {
            let on = on()?;
            for agreement in agreements {
                on.give(&Order::Count { agreement }, &args.on).await?;
            }
        }
        AirdropCommand::Close => {
            let on = on()?;
            let host = on.account().await?;
            let at = on.chain.contract("rewards", Contracts::airdrop)?;
            let most = ROUNDS_MAX;
            let call = Intent::call("closing rounds", at, airdrop::close_rounds(most));
            let order = Order::CloseRounds { most };
            on.order(host, call, Amount::ZERO, &order, &args.on).await?;
        }
        #[cfg(feature = "renter")]
        AirdropCommand::Sponsor { agreement, most } => {
            sponsor::sponsor(&agreement, most, &args.on).await?;
        }
        #[cfg(feature = "renter")]
        AirdropCommand::Reclaim { agreement } => sponsor::reclaim(&agreement, &args.on).await?,
        AirdropCommand::Recompute { round, bands } => {
            let bands = bands.as_deref().map(Bands::read).transpose()?;
            return recompute::run(&on()?, round, bands.as_ref(), &args.on).await;
        }
    }
    Ok(true)
}

async fn show(on: &OnChain, host: Option<Address>, args: &OnChainArgs) -> anyhow::Result<()> {
    let facts = on.chain.airdrop_facts().await?;
    // Weight stands in the round of its epoch, however many before it are still to be closed.
    let last = facts.round_now.max(facts.next_round);
    let mut rounds = Vec::new();
    for number in last.saturating_sub(ROUNDS_MAX - 1)..=last {
        let round = on.chain.airdrop_round(number).await?;
        let own = match host {
            Some(host) => Some(on.chain.airdrop_share(number, host).await?),
            None => None,
        };
        let length = facts.rules.epochs_per_round;
        let first_epoch = facts
            .first_epoch
            .saturating_add(number.saturating_mul(length));
        rounds.push(RoundSaid {
            round: number,
            first_epoch,
            last_epoch: first_epoch.saturating_add(length).saturating_sub(1),
            closed: round.closed,
            weight: Amount(round.weight),
            budget: round.budget,
            claimed: round.claimed,
            listed: round.bands != Digest32([0; 32]),
            own_weight: own.map(|(weight, _)| Amount(weight)),
            own_claimed: own.map(|(_, claimed)| claimed),
        });
    }
    let said = AirdropSaid {
        pot: facts.pot,
        promised: facts.promised,
        fee_per_gib: facts.rules.fee_per_gib,
        reward_per_gib: facts.rules.reward_per_gib,
        epochs_per_round: facts.rules.epochs_per_round,
        next_round: facts.next_round,
        round_now: facts.round_now,
        host,
        rounds,
    };
    print::either(args.money.json, &said, |said| words(said, args))
}

fn words(said: &AirdropSaid, args: &OnChainArgs) -> String {
    let sum = |of| money::sum(of, args.money.rate.as_ref());
    let mut lines = vec![
        format!("pot      {}", sum(said.pot)),
        format!("promised {}", sum(said.promised)),
        format!(
            "reward   at most {} per GiB and epoch",
            sum(said.reward_per_gib)
        ),
        format!("fee      {} per GiB and epoch", sum(said.fee_per_gib)),
    ];
    lines.extend(said.rounds.iter().map(|one| {
        let state = if one.closed { "closed" } else { "open" };
        let own = one.own_weight.map_or(String::new(), |weight| {
            let paid = if one.own_claimed == Some(true) {
                ", claimed"
            } else {
                ""
            };
            format!("; this host {weight}{paid}")
        });
        format!(
            "round {} (epochs {} to {}) {state}: {} byte-epochs, budget {}{own}",
            one.round,
            one.first_epoch,
            one.last_epoch,
            one.weight,
            sum(one.budget)
        )
    }));
    lines.join("\n")
}

async fn claim(
    on: &OnChain,
    round: u64,
    bands: Option<PathBuf>,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let host = on.account().await?;
    let state = on.chain.airdrop_round(round).await?;
    let (weight, claimed) = on.chain.airdrop_share(round, host).await?;
    if !state.closed {
        bail!("round {round} is not closed; `holdfast airdrop close` closes what can be");
    }
    if claimed || weight == 0 {
        let why = if claimed {
            "was paid already"
        } else {
            "counted nothing"
        };
        bail!(
            "{host} {why} in round {round}: {weight} of {} byte-epochs",
            state.weight
        );
    }
    let (bps, path) = match bands.as_deref().map(Bands::read).transpose()? {
        Some(bands) => bands.share(round, host)?,
        None => (FALLBACK_BPS, Vec::new()),
    };
    let sum = reward(state.budget, weight, state.weight, bps);
    let at = on.chain.contract("rewards", Contracts::airdrop)?;
    let call = Intent::call("claim", at, airdrop::claim(round, host, bps, &path));
    on.order(host, call, sum, &Order::Claim { round, bps, path }, args)
        .await
}

/// budget x weight / all x share, each step rounded down as the contract does. Sums beyond 128
/// bits come out as nothing; a budget is far below that.
fn reward(budget: Amount, weight: u128, all: u128, bps: u16) -> Amount {
    let part = budget
        .0
        .checked_mul(weight)
        .map_or(0, |sum| sum / all.max(1));
    Amount(part.saturating_mul(bps.into()) / 10_000)
}

#[cfg(test)]
mod tests;
