//! `holdfast-services`: one program for the parts of a network that run off the box. The root
//! joins settings, identity, net and hub; what they do stands in their own files. Standard output
//! carries one JSON line when the service is ready, standard error the log.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use host_core::identity::SecretKey;
use host_core::limits;
use host_core::network::Network;
use host_core::seams::Clock;
use host_core::wire::Protocol;
use host_net::{Bounds, Net, Options, Policy, Ways};
use host_services::clock::SystemClock;
use host_services::hub::{self, Days, Directory, Hub, Witness, snapshot};
use host_services::identity;
use host_services::settings::HubSettings;
use host_services::status::door;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod root_guard;
mod root_relay;

/// Connections of a hub: ten thousand hosts that each call for a moment a minute.
const HUB_CONNECTIONS_MAX: u32 = 4096;
/// A host says its word and goes; keeping its connection would only fill the table.
const HUB_IDLE: Duration = Duration::from_secs(5);
/// Threads that wait for the disk.
const BLOCKING_THREADS: usize = 2;

/// Programs that run for a network.
#[derive(Debug, Parser)]
#[command(name = "holdfast-services", version)]
struct Arguments {
    #[command(subcommand)]
    service: Service,
}

#[derive(Debug, Subcommand)]
enum Service {
    /// Lists hosts that announce themselves, counts their heartbeats and answers renters.
    Hub(SwarmArguments),
    /// Remembers: a signed root over all hosts' heartbeats a day, a page, figures.
    Status(StatusArguments),
    /// Challenges hosts for the renters that named it, and repairs under their grants.
    Guard(root_guard::GuardArguments),
    /// Carries conversations to listed hosts that nobody can dial, and tests who can be dialled.
    Relay(root_relay::RelayArguments),
}

#[derive(Debug, clap::Args)]
struct StatusArguments {
    #[command(flatten)]
    swarm: SwarmArguments,
    /// Where the page and the figures are served over HTTP.
    #[arg(long, default_value = "127.0.0.1:9180")]
    http: SocketAddr,
}

#[derive(Debug, clap::Args)]
struct SwarmArguments {
    /// Settings file (TOML: network, data, listen, announce); flags win over it.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Network file.
    #[arg(long)]
    network: Option<PathBuf>,
    /// Data directory: identity key and directory.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address to listen on, for example /ip4/0.0.0.0/tcp/4001; may be repeated.
    #[arg(long)]
    listen: Vec<String>,
    /// Address to tell others instead of those listened on; may be repeated.
    #[arg(long)]
    announce: Vec<String>,
    /// Stop when standard input ends, as a child of another program.
    #[arg(long)]
    until_stdin_ends: bool,
}

/// The one line on standard output.
#[derive(Debug, Serialize)]
struct Ready {
    peer: String,
    addrs: Vec<String>,
    hub: String,
    /// Where a status server's page is.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<SocketAddr>,
}

fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOLDFAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    // One thread: a hub waits most of the time, and one connection is one task anyway.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .context("runtime")?;
    match Arguments::parse().service {
        Service::Hub(arguments) => {
            let until_stdin_ends = arguments.until_stdin_ends;
            runtime.block_on(run(settings(arguments)?, None, until_stdin_ends))
        }
        Service::Status(arguments) => {
            let until_stdin_ends = arguments.swarm.until_stdin_ends;
            let settings = settings(arguments.swarm)?;
            runtime.block_on(run(settings, Some(arguments.http), until_stdin_ends))
        }
        Service::Guard(arguments) => runtime.block_on(root_guard::run(arguments)),
        Service::Relay(arguments) => runtime.block_on(root_relay::run(arguments)),
    }
}

fn settings(arguments: SwarmArguments) -> anyhow::Result<HubSettings> {
    let file = match &arguments.config {
        Some(path) => HubSettings::load(path)?,
        None => HubSettings::default(),
    };
    Ok(file.overlaid(HubSettings {
        network: arguments.network,
        data: arguments.data,
        listen: arguments.listen,
        announce: arguments.announce,
    }))
}

/// Runs a hub, or with an HTTP address a status server, until told to stop.
async fn run(
    settings: HubSettings,
    http: Option<SocketAddr>,
    until_stdin_ends: bool,
) -> anyhow::Result<()> {
    let network = settings.network()?;
    let data = settings.data()?;
    let _lock = identity::lock(data)?;
    let key = identity::load_or_make(&data.join("identity.key"))?;
    let clock = Arc::new(SystemClock::start());
    let hub = open_hub(&network, data, &key, &*clock, http.is_some())?;
    let ways = Ways::of(&network, settings.swarm_key(&network)?)?;
    let options = Options {
        key,
        listen: settings.listen(),
        announce: settings.announce.clone(),
        private_network: network.private,
        protocols: vec![Protocol::Hub],
        agent: concat!("holdfast/", env!("CARGO_PKG_VERSION")).to_owned(),
        bounds: Bounds {
            connections: HUB_CONNECTIONS_MAX,
            idle_connection: HUB_IDLE,
            ..Bounds::house()
        },
    };
    let (net, inlet) = Net::start_in(options, ways).await?;
    let (told, signals) = until_told(until_stdin_ends)?;
    let hub = Arc::new(hub);
    let door = open_door(http, &hub, &clock, &network.name, told.clone()).await?;
    say_ready(&net, door.as_ref().map(|(at, _)| *at))?;
    let served = hub::serve(hub, inlet, clock, told).await;
    net.stop().await;
    if let Some((_, door)) = door {
        door.await.context("page")??;
    }
    signals.abort();
    let _ = signals.await;
    served.context("directory")
}

