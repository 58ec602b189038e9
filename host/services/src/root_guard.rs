//! `holdfast-services guard`: joins settings, identity, net, chain, the guard's own renter and the
//! guard. Standard output carries one JSON line when it is ready.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use host_chain::{Disputes, EvmChain};
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::seams::{Clock, DisputeChain, Entropy};
use host_core::wire::Protocol;
use host_core::{Address, Amount, Digest32};
use host_net::{Bounds, Net, Options, Ways};
use host_renter::{Heavy, NoMeter, Renter};
use host_services::clock::SystemClock;
use host_services::guard::{self, Guard, Parts};
use host_services::identity;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Wei a unit of gas may cost a guard: as high as any chain asks on a dear day.
const FEE_CAP: u128 = 10_000_000_000_000;

/// What a guard is told.
#[derive(Debug, clap::Args)]
pub(crate) struct GuardArguments {
    #[command(flatten)]
    swarm: super::SwarmArguments,
    /// Cash cheques once a vault owes this much, in smallest token units.
    #[arg(long, default_value_t = 0)]
    cash_from: u128,
    /// Pay up to this for a GiB of reads when a repair reads from a host that sells them, in
    /// smallest token units; such hosts are passed over at 0.
    #[arg(long, default_value_t = 0)]
    read_price_max: u128,
}

/// The one line on standard output.
#[derive(Debug, Serialize)]
struct Ready {
    peer: String,
    account: Address,
    vault: Option<Address>,
    addrs: Vec<String>,
    guard: String,
}

/// Randomness of the kernel.
struct KernelEntropy;

impl Entropy for KernelEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the kernel's randomness does not fail after boot");
    }
}

/// Runs a guard until it is told to stop.
pub(crate) async fn run(arguments: GuardArguments) -> anyhow::Result<()> {
    let least = Amount(arguments.cash_from);
    let read_price_max = Amount(arguments.read_price_max);
    let until_stdin_ends = arguments.swarm.until_stdin_ends;
    let settings = super::settings(arguments.swarm)?;
    let network = settings.network()?;
    let data = settings.data()?;
    let _lock = identity::lock(data)?;
    let key = identity::load_or_make(&data.join("identity.key"))?;
    let chain = connect(&network, key.clone())?;
    let vault = vault(&chain).await;
    let disputes = Disputes::of(&chain).ok();
    let disputes = disputes.map(|of| Arc::new(of) as Arc<dyn DisputeChain>);
    let ways = Ways::of(&network, settings.swarm_key(&network)?)?;
    let options = Options {
        key: key.clone(),
        listen: settings.listen(),
        announce: settings.announce.clone(),
        private_network: network.private,
        protocols: vec![Protocol::Guard],
        agent: concat!("holdfast/", env!("CARGO_PKG_VERSION")).to_owned(),
        bounds: Bounds::house(),
    };
    let (net, inlet) = Net::start_in(options, ways).await?;
    let (told, signals) = super::until_told(until_stdin_ends)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let proofs = host_chain::Proofs::of(&chain).ok();
    let (peers, chain) = (Arc::new(net.clone()), Arc::new(chain));
    let renter = Renter::open(host_renter::Parts {
        network: network.clone(),
        key: key.clone(),
        seal_key: seal_key(&key),
        vault: vault.unwrap_or(Address::ZERO),
        peers: peers.clone(),
        chain: chain.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::new(KernelEntropy),
        meter: Arc::new(NoMeter),
        heavy: Heavy::Threads,
        home: data.join("book"),
    })?;
    renter.set_read_price_max(read_price_max);
    if let Some(proofs) = proofs {
        renter.set_proofs(Arc::new(proofs));
    }
    let guard = Arc::new(Guard::open(Parts {
        network,
        key: key.clone(),
        peers,
        chain,
        disputes,
        clock: Arc::clone(&clock),
        entropy: Arc::new(KernelEntropy),
        renter,
        home: data.to_owned(),
    })?);
    say_ready(&net, key.address(), vault)?;
    guard::run(guard, inlet, clock, least, told).await;
    net.stop().await;
    signals.abort();
    let _ = signals.await;
    Ok(())
}

fn connect(network: &Network, key: SecretKey) -> anyhow::Result<EvmChain> {
    let options = host_chain::Options {
        endpoints: network.endpoints.clone(),
        guard: host_chain::Guard::of_network(network),
        contracts: Some(network.contracts.clone()),
        fee_cap: FEE_CAP,
        depth: network.epoch.depth,
    };
    Ok(EvmChain::new(options)?.with_key(key))
}

/// The guard's own vault, made when it is not there. Without one it watches and does not repair.
async fn vault(chain: &EvmChain) -> Option<Address> {
    match chain.deploy_vault(Digest32([0; 32]), "").await {
        Ok(vault) => Some(vault),
        Err(err) => {
            tracing::warn!(err = %err, "no vault: this guard watches and cannot repair");
            None
        }
    }
}

/// Seals what the guard writes down of its own repairs.
fn seal_key(key: &SecretKey) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"holdfast.guard.seal.1");
    hash.update(key.expose().as_slice());
    hash.finalize().into()
}

fn say_ready(net: &Net, account: Address, vault: Option<Address>) -> anyhow::Result<()> {
    let addrs = net.addresses();
    let peer = net.peer_id().to_string();
    if addrs.is_empty() {
        tracing::warn!("no address others could dial; set announce");
    }
    let first = addrs.first().map(String::as_str).unwrap_or_default();
    let ready = Ready {
        guard: format!("{first}/p2p/{peer}"),
        peer,
        account,
        vault,
        addrs,
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&ready)?).context("standard output")?;
    out.flush().context("standard output")
}
