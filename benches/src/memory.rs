//! Question: how much memory does a host hold at most while 64 uploads run, and while as many
//! peers as it takes are connected?
//!
//! Unit: MiB, the kernel's highest resident size of the process (VmHWM, reset before each round),
//! against the budgets of 96 and 128 MiB; a host of a small network with the I/O buffers a host
//! has by default. Uploads: 64 shards of 2 MiB by four peers, all half sent before the first is
//! finished. Peers: 1,000 nodes dial and ask for the offer; the host takes 900 connections
//! (`CONNECTIONS_MAX`) and turns the others away, so the row says how many it held.
//!
//! Machine: any. Expected: 30 to 40 MiB idle; each upload at most two buffers of 1 MiB, within
//! 64 MiB of arena that is touched as it is needed: 80 to 110; a connection's Noise and Yamux
//! state about 30 KiB: 70 with 900.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use host_core::agreement::{Agreement, PayMode};
use host_core::identity::SecretKey;
use host_core::limits;
use host_core::network::Network;
use host_core::seams::PeerAddr;
use host_core::{Address, AgreementId, Amount};
use host_net::{Bounds, Inlet, Net, Options, SwarmKey, Ways};
use host_transfer::info;
use host_transfer::upload::{self, Opened, UploadStream};
use sha2::{Digest, Sha256};

use crate::rows::{Goal, Report, Row};
use crate::town::Town;
use crate::volume;

/// MiB a host may hold with 64 uploads under way.
const UPLOADS_BUDGET: f64 = 96.0;
/// MiB it may hold with 1,000 peers at its door.
const PEERS_BUDGET: f64 = 128.0;
/// Bytes of each shard: several of a writer's buffers.
const LEN: usize = 2 << 20;
/// Nodes that upload; one peer may hold no more than `STREAMS_PER_PEER_MAX` streams.
const CALLERS: usize = 4;
/// Epochs of the terms; nothing of them is paid.
const EPOCHS: u64 = 10;
/// Nodes that dial at once.
const DIALS: usize = 32;
/// Longest wait for the host to see the chain.
const PATIENCE: Duration = Duration::from_secs(60);
/// The host whose memory is read.
const HOST: usize = 0;
/// MiB of its volume: three rounds of uploads.
const VOLUME_MIB: usize = 512;
/// MiB of its I/O buffers: what a host has by default.
const BUFFERS_MIB: usize = 64;

/// Measures three times each; `quick` once, with a tenth of the peers. Says so when the programs
/// are not built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let (rounds, peers) = if quick { (1, 100) } else { (3, 1000) };
    let scratch = volume::scratch(dir)?;
    let Some(town) = Town::with_buffers(scratch.path(), 1, VOLUME_MIB, BUFFERS_MIB)? else {
        let why = "memory: holdfast and holdfastd are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    };
    let measured = Measured::new(&town)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let (mut uploads, mut crowd, mut held) = (Vec::new(), Vec::new(), 0);
    // The crowd first: buffers that uploads used are given back only after a while.
    for round in 0..rounds {
        measured.forget_peak()?;
        held = runtime.block_on(measured.crowd(round, peers))?;
        crowd.push((measured.peak_mib()?, PEERS_BUDGET));
    }
    for round in 0..rounds {
        measured.forget_peak()?;
        runtime.block_on(measured.uploads(round))?;
        uploads.push((measured.peak_mib()?, UPLOADS_BUDGET));
    }
    let (idle, names) = (measured.idle_mib, limits::UPLOADS_MAX);
    let row =
        |name: String, figures: &[(f64, f64)]| Row::new(name, "MiB", figures, Goal::AtMost(1.0));
    report.rows = vec![
        row(format!("{names} uploads, peak / budget"), &uploads),
        row(format!("{peers} peers, peak / budget"), &crowd),
    ];
    report.notes.push(format!(
        "memory: the host held {idle:.1} MiB before; of {peers} peers it took {held}"
    ));
    Ok(report)
}

/// The host that is measured, and what its callers need to know.
struct Measured {
    pid: u32,
    network: Network,
    network_file: PathBuf,
    to: PeerAddr,
    host: Address,
    epoch: u64,
    idle_mib: f64,
}

impl Measured {
    fn new(town: &Town) -> anyhow::Result<Self> {
        let (_, serving) = town.host(HOST)?;
        let network_file = town.network_file();
        let mut measured = Self {
            pid: serving.id(),
            network: toml::from_str(&std::fs::read_to_string(&network_file)?)?,
            network_file,
            to: PeerAddr {
                peer: serving.word("peer")?.parse()?,
                addrs: serde_json::from_value(serving.said["addrs"].clone())?,
            },
            host: serving.word("address")?.parse()?,
            epoch: epoch(town)?,
            idle_mib: 0.0,
        };
        measured.idle_mib = measured.mib("VmRSS:")?;
        Ok(measured)
    }

