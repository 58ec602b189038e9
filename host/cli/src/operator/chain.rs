//! What a running host says of its chain and its cheques.

use clap::{Args, Subcommand};
use host_daemon::api::{AssumptionSaid, ChainSaid, IdSaid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{HostArgs, Local};
use crate::print;

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
    /// What the network file says of the chain, held against the chain
    Assumptions(HostArgs),
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
    let open = named.into_iter().filter_map(|(name, at)| at.as_ref().map(|at| (name, at)));
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
        ChainCommand::Assumptions(args) => {
            let path = "/api/v1/chain/assumptions";
            let said: Vec<AssumptionSaid> =
                told(&args, path, |said: &Vec<_>| assumptions(said)).await?;
            Ok(said.iter().all(|one| one.holds))
        }
    }
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
    lines.join("\n")
}

/// One transaction under way in one line.
pub(super) fn waits(one: &host_daemon::api::WaitingSaid) -> String {
    format!("{} {}: {}", one.state, one.intent, one.why)
}

fn assumptions(said: &[AssumptionSaid]) -> String {
    let line = |one: &AssumptionSaid| match (one.holds, one.expected.is_empty()) {
        (true, true) => format!("shown  {} is {}", one.what, one.found),
        (true, false) => format!("holds  {}", one.what),
        (false, _) => format!(
            "BROKEN {}: {} expected, {} found",
            one.what, one.expected, one.found
        ),
    };
    said.iter().map(line).collect::<Vec<_>>().join("\n")
}
