//! Question: how much memory does a renter hold at most while it chooses 30 of 10,000 hosts?
//!
//! Unit: MiB, the peak resident memory (VmHWM) of a process of its own that starts the network,
//! reads a real hub program's directory of 10,000 announcements, each really signed by a key of
//! its own, checks every signature, and chooses 30 in different network prefixes, with another hub
//! dead; against the budget of 64 MiB. Machine: any; program text counts.
//!
//! Expected: program, runtime and network 15 to 20 MiB; 240 candidates and a remembered sample of
//! 2,048 at 0.6 KiB, one page of 256, and 100 bytes for each host seen: 4 MiB more.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use host_core::announce::{Announcement, HostOffer};
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Clock, Entropy, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Amount, Digest32};
use host_net::{Bounds, Net, Policy};
use host_renter::{NoMeter, Parts, Renter, Wanted};
use host_services::clock::SystemClock;
use host_services::hub::{Directory, snapshot};
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};

use crate::idle::{NETWORK, program};
use crate::rows::{Goal, Report, Row};
use crate::volume;

/// MiB the renter may hold.
const BUDGET: f64 = 64.0;
/// Hosts chosen.
const NEED: usize = 30;

/// What the renter's process says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    known: usize,
    chosen: usize,
    seconds: f64,
    /// VmHWM once the network ran, and at the end.
    before_mib: f64,
    peak_mib: f64,
}

/// Measures renters of their own process against a hub of its own; says so when the programs are
/// not built. `quick` announces few hosts.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let (own, services) = (program("bench")?, program("holdfast-services")?);
    if !own.exists() || !services.exists() {
        let why = "choose: bench and holdfast-services are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let dir = volume::scratch(dir)?;
    let (hosts, rounds) = if quick { (300, 1) } else { (10_000, 3) };
    announce(dir.path(), hosts)?;
    let hub = Hub::start(&services, dir.path())?;
    let mut figures = Vec::new();
    for _ in 0..rounds {
        let said = choose_apart(&own, dir.path(), &hub.addr)?;
        ensure!(said.known == hosts, "{} of {hosts} hosts seen", said.known);
        ensure!(said.chosen >= NEED, "{} hosts chosen", said.chosen);
        figures.push((said.peak_mib, BUDGET));
        report.notes.push(format!(
            "choose: {hosts} signatures checked in {:.2} s, {:.1} MiB before, {:.1} at most",
            said.seconds, said.before_mib, said.peak_mib
        ));
    }
    let name = format!("choose {NEED} of {hosts} hosts, peak / budget");
    let row = Row::new(name, "MiB", &figures, Goal::AtMost(1.0));
    report.rows.push(row);
    Ok(report)
}

/// Writes the network file and the hub's directory of `count` hosts, signed with their own keys.
fn announce(dir: &Path, count: usize) -> anyhow::Result<()> {
    std::fs::write(dir.join("network.toml"), NETWORK)?;
    let network: Network = toml::from_str(NETWORK)?;
    let now_ms = SystemClock::start().wall_ms();
    let made = (0..count).map(|n| announcement(n, &network, now_ms));
    let made: Vec<Announcement> = made.collect::<anyhow::Result<_>>()?;
    let policy = Policy { private: true };
    let mut directory = Directory::new(network.id(), policy, count);
    directory.restore(made, now_ms);
    std::fs::create_dir_all(dir.join("hub"))?;
    snapshot::save(&dir.join("hub/directory"), &snapshot::encode(&directory))?;
    Ok(())
}

fn announcement(n: usize, network: &Network, at_ms: u64) -> anyhow::Result<Announcement> {
    let number = u32::try_from(n)?;
    let mut secret = [3; 32];
    let (head, _) = secret.split_at_mut(4);
    head.copy_from_slice(&number.to_be_bytes());
    let key = SecretKey::from_bytes(&secret)?;
    let [_, _, c, d] = number.to_be_bytes();
    let offer = HostOffer {
        peer: key.peer_id(),
        addrs: vec![
            format!("/ip4/11.{c}.{d}.1/tcp/4001"),
            format!("/ip4/11.{c}.{d}.1/udp/4001/quic-v1"),
        ],
        price: Amount(1_000_000_000_000 + u128::from(number)),
        egress_price: Amount::ZERO,
        free: 1 << 40,
        used: 0,
        payout: key.address(),
        version: "holdfast/0.1.0".into(),
        epochs_max: 1000,
        at_ms,
        instance: [0; 16],
        generation: 0,
        leaving: false,
        claims: None,
    };
    Ok(Announcement::sign(offer, &network.id(), &key))
}

