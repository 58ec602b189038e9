//! `holdfast demo`: a whole network on one machine and a real file through it.
//!
//! The story, each step on the real programs: start chain, hub and hosts; put a file; get it; kill
//! hosts that hold data shards; get it again; look into the killed hosts' volumes from another
//! process; start them again; cash every cheque. What is reported is read from outside: figures
//! of money over JSON-RPC, shards from reopened volumes, the hash from the file that came out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use host_core::{Amount, ObjectId, PeerId};
use host_daemon::inspect::Holdings;
use serde::Deserialize;
use tokio::process::Command;

mod child;
pub(crate) mod drill;
mod hash;
mod network;
mod place;
mod proofs;
mod report;
mod screen;

use network::{DemoNetwork, Shape};
use place::Place;
use report::{GetReport, Report};
use screen::Screen;

/// Runs a whole network on this machine and sends a file through it.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The file to store; the running program itself when absent
    #[arg(long)]
    file: Option<PathBuf>,
    /// Host processes
    #[arg(long, default_value_t = 30)]
    hosts: usize,
    /// Hosts to kill after the file is stored
    #[arg(long, default_value_t = 20)]
    kill: usize,
    /// Data shards a segment
    #[arg(long, default_value_t = 10)]
    data: u16,
    /// Parity shards a segment
    #[arg(long, default_value_t = 20)]
    parity: u16,
    /// Where the network lives; a new or empty directory, removed at the end
    #[arg(long)]
    dir: Option<PathBuf>,
    /// End after the story instead of keeping the network running
    #[arg(long)]
    exit: bool,
    /// Write the figures to this file as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Data shards that must be among the killed ones, as far as the geometry has them.
const KILLED_DATA_MIN: usize = 8;
/// Longest wait for cheques to be cashed.
const CASH_TIMEOUT: Duration = Duration::from_secs(60);
/// What the renter's vault is given: smallest units.
const DEPOSIT: &str = "100000000000000000000";

/// What `holdfast put --json` says at the end.
#[derive(Debug, Deserialize)]
struct PutSaid {
    id: ObjectId,
    #[serde(default)]
    phases: serde_json::Value,
}

/// What `holdfast stat --json` says.
#[derive(Debug, Deserialize)]
struct StatSaid {
    places: Vec<PlaceSaid>,
}

#[derive(Debug, Deserialize)]
struct PlaceSaid {
    index: u16,
    host: PeerId,
}

/// What `holdfast wallet balance --json` says.
#[derive(Debug, Deserialize)]
struct WalletSaid {
    vault: host_core::Address,
    issued: Amount,
}

/// Runs the demo; true when everything held.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<bool> {
    if args.kill > args.hosts {
        bail!("--kill {} is more than --hosts {}", args.kill, args.hosts);
    }
    let total = usize::from(args.data) + usize::from(args.parity);
    if args.hosts < total {
        bail!(
            "{}+{} shards need {total} hosts, --hosts is {}",
            args.data,
            args.parity,
            args.hosts
        );
    }
    tokio::select! {
        ended = story(&args) => ended,
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("waiting for Ctrl-C")?;
            eprintln!("\nstopped; the network and its directory are removed");
            Ok(false)
        }
    }
}

