//! `holdfast-services relay`: a node that others can dial carries conversations to listed hosts
//! that nobody can, and tells hosts whether they can be dialled.
//!
//! Enters: settings, the network file, who may be reached and how much may be carried. Leaves: one
//! JSON line when it serves. Invariants: nobody but a listed host, or a member under a swarm key,
//! gets a place; no circuit outlives its bytes or its time; what passes is ciphertext between the
//! two ends. Does not: answer any other protocol, or keep anything.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use host_core::PeerId;
use host_net::{Bounds, Net, Options, Relaying, Ways};
use host_services::identity;
use serde::Serialize;

/// What a relay is told.
#[derive(Debug, clap::Args)]
pub(crate) struct RelayArguments {
    #[command(flatten)]
    swarm: super::SwarmArguments,
    /// A host that may be reached through this relay; may be repeated. Under a swarm key every
    /// member may where none is named.
    #[arg(long)]
    host: Vec<PeerId>,
    /// Connections carried at once.
    #[arg(long, default_value_t = 256)]
    circuits: usize,
    /// MiB one of them may carry, both directions together.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..))]
    circuit_mib: u64,
    /// Minutes one of them may last.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    circuit_minutes: u64,
}

/// The one line on standard output.
#[derive(Debug, Serialize)]
struct Ready {
    peer: String,
    addrs: Vec<String>,
    /// What stands in `services.relays` of the network file.
    relay: String,
    hosts: usize,
}

/// Runs a relay until told to stop.
pub(crate) async fn run(arguments: RelayArguments) -> anyhow::Result<()> {
    let until_stdin_ends = arguments.swarm.until_stdin_ends;
    let hosts = arguments.host.len();
    let relaying = Relaying {
        peers: (hosts > 0).then_some(arguments.host),
        circuits: arguments.circuits,
        circuit_bytes: arguments.circuit_mib.saturating_mul(1 << 20),
        circuit_time: Duration::from_secs(arguments.circuit_minutes.saturating_mul(60)),
    };
    let settings = super::settings(arguments.swarm)?;
    let network = settings.network()?;
    let data = settings.data()?;
    let _lock = identity::lock(data)?;
    let swarm_key = settings.swarm_key(&network)?;
    if hosts == 0 && swarm_key.is_none() {
        bail!("a relay of an open network serves listed hosts alone: name each with --host PEER");
    }
    let ways = Ways {
        relaying: Some(relaying),
        ..Ways::of(&network, swarm_key)?
    };
    let options = Options {
        key: identity::load_or_make(&data.join("identity.key"))?,
        listen: settings.listen(),
        announce: settings.announce.clone(),
        private_network: network.private,
        protocols: Vec::new(),
        agent: concat!("holdfast/", env!("CARGO_PKG_VERSION")).to_owned(),
        bounds: Bounds::house(),
    };
    let (net, _inlet) = Net::start_in(options, ways).await?;
    let (mut told, signals) = super::until_told(until_stdin_ends)?;
    say_ready(&net, hosts)?;
    told.wait_for(|stop| *stop).await.context("signals")?;
    net.stop().await;
    signals.abort();
    let _ = signals.await;
    Ok(())
}

fn say_ready(net: &Net, hosts: usize) -> anyhow::Result<()> {
    let (addrs, peer) = (net.addresses(), net.peer_id().to_string());
    let Some(first) = addrs.first() else {
        bail!("no address others could dial; set announce");
    };
    let ready = Ready {
        relay: format!("{first}/p2p/{peer}"),
        peer,
        addrs,
        hosts,
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&ready)?).context("standard output")?;
    out.flush().context("standard output")
}
