//! The network of a demo: chain with contracts, hub, hosts, all as separate processes on
//! loopback, and one renter's home. Built from the same parts a real network is.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use host_api::{Scope, TokenSecret};
use host_chain::{DeployParams, EvmChain, Guard};
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network, Services};
use host_core::seams::Entropy;
use host_core::witness::ScoreRules;
use host_core::{Address, Amount};
use host_daemon::clock::SystemEntropy;
use host_daemon::config::units::Size;
use host_daemon::config::{Config, VolumeConfig, layers};
use host_daemon::ready::Ready;
use host_daemon::{init, tokens, vitals};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::child::Program;
use super::guards::{self, GuardBox};
use crate::operator;

/// The demo's chain id: the one development chains use.
const CHAIN_ID: u64 = 31_337;
/// Between two looks at a host.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Ask price of a demo host: smallest units per GiB and epoch.
const PRICE: Amount = Amount(1_000_000_000_000);
/// Any free port of this machine alone.
pub(super) const LISTEN: &str = "/ip4/127.0.0.1/tcp/0";
/// Where hosts listen, each at an address of its own.
const HOST_PORT: u16 = 4001;
/// Wei an account starts with: a thousand tokens.
const GIFT: u128 = 1_000_000_000_000_000_000_000;

/// What the development chain says when it serves.
#[derive(Debug, Deserialize)]
pub(super) struct ChainReady {
    pub(super) rpc: String,
}

/// What a hub or a status server says when it serves.
#[derive(Debug, Deserialize)]
pub(super) struct HubReady {
    pub(super) hub: String,
}

/// One host of the demo: its directory, its identity, and its process while it runs.
#[derive(Debug)]
pub(crate) struct HostBox {
    pub(crate) dir: PathBuf,
    pub(crate) peer: host_core::PeerId,
    pub(crate) address: Address,
    pub(crate) program: Option<Program>,
    pub(crate) ready: Option<Ready>,
}

/// The running network.
pub(crate) struct DemoNetwork {
    pub(crate) chain: EvmChain,
    pub(crate) file: PathBuf,
    pub(crate) network: Network,
    /// All hosts; those that join later stand at the end.
    pub(crate) hosts: Vec<HostBox>,
    pub(super) guards: Vec<GuardBox>,
    services: Vec<(&'static str, Program)>,
    pub(super) logs: PathBuf,
}

/// How large a demo is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) hosts: usize,
    /// Hosts that are made and not started: they join later.
    pub(crate) spares: usize,
    pub(crate) guards: usize,
    pub(crate) volume: u64,
}

impl DemoNetwork {
    /// Starts everything under `dir`. `fund` lists accounts that start with native tokens.
    pub(crate) async fn start(dir: &Path, shape: Shape, fund: &[Address]) -> anyhow::Result<Self> {
        let logs = dir.join("logs");
        std::fs::create_dir_all(&logs)?;
        let deployer = draw_key()?;
        let file = dir.join("network.toml");
        let mut network = blank_network();
        let mut hosts = Vec::new();
        for index in 0..shape.hosts + shape.spares {
            hosts.push(make_host(dir, index, shape.volume, &network).await?);
        }
        let mut guards = Vec::new();
        for index in 0..shape.guards {
            guards.push(GuardBox::make(dir, index, draw_key()?)?);
        }
        let mut funded: Vec<Address> = hosts.iter().map(|host| host.address).collect();
        funded.extend(guards.iter().map(GuardBox::account));
        funded.push(deployer.address());
        funded.extend_from_slice(fund);
        let (devchain, ready) =
            start_chain(dir, &logs, &funded, ([127, 0, 0, 1], 0).into()).await?;
        network.endpoints = vec![ready.rpc];
        let chain = deploy(&mut network, deployer).await?;
        write_network(&file, &network)?;
        let words = ServiceWords {
            dir,
            logs: &logs,
            network: &file,
        };
        let (hub, ready): (_, HubReady) = start_service("hub", LISTEN, &[], words).await?;
        network.hubs = vec![ready.hub];
        let page = ["--http", "127.0.0.1:0"];
        let (status, ready): (_, HubReady) = start_service("status", LISTEN, &page, words).await?;
        network.services.status = vec![ready.hub];
        write_network(&file, &network)?;
        let services = vec![("chain", devchain), ("hub", hub), ("status", status)];
        let mut demo = Self {
            chain,
            file,
            network,
            hosts,
            guards,
            services,
            logs,
        };
        for index in 0..demo.hosts.len() {
            write_network(&demo.host(index)?.dir.join("network.toml"), &demo.network)?;
        }
        let first: Vec<usize> = (0..shape.hosts).collect();
        demo.start_hosts(&first).await?;
        Ok(demo)
    }