async fn story(args: &DemoArgs) -> anyhow::Result<bool> {
    let place = Place::make(args.dir.as_deref(), false)?;
    let file = match &args.file {
        Some(file) => file
            .canonicalize()
            .with_context(|| format!("finding {}", file.display()))?,
        None => std::env::current_exe().context("finding the running program")?,
    };
    let (bytes, sha256) = hash::of_file(&file)?;
    let mut screen = Screen::start(&file, bytes, &sha256);
    let home = place.path("renter");
    let renter = Renter { home: home.clone() };
    let account = renter.init().await?;
    screen.step("starting chain, hub and hosts");
    let volume = volume_size(bytes, args);
    let shape = Shape {
        hosts: args.hosts,
        volume,
    };
    let mut network = DemoNetwork::start(place.dir(), shape, &[account]).await?;
    screen.done(&format!(
        "{} host processes, one chain, one hub, one status server",
        args.hosts
    ));
    let mut report = Report::default();
    report.file.bytes = bytes;
    report.file.sha256 = sha256;
    report.geometry.data = args.data;
    report.geometry.parity = args.parity;
    report.hosts.started = network.host_pids().len();
    let told = tell(
        args,
        &file,
        &place,
        &mut network,
        &renter,
        &mut report,
        &mut screen,
    )
    .await;
    report.host_rss_mib_max = report.host_rss_mib_max.max(rss_max(&network));
    let finish = if told.is_ok() && !args.exit {
        screen.table(&report);
        screen.try_next(&home, &network.file);
        screen.dashboard(network.dashboard()?);
        tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")
    } else {
        Ok(())
    };
    let pids = network.pids();
    network.stop().await?;
    told?;
    finish?;
    report.leftover_processes = pids.into_iter().filter(|pid| child::alive(*pid)).count();
    if let Some(path) = &args.report {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    if args.exit {
        screen.table(&report);
    }
    Ok(screen.verdict(&report.checks(args.kill)))
}

/// Bytes of each host's volume: its share of the shards with room to spare.
fn volume_size(bytes: u64, args: &DemoArgs) -> u64 {
    let coded = bytes / u64::from(args.data.max(1)) * u64::from(args.data + args.parity);
    let share = coded / u64::try_from(args.hosts.max(1)).unwrap_or(1);
    (share * 3 + (96 << 20)).next_multiple_of(1 << 20)
}

async fn tell(
    args: &DemoArgs,
    file: &Path,
    place: &Place,
    network: &mut DemoNetwork,
    renter: &Renter,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    renter.join(&network.file).await?;
    screen.step("filling the renter's vault, staking for the hosts");
    let vault = async {
        renter.say(&["wallet", "wrap", DEPOSIT]).await?;
        renter.say(&["wallet", "deposit", DEPOSIT]).await
    };
    tokio::try_join!(vault, proofs::stake(network))?;
    screen.done("deposited");
    let object = put(args, file, renter, report, screen).await?;
    screen.step("proving to the chain, the epoch's last blocks made at once");
    report.proofs = proofs::watch(network).await?;
    let told = &report.proofs;
    screen.done(&format!(
        "proofs accepted on chain: {} of {}",
        told.accepted, told.hosts
    ));
    report.get = get(
        renter,
        &object,
        &place.path("out-1"),
        screen,
        "getting it back",
    )
    .await?;
    let victims = victims(args, renter, network, &object, report).await?;
    report.host_rss_mib_max = rss_max(network);
    screen.step(&format!("killing {} hosts", victims.len()));
    report.hosts.killed = network.kill_hosts(&victims).await?;
    screen.done("killed without a word");
    let what = "getting it from those that are left";
    report.get_after_kill = get(renter, &object, &place.path("out-2"), screen, what).await?;
    look(network, &victims, renter, &object, report, screen).await?;
    screen.step("starting the killed hosts again");
    network.start_hosts(&victims).await?;
    screen.done("serving");
    settle(network, renter, report, screen).await
}

async fn put(
    args: &DemoArgs,
    file: &Path,
    renter: &Renter,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<ObjectId> {
    screen.step(&format!(
        "storing it as {}+{} shards",
        args.data, args.parity
    ));
    let (data, parity) = (args.data.to_string(), args.parity.to_string());
    let path = file.to_string_lossy();
    let started = Instant::now();
    let words = [
        "put", &path, "--days", "1", "--data", &data, "--parity", &parity, "--json",
    ];
    let said: PutSaid = renter.ask_with_progress(&words, screen).await?;
    let seconds = started.elapsed().as_secs_f64();
    report.put.seconds = seconds;
    report.put.mib_per_s = mib(report.file.bytes) / seconds.max(0.001);
    report.put.phases = said.phases;
    screen.done(&format!("{} at {:.1} MiB/s", said.id, report.put.mib_per_s));
    Ok(said.id)
}

async fn get(
    renter: &Renter,
    object: &ObjectId,
    out: &Path,
    screen: &mut Screen,
    what: &str,
) -> anyhow::Result<GetReport> {
    screen.step(what);
    let started = Instant::now();
    renter
        .say(&["get", &object.to_string(), "-o", &out.to_string_lossy()])
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    let (bytes, sha256) = hash::of_file(out)?;
    std::fs::remove_file(out)?;
    screen.done(&format!(
        "{:.1} MiB/s, sha256 {sha256}",
        mib(bytes) / seconds.max(0.001)
    ));
    Ok(GetReport { sha256, seconds })
}

/// Which hosts die: those with the most data shards first, so that parity must really serve.
async fn victims(
    args: &DemoArgs,
    renter: &Renter,
    network: &DemoNetwork,
    object: &ObjectId,
    report: &mut Report,
) -> anyhow::Result<Vec<usize>> {
    let stat: StatSaid = renter
        .ask(&["stat", &object.to_string(), "--local", "--json"])
        .await?;
    let with_data: BTreeSet<PeerId> = stat
        .places
        .iter()
        .filter(|p| p.index < args.data)
        .map(|p| p.host)
        .collect();
    let mut order: Vec<usize> = (0..network.hosts.len()).collect();
    let holds = |index: &usize| {
        let host = network.hosts.get(*index);
        host.is_some_and(|host| with_data.contains(&host.peer))
    };
    order.sort_by_key(|index| !holds(index));
    order.truncate(args.kill);
    report.hosts.killed_with_data_shards = order.iter().filter(|index| holds(index)).count();
    let wanted = KILLED_DATA_MIN.min(args.kill).min(usize::from(args.data));
    if report.hosts.killed_with_data_shards < wanted {
        bail!(
            "only {} hosts hold data shards",
            report.hosts.killed_with_data_shards
        );
    }
    Ok(order)
}

/// Counts what the killed hosts hold, each from a process of its own.
async fn look(
    network: &DemoNetwork,
    victims: &[usize],
    renter: &Renter,
    object: &ObjectId,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    screen.step("looking into the killed hosts' volumes");
    let stat: StatSaid = renter
        .ask(&["stat", &object.to_string(), "--local", "--json"])
        .await?;
    for &index in victims {
        let host = network.host(index)?;
        let expected = stat
            .places
            .iter()
            .filter(|place| place.host == host.peer)
            .count();
        report.restart.shards_expected += u64::try_from(expected)?;
        report.restart.cheques_expected += u64::from(expected > 0);
        let dir = host.dir.to_string_lossy().into_owned();
        let holdings: Holdings = renter.ask(&["inspect", "--dir", &dir, "--json"]).await?;
        if holdings.damaged > 0 {
            bail!("host {index} holds {} damaged shards", holdings.damaged);
        }
        report.restart.shards_found += holdings.shards;
        report.restart.cheques_found += holdings.cheques;
    }
    screen.done(&format!(
        "{} shards, every byte verified",
        report.restart.shards_found
    ));
    Ok(())
}

/// Cashes every cheque and reads from the chain what became of it.
async fn settle(
    network: &DemoNetwork,
    renter: &Renter,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    screen.step("cashing every cheque");
    let before = balances(network).await?;
    let wallet: WalletSaid = renter.ask(&["wallet", "balance", "--json"]).await?;
    for host in &network.hosts {
        let dir = host.dir.to_string_lossy().into_owned();
        let api = host.ready.as_ref().and_then(|ready| ready.api);
        let api = api
            .ok_or_else(|| anyhow!("host {} has no api", host.peer))?
            .to_string();
        renter.say(&["cash", "--dir", &dir, "--api", &api]).await?;
    }
    let until = Instant::now() + CASH_TIMEOUT;
    loop {
        let cashed = network.chain.total_paid_out(wallet.vault).await?;
        if cashed >= wallet.issued || Instant::now() > until {
            report.settlement.cashed = cashed.to_string();
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    report.settlement.issued = wallet.issued.to_string();
    let delta = balances(network).await?.0.saturating_sub(before.0);
    report.settlement.host_balance_delta = Amount(delta).to_string();
    screen.done(&format!(
        "{} of {} paid",
        report.settlement.cashed, report.settlement.issued
    ));
    Ok(())
}

/// The sum of all hosts' token balances, read over JSON-RPC.
async fn balances(network: &DemoNetwork) -> anyhow::Result<Amount> {
    let mut sum = Amount::ZERO;
    for host in &network.hosts {
        sum = sum.plus(network.chain.token_balance(host.address).await?)?;
    }
    Ok(sum)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The largest resident memory any running host ever had, in MiB.
fn rss_max(network: &DemoNetwork) -> f64 {
    let peaks = network.host_pids().into_iter().filter_map(child::resident);
    peaks.map(|(peak, _)| mib(peak)).fold(0.0, f64::max)
}

/// The renter of the demo: the same command line a person uses, in its own process.
struct Renter {
    home: PathBuf,
}

impl Renter {
    async fn init(&self) -> anyhow::Result<host_core::Address> {
        #[derive(Deserialize)]
        struct Said {
            address: host_core::Address,
        }
        let said: Said = self.ask(&["renter", "init", "--json"]).await?;
        Ok(said.address)
    }

    async fn join(&self, network: &Path) -> anyhow::Result<()> {
        self.say(&["renter", "join", &network.to_string_lossy()])
            .await
    }

    fn command(&self, words: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(child::sibling("holdfast")?);
        command
            .args(words)
            .env("HOLDFAST_HOME", &self.home)
            .kill_on_drop(true);
        command.stdin(std::process::Stdio::null());
        Ok(command)
    }

    async fn say(&self, words: &[&str]) -> anyhow::Result<()> {
        self.output(words).await.map(|_| ())
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        let out = self.output(words).await?;
        let line = out.lines().last().unwrap_or_default();
        serde_json::from_str(line)
            .with_context(|| format!("`holdfast {}` said `{line}`", words.join(" ")))
    }

    /// Like `ask`, with the command's progress shown live.
    async fn ask_with_progress<T: serde::de::DeserializeOwned>(
        &self,
        words: &[&str],
        screen: &mut Screen,
    ) -> anyhow::Result<T> {
        screen.make_room();
        let mut command = self.command(words)?;
        let out = command
            .stderr(std::process::Stdio::inherit())
            .output()
            .await?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        if !out.status.success() {
            bail!("`holdfast {}` ended with {}", words.join(" "), out.status);
        }
        let line = text.lines().last().unwrap_or_default();
        serde_json::from_str(line).with_context(|| format!("put said `{line}`"))
    }

    async fn output(&self, words: &[&str]) -> anyhow::Result<String> {
        let out = self.command(words)?.output().await?;
        if !out.status.success() {
            let why = String::from_utf8_lossy(&out.stderr).trim().to_owned();
            bail!(
                "`holdfast {}` ended with {}: {why}",
                words.join(" "),
                out.status
            );
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }
}
