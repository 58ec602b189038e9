//! `holdfast network`: a company's own network on one machine of its own: chain with contracts,
//! hub, status server, guard, a network file and a key its members share.
//!
//! Enters: an inside address and a directory. Leaves: running services, `network.toml` and
//! `swarm.key` to be carried to every host and renter. Invariants: nothing listens on, dials or
//! names anything but that address; a second start of the same directory is the same network, with
//! its contracts, identities and counts; the shared key is made once and readable by its owner
//! alone. Does not: start hosts (`holdfast init --network`).

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use host_core::identity::SecretKey;
use host_core::network::{Network, Services};
use host_core::seams::Entropy;
use host_core::witness::ScoreRules;
use host_core::{Address, Amount, Digest32};
use host_daemon::clock::SystemEntropy;
use host_net::SwarmKey;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use super::child::Program;
use super::network::{
    ChainReady, HubReady, ServiceWords, blank_network, connect, deploy, start_chain, start_service,
    write_network,
};
use crate::print;

/// What the guard may promise for repairs, and gets into its vault at the first start.
const REPAIR_BUDGET: Amount = Amount(100_000_000_000_000_000_000);
/// Epochs of a company's network: an hour of blocks of one second each.
const EPOCH_BLOCKS: u64 = 3600;

/// Runs the services of a company's own network.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Where the network lives; kept, and taken up again by the next start
    #[arg(long)]
    dir: PathBuf,
    /// The inside address everything listens on
    #[arg(long, default_value = "127.0.0.1")]
    ip: IpAddr,
    /// First of five ports: chain, hub, status server, its page, guard
    #[arg(long, default_value_t = 4100)]
    port: u16,
    /// The network's name
    #[arg(long, default_value = "holdfast-private")]
    name: String,
    /// An account that is given a thousand native tokens; may be repeated, at any start
    #[arg(long)]
    fund: Vec<Address>,
    /// Stop once everything serves, for a look at what was made
    #[arg(long)]
    exit: bool,
    /// Say what serves as one line of JSON
    #[arg(long)]
    json: bool,
    /// Stop when standard input ends, as a child of another program
    #[arg(long)]
    until_stdin_ends: bool,
}

/// What serves, for whoever carries the files to hosts and renters.
#[derive(Debug, Serialize)]
struct Said {
    network: PathBuf,
    key: PathBuf,
    rpc: String,
    hub: String,
    status: String,
    guard: String,
    page: String,
}

/// What a guard says when it serves.
#[derive(Debug, Deserialize)]
struct GuardReady {
    guard: String,
}

/// Starts the services and runs them until told to stop.
pub(crate) async fn run(args: NetworkArgs) -> anyhow::Result<bool> {
    std::fs::create_dir_all(&args.dir)?;
    let dir = args.dir.canonicalize()?;
    let logs = dir.join("logs");
    std::fs::create_dir_all(&logs)?;
    let file = dir.join("network.toml");
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    SwarmKey::make(&file, &bytes)?;
    let mut terminate = signal(SignalKind::terminate()).context("signal")?;
    let words = ServiceWords {
        dir: &dir,
        logs: &logs,
        network: &file,
    };
    let mut services = Vec::new();
    let started = start(&args, words, &mut services).await;
    if let Ok(said) = &started {
        print::either(args.json, said, |said| in_words(&args, said))?;
        if !args.exit {
            tokio::select! {
                told = tokio::signal::ctrl_c() => told.context("waiting for Ctrl-C")?,
                _ = terminate.recv() => {}
                () = stdin_ends(), if args.until_stdin_ends => {}
            }
        }
    }
    while let Some(service) = services.pop() {
        Program::stop(service).await?;
    }
    started.map(|_| true)
}

/// Completes when standard input ends.
async fn stdin_ends() {
    let mut input = tokio::io::stdin();
    // An error ends the input as well.
    let _ended = tokio::io::copy(&mut input, &mut tokio::io::sink()).await;
}

/// The address of the service at this step from the first port.
fn at(args: &NetworkArgs, step: u16) -> anyhow::Result<SocketAddr> {
    let port = args.port.checked_add(step).context("--port is too high")?;
    Ok(SocketAddr::new(args.ip, port))
}

/// The same as a listen address.
fn listen(args: &NetworkArgs, step: u16) -> anyhow::Result<String> {
    let family = if args.ip.is_ipv4() { "ip4" } else { "ip6" };
    let port = at(args, step)?.port();
    Ok(format!("/{family}/{}/tcp/{port}", args.ip))
}