    pub(crate) fn host(&self, index: usize) -> anyhow::Result<&HostBox> {
        self.hosts
            .get(index)
            .ok_or_else(|| anyhow!("there is no host {index}"))
    }

    fn host_mut(&mut self, index: usize) -> anyhow::Result<&mut HostBox> {
        self.hosts
            .get_mut(index)
            .ok_or_else(|| anyhow!("there is no host {index}"))
    }

    /// Starts the named hosts together and waits until each serves.
    pub(crate) async fn start_hosts(&mut self, which: &[usize]) -> anyhow::Result<()> {
        let mut starts = Vec::new();
        for &index in which {
            let dir = self.host(index)?.dir.clone();
            let log = self.logs.join(format!("host-{index:02}.log"));
            starts.push(async move {
                let args = ["--dir", &dir.to_string_lossy(), "--until-stdin-ends"];
                let args: Vec<String> = args.map(str::to_owned).to_vec();
                let started: (Program, Ready) = Program::start("holdfastd", &args, &log).await?;
                anyhow::Ok((index, started))
            });
        }
        for started in futures::future::join_all(starts).await {
            let (index, (program, ready)) = started?;
            let host = self.host_mut(index)?;
            host.program = Some(program);
            host.ready = Some(ready);
        }
        Ok(())
    }

