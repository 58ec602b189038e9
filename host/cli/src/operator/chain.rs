//! What a running host says of its chain and its cheques, and putting a network on a chain.
//!
//! Enters: commands. Leaves: words or JSON. Does not: talk to a chain itself, but for a deployment.

use anyhow::Context;
use clap::{Args, Subcommand};
use host_daemon::api::{
    Acknowledged, AssumptionSaid, AssumptionsSaid, ChainSaid, IdSaid, TransactionsSaid,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{HostArgs, Local};
use crate::print;

mod deploy;
mod govern;

/// The chain of a host.
#[derive(Debug, Args)]
pub(crate) struct ChainArgs {
    #[command(subcommand)]
    what: ChainCommand,
}

#[derive(Debug, Subcommand)]
enum ChainCommand {
    /// Chain id, endpoints and their health, addresses, balances, what waits and why
    Info(HostArgs),
    /// Every transaction of the host: under way with what it waits for, and how others ended
    Transactions(HostArgs),
    /// What the host relies on, held against the chain, and the changes that are queued
    Assumptions(HostArgs),
    /// Take the differences that stop new agreements as they are
    Acknowledge(HostArgs),
    /// Put a network's contracts on a chain and write its network file
    Deploy(Box<deploy::DeployArgs>),
    /// Votes, delegation and proposals, where the network file names a governor
    Govern(Box<govern::GovernArgs>),
    /// Ready network files for BTFS's own contracts, for reading
    Networks {
        /// Print this one
        name: Option<String>,
    },
}

async fn told<T: DeserializeOwned + Serialize>(
    args: &HostArgs,
    path: &str,
    words: impl FnOnce(&T) -> String,
) -> anyhow::Result<T> {
    let local = Local::of(args)?;
    let text = local.ask(local.client.get(local.url(path))).await?;
    let said: T = serde_json::from_str(&text)?;
    print::either(args.json, &said, words)?;
    Ok(said)
}

/// Who a host is.
pub(crate) async fn id(args: HostArgs) -> anyhow::Result<()> {
    let words = |said: &IdSaid| {
        let addrs: String = said
            .addrs
            .iter()
            .map(|addr| format!("\n  {addr}"))
            .collect();
        format!(
            "peer    {}\naccount {}\ntron    {}\npayout  {}\nnetwork {}\nversion {}\naddresses{addrs}{}",
            said.peer,
            said.address,
            said.tron,
            said.payout,
            said.network,
            said.version,
            doors(said)
        )
    };
    told(&args, "/api/v1/id", words).await?;
    Ok(())
}

/// Where a host listens and what its account needs.
fn doors(said: &IdSaid) -> String {
    let mut lines = Vec::new();
    lines.extend(said.listen.iter().map(|at| format!("\nlisten  {at}")));
    let named = [
        ("api      ", &said.api),
        ("dashboard", &said.dashboard),
        ("health   ", &said.health),
    ];
    let open = named
        .into_iter()
        .filter_map(|(name, at)| at.as_ref().map(|at| (name, at)));
    lines.extend(open.map(|(name, at)| format!("\n{name} {at}")));
    let needs = said.needs.iter().flatten();
    lines.extend(needs.map(|need| format!("\nneeds   {need}")));
    lines.concat()
}

/// Runs one of the chain's commands; false when an assumption does not hold.
pub(crate) async fn chain(args: ChainArgs) -> anyhow::Result<bool> {
    match args.what {
        ChainCommand::Info(args) => {
            told(&args, "/api/v1/chain", info).await?;
            Ok(true)
        }
        ChainCommand::Transactions(args) => {
            told(&args, "/api/v1/transactions", transactions).await?;
            Ok(true)
        }
        ChainCommand::Assumptions(args) => {
            let path = "/api/v1/chain/assumptions";
            let said: AssumptionsSaid = told(&args, path, assumptions).await?;
            let holds = said.assumptions.iter().all(|one| one.holds);
            Ok(holds && said.stopped.is_empty())
        }
        ChainCommand::Acknowledge(args) => {
            acknowledge(&args).await?;
            Ok(true)
        }
        ChainCommand::Networks { name } => {
            networks(name.as_deref())?;
            Ok(true)
        }
        ChainCommand::Govern(args) => {
            govern::run(*args).await?;
            Ok(true)
        }
        ChainCommand::Deploy(args) => {
            deploy::run(*args).await?;
            Ok(true)
        }
    }
}

fn transactions(said: &TransactionsSaid) -> String {
    let mut lines = Vec::new();
    lines.extend(said.waiting.iter().map(|one| {
        let (intent, state, why) = (&one.intent, &one.state, &one.why);
        format!("{intent} {state}: {why}")
    }));
    lines.extend(said.ended.iter().map(|one| {
        let block = one
            .block
            .map_or(String::new(), |at| format!(" in block {at}"));
        format!("{} {}{block}: {}", one.intent, one.state, one.why)
    }));
    if !said.stake_order.is_empty() {
        lines.push(said.stake_order.clone());
    }
    if lines.is_empty() {
        lines.push("no transaction was ever sent".into());
    }
    lines.join("\n")
}

fn info(said: &ChainSaid) -> String {
    let mut lines = vec![format!(
        "chain {} at block {}, payments read to block {}",
        said.chain_id, said.block, said.read_block
    )];
    for one in &said.endpoints {
        let why = one
            .why
            .as_ref()
            .map_or(String::new(), |why| format!(": {why}"));
        lines.push(format!(
            "endpoint {} {} ({} ms, {} of 1000 fail, {} behind){why}",
            one.name, one.state, one.latency_ms, one.errors_permille, one.lag
        ));
    }
    let unknown = || "unknown".to_owned();
    let sum = |sum: &Option<host_core::Amount>| sum.map_or_else(unknown, |sum| sum.to_string());
    lines.push(format!("wallet {}", said.wallet));
    lines.push(format!("  native {}", sum(&said.native)));
    lines.push(format!("  token {}", sum(&said.token)));
    lines.extend(said.why.iter().map(|why| format!("  because {why}")));
    lines.push(format!("payout {}", said.payout));
    for (name, address) in &said.contracts {
        lines.push(format!("{name} {address}"));
    }
    lines.extend(said.waiting.iter().map(waits));
    lines.extend(said.elsewhere.iter().map(|one| {
        let why = one
            .why
            .as_ref()
            .map_or(String::new(), |why| format!(": {why}"));
        format!(
            "reads {} (chain {}) at block {}: native {}, token {}{why}",
            one.network,
            one.chain_id,
            one.block,
            sum(&one.native),
            sum(&one.token)
        )
    }));
    lines.join("\n")
}

/// One transaction under way in one line.
pub(super) fn waits(one: &host_daemon::api::WaitingSaid) -> String {
    format!("{} {}: {}", one.state, one.intent, one.why)
}

/// Prints one ready network file, or the names of all.
fn networks(name: Option<&str>) -> anyhow::Result<()> {
    let known = host_chain::KNOWN_NETWORKS;
    let Some(name) = name else {
        let names = known.map(|one| one.name);
        return print::either(false, &names, |names| names.join("\n"));
    };
    let found = known.iter().find(|one| one.name == name);
    let found = found.with_context(|| format!("no network file named {name} comes along"))?;
    print::either(false, &found.file, |file| (*file).trim_end().to_owned())
}

async fn acknowledge(args: &HostArgs) -> anyhow::Result<()> {
    let local = Local::of(args)?;
    let request = local.client.post(local.url("/api/v1/chain/acknowledge"));
    let text = local.ask(request).await?;
    let said: Acknowledged = serde_json::from_str(&text)?;
    print::either(args.json, &said, |said| {
        if said.taken.is_empty() {
            return "nothing stops new agreements".into();
        }
        let line = |one: &host_daemon::guard::Difference| {
            format!(
                "{} is {} from now on, was {}",
                one.what, one.found, one.expected
            )
        };
        said.taken.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

fn assumptions(said: &AssumptionsSaid) -> String {
    let mut lines = vec![format!("read at block {}", said.block)];
    lines.extend(said.assumptions.iter().map(assumption));
    lines.extend(said.queued.iter().map(|one| {
        let (what, next, block, at) = (&one.what, &one.next, one.block, &one.at);
        format!("queued {what} becomes {next} from block {block} on, about {at}")
    }));
    lines.extend(said.stopped.iter().map(|one| {
        let (what, since) = (&one.what, one.since_block);
        format!(
            "STOPS new agreements since block {since}: {what} was found to be {}",
            one.found
        )
    }));
    if !said.stopped.is_empty() {
        lines.push("`holdfast chain acknowledge` takes them as they are".into());
    }
    lines.join("\n")
}

fn assumption(one: &AssumptionSaid) -> String {
    match (one.holds, one.expected.is_empty()) {
        (true, true) => format!("shown  {} is {}", one.what, one.found),
        (true, false) => format!("holds  {} {}", one.what, one.found),
        (false, _) => format!(
            "BROKEN {}: {} expected, {} found",
            one.what, one.expected, one.found
        ),
    }
}