    /// MiB by that name in the kernel's account of the host.
    fn mib(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.with_context(|| format!("no {name} in /proc"))? / 1024.0)
    }

    fn peak_mib(&self) -> anyhow::Result<f64> {
        self.mib("VmHWM:")
    }

    /// The highest resident size counts from now on.
    fn forget_peak(&self) -> anyhow::Result<()> {
        let path = format!("/proc/{}/clear_refs", self.pid);
        std::fs::write(&path, "5").context(path)
    }

    /// 64 uploads at once, up to their receipts.
    async fn uploads(&self, round: u32) -> anyhow::Result<()> {
        let callers = (0..CALLERS).map(async |n| self.caller(&format!("caller {round} {n}")).await);
        let callers = try_join_all(callers).await?;
        let bodies: Vec<_> = (0..limits::UPLOADS_MAX)
            .map(|n| noise(&format!("body {round} {n}")))
            .collect();
        let begun = callers.iter().cycle().zip(&bodies);
        let begun = begun.map(async |(caller, body)| {
            let mut stream = caller.open(self, body).await?;
            stream.send(body.get(..LEN / 2).unwrap_or_default()).await?;
            Ok::<_, anyhow::Error>(stream)
        });
        let streams = try_join_all(begun).await?;
        let ended = streams.into_iter().zip(&bodies);
        let ended = ended.map(async |(mut stream, body)| {
            stream.send(body.get(LEN / 2..).unwrap_or_default()).await?;
            stream.finish().await?.close().await;
            Ok::<_, anyhow::Error>(())
        });
        try_join_all(ended).await?;
        stop(callers).await;
        Ok(())
    }

    /// As many peers as are asked for, connected at once; how many the host took.
    async fn crowd(&self, round: u32, peers: usize) -> anyhow::Result<usize> {
        let id = self.network.id();
        let come = stream::iter(0..peers).map(async |n| {
            let caller = self.caller(&format!("peer {round} {n}")).await?;
            // A host that is full turns them away: that is what is counted.
            let _offer = info::ask(&caller.net, &self.to, &id).await;
            Ok::<_, anyhow::Error>(caller)
        });
        let callers: Vec<Caller> = come.buffer_unordered(DIALS).try_collect().await?;
        let held = callers
            .iter()
            .filter(|one| one.net.connections() > 0)
            .count();
        stop(callers).await;
        Ok(held)
    }

    /// A member of the network whose key comes from its name.
    async fn caller(&self, name: &str) -> anyhow::Result<Caller> {
        let shared = SwarmKey::beside(&self.network_file, &self.network)?;
        let key = SecretKey::from_bytes(&Sha256::digest(name).into())?;
        let options = Options {
            key: key.clone(),
            listen: Vec::new(),
            announce: Vec::new(),
            private_network: true,
            protocols: Vec::new(),
            agent: "holdfast-bench".to_owned(),
            bounds: Bounds::house(),
        };
        let ways = Ways::of(&self.network, shared)?;
        let (net, inlet) = Net::start_in(options, ways).await?;
        Ok(Caller {
            net,
            key,
            _inlet: inlet,
        })
    }

    fn terms(&self, caller: &Caller, body: &[u8], price: Amount) -> anyhow::Result<Agreement> {
        let mut tree = host_proof::TreeBuilder::new();
        tree.push(body);
        let shard = tree.finish()?.shard_id();
        Ok(Agreement {
            network: self.network.id(),
            id: AgreementId(Sha256::digest(shard.0).into()),
            renter: caller.key.address(),
            host: self.host,
            payout: self.host,
            shard,
            shard_len: body.len() as u64,
            codec: 1,
            price,
            start_epoch: self.epoch,
            end_epoch: self.epoch + EPOCHS,
            egress_price: Amount::ZERO,
            pay_mode: PayMode::Cheque,
            nonce: 1,
        })
    }
}

/// A node that dials.
struct Caller {
    net: Net,
    key: SecretKey,
    _inlet: Inlet,
}

impl Caller {
    /// Proposes terms for `body` at the host's price.
    async fn open(&self, to: &Measured, body: &[u8]) -> anyhow::Result<UploadStream> {
        let (network, chain_id) = (to.network.id(), to.network.chain_id);
        let offer = info::ask(&self.net, &to.to, &network).await?.offer;
        let terms = to.terms(self, body, offer.price)?;
        let signature = terms.sign(chain_id, &self.key);
        let opened = upload::open(&self.net, &to.to, chain_id, &network, &terms, signature);
        match opened.await? {
            Opened::Send(stream) => Ok(stream),
            Opened::Stored(_) => anyhow::bail!("the host has this body already"),
        }
    }
}

async fn stop(callers: Vec<Caller>) {
    for caller in callers {
        caller.net.stop().await;
    }
}

/// Bytes that no two bodies share.
fn noise(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LEN);
    for count in 0..LEN / 32 {
        bytes.extend_from_slice(&Sha256::digest(format!("{name} {count}")));
    }
    bytes
}

/// The chain's epoch, once the host has seen it. It lasts an hour there.
fn epoch(town: &Town) -> anyhow::Result<u64> {
    let begun = Instant::now();
    loop {
        let said = town.statuses()?;
        let host = said.get(HOST).context("the host says nothing")?;
        match (host["epoch"].as_u64(), host["block"].as_u64()) {
            (Some(epoch), Some(block)) if block > 0 => return Ok(epoch),
            _ => ensure!(begun.elapsed() < PATIENCE, "the host sees no chain"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests;