    /// Waits until every host that runs knows the newest block of now, but for a few.
    pub(crate) async fn hosts_see_chain(&self, behind: u64) -> anyhow::Result<()> {
        let newest = self.chain.newest_block().await?.number;
        for host in self.hosts.iter().filter(|host| host.program.is_some()) {
            while operator::block_of(&host.dir).await?.saturating_add(behind) < newest {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Kills the named hosts as a power cut would.
    pub(crate) async fn kill_hosts(&mut self, which: &[usize]) -> anyhow::Result<usize> {
        let mut killed = 0;
        for &index in which {
            if let Some(program) = self.host_mut(index)?.program.take() {
                program.kill().await?;
                killed += 1;
            }
        }
        Ok(killed)
    }

    /// Starts the guards, each with money for repairs.
    pub(crate) async fn start_guards(&mut self) -> anyhow::Result<()> {
        guards::start(self).await
    }

    /// Kills a guard as a power cut would.
    pub(crate) async fn kill_guard(&mut self, index: usize) -> anyhow::Result<()> {
        let guard = self.guards.get_mut(index).and_then(GuardBox::take);
        let guard = guard.ok_or_else(|| anyhow!("no guard {index} runs"))?;
        guard.kill().await
    }

    /// Kills a service as a power cut would.
    pub(crate) async fn kill_service(&mut self, name: &str) -> anyhow::Result<()> {
        let at = self.services.iter().position(|(known, _)| *known == name);
        let at = at.ok_or_else(|| anyhow!("no {name} runs"))?;
        let (_, program) = self.services.remove(at);
        program.kill().await
    }

    /// The first host's API and a token that may look there for a day; none when it has no API.
    pub(crate) fn dashboard(&self) -> anyhow::Result<Option<(SocketAddr, TokenSecret)>> {
        let host = self.host(0)?;
        let Some(api) = host.ready.as_ref().and_then(|ready| ready.api) else {
            return Ok(None);
        };
        let now = vitals::seconds(SystemTime::now());
        let (name, scope, end) = ("dashboard", Scope::Read, now + 86_400);
        let made = tokens::create(&host.dir, &SystemEntropy, name, scope, now, Some(end))?;
        Ok(Some((api, made)))
    }

    /// Process ids of everything that runs.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let hosts = self.hosts.iter().filter_map(|host| host.program.as_ref());
        hosts
            .chain(self.services.iter().map(|(_, program)| program))
            .filter_map(Program::pid)
            .chain(self.guards.iter().filter_map(GuardBox::pid))
            .collect()
    }

    /// Process ids of the hosts that run.
    pub(crate) fn host_pids(&self) -> Vec<u32> {
        let hosts = self.hosts.iter().filter_map(|host| host.program.as_ref());
        hosts.filter_map(Program::pid).collect()
    }

    /// Ends everything: hosts and guards first, then hub and chain.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let hosts = self.hosts.iter_mut().filter_map(|host| host.program.take());
        let guards = self.guards.iter_mut().filter_map(GuardBox::take);
        let stops: Vec<_> = hosts.chain(guards).map(Program::stop).collect();
        for stopped in futures::future::join_all(stops).await {
            stopped?;
        }
        while let Some((_, service)) = self.services.pop() {
            service.stop().await?;
        }
        Ok(())
    }
}

fn draw_key() -> anyhow::Result<SecretKey> {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    SecretKey::from_bytes(&bytes).context("drawing a key")
}

/// The network file before chain and hub are known. Private: loopback may be dialled.
pub(super) fn blank_network() -> Network {
    Network {
        guard: Default::default(),
        services: Services {
            score: demo_rules(),
            ..Services::default()
        },
        name: "holdfast-demo".into(),
        private: true,
        chain_id: CHAIN_ID,
        endpoints: Vec::new(),
        hubs: Vec::new(),
        score_bar: 0,
        epoch: EpochRule {
            genesis_block: 0,
            epoch_blocks: 20,
            block_seconds: 1,
            grace_epochs: 2,
            depth: 2,
        },
        contracts: Contracts::of_vaults(Address::ZERO, Address::ZERO, Address::ZERO),
    }
}

/// Scores of a demo: what takes days elsewhere takes seconds, so that a score can be seen.
fn demo_rules() -> ScoreRules {
    ScoreRules {
        heartbeat_seconds: 2,
        warmup_seconds: 20,
        window_seconds: 600,
        age_half_seconds: 60,
        age_full_seconds: 180,
        day_seconds: 60,
        ..ScoreRules::default()
    }
}

pub(super) fn write_network(path: &Path, network: &Network) -> anyhow::Result<()> {
    let text = toml::to_string_pretty(network).context("writing the network file")?;
    layers::write_atomic(path, &text)?;
    Ok(())
}

/// Where a host is found, before and after a restart, as a host is anywhere else: an address of its
/// own in the loopback block, other ones than another demo's of this machine.
fn home_address(index: usize) -> Ipv4Addr {
    let [low, high, ..] = std::process::id().to_le_bytes();
    let (row, own) = (index / 250, index % 250 + 2);
    let row = low.wrapping_add(u8::try_from(row).unwrap_or(u8::MAX));
    Ipv4Addr::new(127, high | 0x80, row, u8::try_from(own).unwrap_or(0))
}

async fn make_host(
    dir: &Path,
    index: usize,
    volume: u64,
    network: &Network,
) -> anyhow::Result<HostBox> {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let at = home_address(index);
    let mut config = Config::default();
    config.swarm.listen = vec![format!("/ip4/{at}/tcp/{HOST_PORT}")];
    config.api.listen = any;
    config.gateway.enabled = false;
    config.storage.volumes = vec![VolumeConfig {
        path: "volume-0".into(),
        size: Size(volume),
    }];
    config.storage.buffers = Size(32 << 20);
    config.offer.price = PRICE;
    config.settle.auto_cash = false;
    // Epochs of a demo last seconds, and a renter asks for days: the term must fit.
    config.offer.epochs_max = 1_000_000;
    let host = dir.join(format!("host-{index:02}"));
    let plan = init::Plan {
        dir: host.clone(),
        config,
        network: network.clone(),
        phrase: None,
        passphrase: None,
    };
    let made = init::make(plan)
        .await
        .with_context(|| format!("making host {index}"))?;
    Ok(HostBox {
        dir: host,
        peer: made.peer,
        address: made.address,
        program: None,
        ready: None,
    })
}

/// Starts the chain of a network, its data in `dir`.
pub(super) async fn start_chain(
    dir: &Path,
    logs: &Path,
    funded: &[Address],
    listen: SocketAddr,
) -> anyhow::Result<(Program, ChainReady)> {
    let data = dir.join("chain").to_string_lossy().into_owned();
    let (chain_id, listen) = (CHAIN_ID.to_string(), listen.to_string());
    let fixed = [
        "--listen",
        &listen,
        "--data",
        &data,
        "--chain-id",
        &chain_id,
    ];
    let mut args: Vec<String> = fixed.map(str::to_owned).to_vec();
    args.push("--until-stdin-ends".into());
    for account in funded {
        args.extend(["--fund".to_owned(), format!("{account}={GIFT}")]);
    }
    Program::start("holdfast-devchain", &args, &logs.join("chain.log")).await
}

/// Where the services of a network are and what they share.
#[derive(Clone, Copy)]
pub(super) struct ServiceWords<'a> {
    pub(super) dir: &'a Path,
    pub(super) logs: &'a Path,
    pub(super) network: &'a Path,
}