/// The hub as its files left it; with `remembers` its days too.
fn open_hub(
    network: &Network,
    data: &Path,
    key: &SecretKey,
    clock: &dyn Clock,
    remembers: bool,
) -> anyhow::Result<Hub> {
    let policy = Policy {
        private: network.private,
    };
    let mut directory = Directory::new(network.id(), policy, limits::HUB_HOSTS_MAX);
    let file = data.join("directory");
    match snapshot::load(&file, &mut directory, clock.wall_ms()) {
        Ok(count) => tracing::info!(count, "directory loaded"),
        Err(error @ host_services::Error::Snapshot { .. }) => {
            tracing::warn!(err = %error, "directory starts empty");
        }
        Err(error) => return Err(error.into()),
    }
    let rules = &network.services.score;
    let mut witness = Witness::new(
        network.id(),
        network.chain_id,
        key.clone(),
        rules.clone(),
        limits::HUB_HOSTS_MAX,
    );
    let counts = data.join("counts");
    match snapshot::load_counts(&counts, &mut witness) {
        Ok(count) => tracing::info!(count, "counts loaded"),
        // Counts are not made again in a minute: what is damaged is kept for whoever looks.
        Err(error @ host_services::Error::Snapshot { .. }) => {
            std::fs::rename(&counts, data.join("counts.damaged")).context("putting it aside")?;
            tracing::error!(err = %error, "counts start empty, the damaged file is kept");
        }
        Err(error) => return Err(error.into()),
    }
    let hub = Hub::new(directory, Some(file)).watching(witness, Some(counts));
    if !remembers {
        return Ok(hub);
    }
    let folder = data.join("days");
    let now = clock.wall_ms();
    let days = Days::open(folder, network.id(), key.clone(), rules.clone(), now)?;
    Ok(hub.remembering(days, network.score_bar))
}

/// Binds the page's address and serves it; none without an address.
async fn open_door(
    http: Option<SocketAddr>,
    hub: &Arc<Hub>,
    clock: &Arc<SystemClock>,
    network: &str,
    told: watch::Receiver<bool>,
) -> anyhow::Result<Option<(SocketAddr, JoinHandle<std::io::Result<()>>)>> {
    let Some(http) = http else {
        return Ok(None);
    };
    let listener = TcpListener::bind(http).await;
    let listener = listener.with_context(|| format!("listening on {http}"))?;
    let at = listener.local_addr().context("listening")?;
    let (hub, network) = (Arc::clone(hub), network.to_owned());
    let clock: Arc<dyn Clock> = Arc::<SystemClock>::clone(clock);
    let serving =
        tokio::spawn(async move { door::serve(listener, hub, clock, &network, told).await });
    Ok(Some((at, serving)))
}

fn say_ready(net: &Net, http: Option<SocketAddr>) -> anyhow::Result<()> {
    let addrs = net.addresses();
    let peer = net.peer_id().to_string();
    if addrs.is_empty() {
        tracing::warn!("no address others could dial; set announce");
    }
    let first = addrs.first().map(String::as_str).unwrap_or_default();
    let ready = Ready {
        hub: format!("{first}/p2p/{peer}"),
        peer,
        addrs,
        http,
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&ready)?)?;
    Ok(out.flush()?)
}

/// Says true once a signal or the end of standard input asks to stop. Made before anyone knows that
/// we are there: a signal between would end us unsaved.
fn until_told(stdin: bool) -> anyhow::Result<(watch::Receiver<bool>, tokio::task::JoinHandle<()>)> {
    let mut terminate = signal(SignalKind::terminate()).context("signal")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signal")?;
    let (tell, told) = watch::channel(false);
    let signals = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stdin_ends(), if stdin => {}
        }
        tracing::info!("stopping");
        tell.send_replace(true);
    });
    Ok((told, signals))
}

/// Completes when standard input ends. The reader is a plain thread: a read of the runtime's own
/// would keep the process from ending on a signal while the pipe is open.
async fn stdin_ends() {
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An error ends the input as well, and nobody listening means that we are stopping.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = end.send(());
    });
    let _ = ended.await;
}
