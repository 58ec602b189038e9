//! The guards of a demo or a drill: processes that a renter names for its object at the put. When
//! hosts die they find the shards missing, each on its own, and rebuild what they may on hosts that
//! are free; encrypted as it is.
//!
//! Enters: the running network. Leaves: what the guards say in their signed words, whether their
//! audits hold when another program checks them, and what the renter took over. Does not: tell a
//! guard anything that a stranger could not tell it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use host_core::identity::SecretKey;
use host_core::{Address, Amount, Digest32, ObjectId};
use serde::Deserialize;

use super::child::Program;
use super::network::{DemoNetwork, LISTEN};
use super::report::RepairReport;
use super::{Renter, mib};

/// What a guard may promise for repairs, and has in its vault: smallest units.
const BUDGET: Amount = Amount(1_000_000_000_000_000_000);
/// Seconds in which every shard is challenged once.
const ROUND: &str = "4";
/// Longest wait for the repair: many rounds, for a machine that is busy.
const REPAIR_MAX: Duration = Duration::from_secs(150);
/// Longest wait until hosts see the chain, which they look at every two seconds.
const HOSTS_LOOK_MAX: Duration = Duration::from_secs(60);
/// Blocks a host may be behind: a quarter of an epoch.
const BEHIND: u64 = 5;
/// Between two questions to the guards, each a process of its own.
const LOOK_EVERY: Duration = Duration::from_millis(1000);

/// A guard: its directory, its key, and its process while it runs.
pub(crate) struct GuardBox {
    dir: PathBuf,
    key: SecretKey,
    vault: Address,
    place: String,
    program: Option<Program>,
}

/// What a guard says when it serves.
#[derive(Debug, Deserialize)]
struct Ready {
    guard: String,
}

/// What `holdfast guard show --json` says.
#[derive(Debug, Deserialize)]
struct Standing {
    shards: Option<(u64, u64, u64)>,
    audits: u64,
    repaired: u64,
}

/// What `holdfast guard check --json` says.
#[derive(Debug, Deserialize)]
struct Checked {
    verdicts: u64,
    repeated: u64,
    liars: Vec<(String, String)>,
}

/// What `holdfast guard adopt --json` says.
#[derive(Debug, Deserialize)]
struct Adopted {
    taken: u64,
}

impl GuardBox {
    /// Writes a guard's key where the guard looks for it, so that its account is known before the
    /// chain begins.
    pub(super) fn make(dir: &Path, index: usize, key: SecretKey) -> anyhow::Result<Self> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let dir = dir.join(format!("guard-{index}"));
        std::fs::create_dir_all(&dir)?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(dir.join("identity.key"))?;
        let bytes = key.expose();
        let digits = hex::encode(bytes);
        writeln!(file, "{digits}")?;
        Ok(Self {
            dir,
            key,
            vault: Address::ZERO,
            place: String::new(),
            program: None,
        })
    }

    /// Its account.
    pub(super) fn account(&self) -> Address {
        self.key.address()
    }

    /// Its process id, while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.program.as_ref().and_then(Program::pid)
    }

    /// Its process, which is its owner's to end from now on.
    pub(super) fn take(&mut self) -> Option<Program> {
        self.program.take()
    }

    /// Gives it money for repairs and starts it.
    async fn start(&mut self, index: usize, network: &Start) -> anyhow::Result<()> {
        let chain = network.chain.clone().with_key(self.key.clone());
        self.vault = chain.fill_vault(Digest32([0; 32]), BUDGET).await?;
        let data = self.dir.to_string_lossy().into_owned();
        let words = [
            "guard",
            "--network",
            &network.file,
            "--data",
            &data,
            "--listen",
            LISTEN,
            "--until-stdin-ends",
        ];
        let words: Vec<String> = words.map(str::to_owned).to_vec();
        let log = network.logs.join(format!("guard-{index}.log"));
        let (program, ready): (Program, Ready) =
            Program::start("holdfast-services", &words, &log).await?;
        (self.program, self.place) = (Some(program), ready.guard);
        Ok(())
    }
}