/// A hub program that stops in order when its standard input ends, and is waited for.
struct Hub {
    child: Child,
    addr: String,
}

impl Hub {
    fn start(services: &Path, dir: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(services)
            .args(["hub", "--until-stdin-ends"])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0", "--network"])
            .arg(dir.join("network.toml"))
            .arg("--data")
            .arg(dir.join("hub"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting holdfast-services")?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let mut hub = Self {
            child,
            addr: String::new(),
        };
        let ready: serde_json::Value = serde_json::from_str(&line).context("hub did not serve")?;
        let addr = ready.get("hub").and_then(serde_json::Value::as_str);
        hub.addr = addr.context("hub names no address")?.to_owned();
        Ok(hub)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Runs the choosing renter as a process of its own.
fn choose_apart(own: &Path, dir: &Path, hub: &str) -> anyhow::Result<Said> {
    let ran = Command::new(own)
        .arg("--choose-from")
        .arg(hub)
        .arg("--dir")
        .arg(dir)
        .output()
        .context("running the renter")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "the renter: {}", said.trim());
    Ok(serde_json::from_slice(&ran.stdout)?)
}

/// The renter's process: chooses from the hub at `hub` and from a dead one, says on standard
/// output what it took.
pub fn child(hub: &str, dir: &Path) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let said = runtime.block_on(choose(hub, dir))?;
    Ok(serde_json::to_string(&said)?)
}

async fn choose(hub: &str, dir: &Path) -> anyhow::Result<Said> {
    let key = SecretKey::from_bytes(&[9; 32])?;
    let mut network: Network = toml::from_str(NETWORK)?;
    let dead = format!("/ip4/127.0.0.1/tcp/9/p2p/{}", key.peer_id());
    network.hubs = vec![dead, hub.to_owned()];
    // Only the hub is on loopback: hosts are judged as on a public network.
    network.private = false;
    let (net, _inlet) = Net::start(host_net::Options {
        key: SecretKey::from_bytes(&[10; 32])?,
        listen: Vec::new(),
        announce: Vec::new(),
        private_network: true,
        protocols: Vec::new(),
        agent: "holdfast-bench".into(),
        bounds: Bounds::house(),
    })
    .await?;
    let renter = Renter::open(Parts {
        network,
        key,
        seal_key: [5; 32],
        vault: Address::ZERO,
        peers: Arc::new(net.clone()),
        chain: Arc::new(NoChain),
        clock: Arc::new(SystemClock::start()),
        entropy: Arc::new(Kernel),
        meter: Arc::new(NoMeter),
        heavy: host_renter::Heavy::Threads,
        home: dir.join("home"),
    })?;
    let before_mib = peak_mib()?;
    let start = Instant::now();
    let wanted = Wanted {
        need: NEED,
        bytes: 100 << 20,
        epochs: 30,
        price_max: None,
        parity: NEED / 3 * 2,
        policy: Default::default(),
    };
    let chosen = renter.choose(&wanted).await?;
    let said = Said {
        known: chosen.known,
        chosen: chosen.hosts.len(),
        seconds: start.elapsed().as_secs_f64(),
        before_mib,
        peak_mib: peak_mib()?,
    };
    net.stop().await;
    Ok(said)
}

/// The most memory this process ever held.
fn peak_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.context("no VmHWM in /proc")? / 1024.0)
}

struct Kernel;

impl Entropy for Kernel {
    fn fill(&self, buffer: &mut [u8]) {
        ring::rand::SystemRandom::new()
            .fill(buffer)
            .expect("the kernel gives randomness once it has started");
    }
}

/// Choosing needs no chain.
struct NoChain;

const UNUSED: ChainError = ChainError::Disagreement { what: "unused" };

impl Chain for NoChain {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn vault(&self, _: Address, _: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn prepare(&self, _: ChainCall, _: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn broadcast<'a>(&'a self, _: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn receipt(&self, _: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
}

#[cfg(test)]
mod tests;