/// Starts a service of the network beside its chain; `more` are its own words.
pub(super) async fn start_service<R: DeserializeOwned>(
    kind: &str,
    listen: &str,
    more: &[&str],
    words: ServiceWords<'_>,
) -> anyhow::Result<(Program, R)> {
    let ServiceWords { dir, logs, network } = words;
    let data = dir.join(kind).to_string_lossy().into_owned();
    let network = network.to_string_lossy().into_owned();
    let fixed = [
        kind,
        "--network",
        &network,
        "--data",
        &data,
        "--listen",
        listen,
    ];
    let mut args: Vec<String> = fixed.map(str::to_owned).to_vec();
    args.extend(more.iter().map(|word| (*word).to_owned()));
    args.push("--until-stdin-ends".into());
    let log = logs.join(format!("{kind}.log"));
    Program::start("holdfast-services", &args, &log).await
}

/// Deploys the contracts and writes their addresses into the network.
pub(super) async fn deploy(network: &mut Network, deployer: SecretKey) -> anyhow::Result<EvmChain> {
    let chain = chain_of(network, None)?.with_key(deployer);
    let deployed = tokio::time::timeout(
        Duration::from_secs(60),
        chain.deploy_network(&DeployParams::of_network(network)),
    )
    .await
    .context("deploying the contracts took over a minute")??;
    deployed.into_file(network);
    Ok(chain.with_contracts(network.contracts.clone()))
}

/// A chain client for an account of the network.
pub(super) fn connect(network: &Network, key: SecretKey) -> anyhow::Result<EvmChain> {
    Ok(chain_of(network, Some(network.contracts.clone()))?.with_key(key))
}

fn chain_of(network: &Network, contracts: Option<Contracts>) -> anyhow::Result<EvmChain> {
    let options = host_chain::Options {
        endpoints: network.endpoints.clone(),
        guard: Guard {
            chain_id: network.chain_id,
            anchor: None,
            code: Vec::new(),
        },
        contracts,
        fee_cap: 10_000_000_000_000,
        depth: 0,
    };
    Ok(EvmChain::new(options)?)
}
