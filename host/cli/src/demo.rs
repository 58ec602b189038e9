//! `holdfast demo`: a whole network on one machine and a real file through it.
//!
//! The story, each step on the real programs: start chain, hub and hosts; put a file; get it; kill
//! hosts that hold data shards; get it again; look into the killed hosts' volumes from another
//! process; let other hosts join and the guards repair onto them; kill one more, so that what was
//! rebuilt is needed, and get it again; start the killed ones again; cash every cheque. What is
//! reported is read from outside: figures of money over JSON-RPC, shards from reopened volumes, the
//! hash from the file that came out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use host_core::{ObjectId, PeerId};
use host_daemon::inspect::Holdings;
use serde::Deserialize;
use tokio::process::Command;

mod child;
pub(crate) mod drill;
mod guards;
mod hash;
mod network;
mod place;
pub(crate) mod private;
mod proofs;
mod report;
mod screen;
mod settle;

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
/// Guards: one finds, the other confirms.
const GUARDS: usize = 2;
/// Hosts that join after the kill: as many shards of a segment can be rebuilt.
const SPARES: usize = report::MARGIN;
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
        spares: SPARES,
        guards: GUARDS,
        volume,
    };
    let mut network = DemoNetwork::start(place.dir(), shape, &[account]).await?;
    screen.done(&format!(
        "{} host processes, a chain, a hub, a status server",
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
    screen.step("filling the vaults, staking for the hosts, starting two guards");
    let vault = async {
        renter.say(&["wallet", "wrap", DEPOSIT]).await?;
        renter.say(&["wallet", "deposit", DEPOSIT]).await
    };
    tokio::try_join!(vault, proofs::stake(network))?;
    network.start_guards().await?;
    screen.done("deposited, watching");
    let watched = guards::words(network);
    let object = put(args, file, &watched, renter, report, screen).await?;
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
    let stat = renter.stat(&object).await?;
    let mut victims = victims(args, &stat, network, report)?;
    report.host_rss_mib_max = rss_max(network);
    screen.step(&format!("killing {} hosts", victims.len()));
    report.hosts.killed = network.kill_hosts(&victims).await?;
    screen.done("killed without a word");
    let what = "getting it from those that are left";
    report.get_after_kill = get(renter, &object, &place.path("out-2"), screen, what).await?;
    look(network, &victims, renter, &stat, report, screen).await?;
    if report.repair_is_due() {
        mend(network, renter, &object, &stat, report, screen).await?;
        let more = kill_more(network, report, screen).await?;
        let what = "getting it, which needs what was rebuilt";
        report.repair.get = get(renter, &object, &place.path("out-3"), screen, what).await?;
        victims.extend(more);
    }
    screen.step("starting the killed hosts again");
    network.start_hosts(&victims).await?;
    screen.done("serving");
    settle::run(network, renter, report, screen).await
}

/// Hosts join, the guards repair onto them, and the renter takes the new places over.
async fn mend(
    network: &mut DemoNetwork,
    renter: &Renter,
    object: &ObjectId,
    stat: &StatSaid,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    screen.step(&format!("{SPARES} hosts join, the guards repair"));
    let first = report.hosts.started;
    let spares: Vec<usize> = (first..first + SPARES).collect();
    network.start_hosts(&spares).await?;
    // Each host takes one shard of a segment.
    let total = usize::from(report.geometry.data) + usize::from(report.geometry.parity);
    let segments = stat.places.len() / total.max(1);
    let wanted = u64::try_from(segments * SPARES.min(report.hosts.killed))?;
    let mut told = guards::watch(renter, object, wanted).await?;
    told.joined = spares.len();
    guards::check(network, 0, renter, object, &mut told).await?;
    if told.repaired > 0 {
        told.adopted = guards::adopt(renter, object).await?;
    }
    screen.done(&format!(
        "{} of {} lost shards rebuilt, {} verdicts checked",
        told.repaired, told.lost_seen, told.audits_checked
    ));
    report.repair = told;
    Ok(())
}

/// Kills so many of the first hosts more that they alone could not give the file back.
async fn kill_more(
    network: &mut DemoNetwork,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<Vec<usize>> {
    let first = network.hosts.iter().take(report.hosts.started).enumerate();
    let living = first.filter(|(_, host)| host.program.is_some());
    let living = living.map(|(index, _)| index);
    let more: Vec<usize> = living.take(report.kill_more()).collect();
    screen.step(&format!("killing {} more", more.len()));
    report.repair.killed_more = network.kill_hosts(&more).await?;
    screen.done("too few of the first places are left");
    Ok(more)
}

async fn put(
    args: &DemoArgs,
    file: &Path,
    watched: &[String],
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
    let mut words = vec![
        "put", &path, "--days", "1", "--data", &data, "--parity", &parity, "--json",
    ];
    words.extend(watched.iter().map(String::as_str));
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
fn victims(
    args: &DemoArgs,
    stat: &StatSaid,
    network: &DemoNetwork,
    report: &mut Report,
) -> anyhow::Result<Vec<usize>> {
    let with_data: BTreeSet<PeerId> = stat
        .places
        .iter()
        .filter(|p| p.index < args.data)
        .map(|p| p.host)
        .collect();
    let mut order: Vec<usize> = (0..args.hosts).collect();
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
    stat: &StatSaid,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    screen.step("looking into the killed hosts' volumes");
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

    /// What the book says of an object.
    async fn stat(&self, object: &ObjectId) -> anyhow::Result<StatSaid> {
        let id = object.to_string();
        self.ask(&["stat", &id, "--local", "--json"]).await
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
            bail!(
                "`holdfast {}` ended with {}: {}",
                words.join(" "),
                out.status,
                text.trim()
            );
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