async fn start(
    args: &NetworkArgs,
    words: ServiceWords<'_>,
    services: &mut Vec<Program>,
) -> anyhow::Result<Said> {
    let deployer = key_in(&words.dir.join("deployer.key"))?;
    let guard_home = words.dir.join("guard");
    std::fs::create_dir_all(&guard_home)?;
    let guard_key = key_in(&guard_home.join("identity.key"))?;
    let mut funded = args.fund.clone();
    funded.extend([deployer.address(), guard_key.address()]);
    let (chain, ready): (Program, ChainReady) =
        start_chain(words.dir, words.logs, &funded, at(args, 0)?).await?;
    services.push(chain);
    let mut network = known_or_new(args, words.network, ready.rpc.clone(), deployer).await?;
    if network.hubs.is_empty() {
        // The first start: hubs are written when everything serves.
        let chain = connect(&network, guard_key)?;
        chain.fill_vault(Digest32([0; 32]), REPAIR_BUDGET).await?;
    }
    let (hub, ready): (_, HubReady) = start_service("hub", &listen(args, 1)?, &[], words).await?;
    services.push(hub);
    let hub = ready.hub;
    let http = at(args, 3)?.to_string();
    let page = ["--http", http.as_str()];
    let (status, ready): (_, HubReady) =
        start_service("status", &listen(args, 2)?, &page, words).await?;
    services.push(status);
    let status = ready.hub;
    let (guard, ready): (_, GuardReady) =
        start_service("guard", &listen(args, 4)?, &[], words).await?;
    services.push(guard);
    let guard = ready.guard;
    (network.hubs, network.services.status) = (vec![hub.clone()], vec![status.clone()]);
    write_network(words.network, &network)?;
    Ok(Said {
        network: words.network.to_owned(),
        key: SwarmKey::path_beside(words.network),
        rpc: network.endpoints.concat(),
        hub,
        status,
        guard,
        page: format!("http://{http}/"),
    })
}

/// The network of the file, or a new one whose contracts are deployed now and whose file is
/// written. Errors when the file is of another network or place.
async fn known_or_new(
    args: &NetworkArgs,
    file: &Path,
    rpc: String,
    deployer: SecretKey,
) -> anyhow::Result<Network> {
    let network: Network = match std::fs::read_to_string(file) {
        Ok(text) => toml::from_str(&text).with_context(|| file.display().to_string())?,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
            let mut network = blank(args);
            network.endpoints = vec![rpc.clone()];
            deploy(&mut network, deployer).await?;
            write_network(file, &network)?;
            network
        }
        Err(err) => return Err(err).with_context(|| file.display().to_string()),
    };
    if network.name != args.name || network.endpoints != [rpc] {
        bail!(
            "{} is of the network {} at {}; give the same --name, --ip and --port",
            file.display(),
            network.name,
            network.endpoints.concat()
        );
    }
    Ok(network)
}

fn blank(args: &NetworkArgs) -> Network {
    let blank = blank_network();
    let mut epoch = blank.epoch;
    epoch.epoch_blocks = EPOCH_BLOCKS;
    Network {
        name: args.name.clone(),
        epoch,
        services: Services {
            swarm_key: true,
            score: ScoreRules::default(),
            ..Services::default()
        },
        ..blank
    }
}

/// The key in a file of 64 hexadecimal digits, made when it is not there, readable by its owner
/// alone.
fn key_in(path: &Path) -> anyhow::Result<SecretKey> {
    use std::io::Write;
    if !path.exists() {
        let mut bytes = [0; 32];
        SystemEntropy.fill(&mut bytes);
        let digits = hex::encode(bytes);
        let mut open = std::fs::OpenOptions::new();
        let file = open.write(true).create_new(true).mode(0o600).open(path);
        let mut file = file.with_context(|| format!("making {}", path.display()))?;
        writeln!(file, "{digits}")?;
        file.sync_all()?;
    }
    let text = std::fs::read_to_string(path)?;
    let mut bytes = [0; 32];
    let digits = text.trim().as_bytes().chunks(2);
    if digits.len() != bytes.len() {
        bail!("{} does not hold 64 hexadecimal digits", path.display());
    }
    for (byte, digits) in bytes.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)
            .with_context(|| path.display().to_string())?;
    }
    Ok(SecretKey::from_bytes(&bytes)?)
}

fn in_words(args: &NetworkArgs, said: &Said) -> String {
    format!(
        "the network {} serves on {}; carry {} and {} to every host and renter\n\
         a host:   holdfast init --dir DIR --network network.toml\n\
         a renter: holdfast renter join network.toml\n\
         a guard:  {}\n\
         page:     {}",
        args.name,
        args.ip,
        said.network.display(),
        said.key.display(),
        said.guard,
        said.page
    )
}