/// What every guard of a network starts with.
struct Start {
    chain: host_chain::EvmChain,
    file: String,
    logs: PathBuf,
}

/// Starts all guards side by side, and lets every host see the blocks that stakes and vaults made:
/// a host admits terms of the epoch it knows, and here epochs pass within seconds.
pub(super) async fn start(network: &mut DemoNetwork) -> anyhow::Result<()> {
    let with = Start {
        chain: network.chain.clone(),
        file: network.file.to_string_lossy().into_owned(),
        logs: network.logs.clone(),
    };
    let guards = network.guards.iter_mut().enumerate();
    let starts = guards.map(|(index, guard)| guard.start(index, &with));
    for started in futures::future::join_all(starts).await {
        started?;
    }
    let seen = tokio::time::timeout(HOSTS_LOOK_MAX, network.hosts_see_chain(BEHIND));
    seen.await
        .context("waiting for the hosts to see the chain")?
}

/// The words of a put that names every guard.
pub(super) fn words(network: &DemoNetwork) -> Vec<String> {
    let mut words = Vec::new();
    for guard in &network.guards {
        words.extend(["--guard".to_owned(), guard.place.clone()]);
    }
    let budget = BUDGET.to_string();
    words.extend(["--guard-round", ROUND, "--repair-budget", &budget].map(str::to_owned));
    words
}

/// What the guards' vaults have paid to hosts, read from the chain.
pub(super) async fn paid(network: &DemoNetwork) -> anyhow::Result<Amount> {
    let mut sum = Amount::ZERO;
    for guard in &network.guards {
        if guard.vault != Address::ZERO {
            sum = sum.plus(network.chain.total_paid_out(guard.vault).await?)?;
        }
    }
    Ok(sum)
}

/// Waits until the guards have given `wanted` shards a new place, or too long.
pub(super) async fn watch(
    renter: &Renter,
    object: &ObjectId,
    wanted: u64,
) -> anyhow::Result<RepairReport> {
    let started = Instant::now();
    let id = object.to_string();
    let mut report = RepairReport::default();
    while report.repaired < wanted && started.elapsed() < REPAIR_MAX {
        tokio::time::sleep(LOOK_EVERY).await;
        let all: Vec<Standing> = renter.ask(&["guard", "show", &id, "--json"]).await?;
        report.audits = all.iter().map(|one| one.audits).sum();
        report.repaired = all.iter().map(|one| one.repaired).sum();
        let lost = all.iter().filter_map(|one| one.shards);
        let lost = lost.map(|(_, lost, _)| lost).max().unwrap_or(0);
        report.lost_seen = report.lost_seen.max(lost);
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Has the audits of the guard with this number checked by another program.
pub(super) async fn check(
    network: &DemoNetwork,
    index: usize,
    renter: &Renter,
    object: &ObjectId,
    report: &mut RepairReport,
) -> anyhow::Result<()> {
    let guard = network.guards.get(index).context("there is such a guard")?;
    let file = guard.dir.join("audits-said");
    let (id, said) = (object.to_string(), file.to_string_lossy().into_owned());
    renter
        .say(&["guard", "audits", &id, "--guard", &guard.place, "-o", &said])
        .await?;
    let checked: Checked = renter.ask(&["guard", "check", &said, "--json"]).await?;
    if !checked.liars.is_empty() || checked.repeated > 0 {
        bail!("a guard's audits do not hold: {:?}", checked.liars);
    }
    report.audits_checked = checked.verdicts;
    report.audits_mib = mib(std::fs::metadata(&file)?.len());
    Ok(())
}

/// The renter takes the repairs over; how many shards.
pub(super) async fn adopt(renter: &Renter, object: &ObjectId) -> anyhow::Result<u64> {
    let words = ["guard", "adopt", &object.to_string(), "--json"];
    let adopted: Adopted = renter.ask(&words).await?;
    Ok(adopted.taken)
}
