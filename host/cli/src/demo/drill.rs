//! `holdfast drill`: what the network promises when things break, tried on real processes.
//!
//! Enters: a number of hosts and a geometry. Leaves: a matrix, one row a failure: what was
//! promised, whether the file came back, whether its bytes were right, how long it took; as JSON,
//! Markdown and SVG. Invariants: up to `parity` holders lost, slow or lying the file comes back
//! bit for bit; with one more it is refused, and nothing but the right bytes is ever given out.
//! Hosts are killed without a word, stopped in their tracks, or changed on their drives.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use host_core::{ObjectId, PeerId};
use tokio::process::Command;

use super::network::{DemoNetwork, Shape};
use super::place::Place;
use super::{DEPOSIT, PutSaid, Renter, guards, hash, proofs};

mod paper;

use paper::{Matrix, Row};

/// Bytes of the file that is drilled with: one segment, so that one host holds one shard.
const FILE_BYTES: usize = 3 << 20;
/// Guards of a drill: one dies, one repairs, one confirms.
const GUARDS: usize = 3;
/// Longest time one case may take; a hang is a failure.
const CASE_MAX: Duration = Duration::from_secs(240);
/// Bytes looked at when shards are searched on a volume.
const BLOCK: usize = 4096;

/// Breaks a network of this machine in every way and writes what held.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// Host processes
    #[arg(long, default_value_t = 40)]
    hosts: usize,
    /// Data shards a segment
    #[arg(long, default_value_t = 10)]
    data: u16,
    /// Parity shards a segment
    #[arg(long, default_value_t = 20)]
    parity: u16,
    /// Where the network lives; a new or empty directory, removed at the end
    #[arg(long)]
    dir: Option<PathBuf>,
    /// End after the drill (it always does; for scripts that say so everywhere)
    #[arg(long)]
    exit: bool,
    /// Write the matrix here as JSON, and beside it as Markdown and SVG
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs the drill; true when every promise held.
pub(crate) async fn run(args: DrillArgs) -> anyhow::Result<bool> {
    let total = usize::from(args.data) + usize::from(args.parity);
    if args.hosts < total {
        bail!("--hosts {} is less than the {total} shards", args.hosts);
    }
    tokio::select! {
        ended = drill(&args) => ended,
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("waiting for Ctrl-C")?;
            eprintln!("\nstopped; the network and its directory are removed");
            Ok(false)
        }
    }
}

async fn drill(args: &DrillArgs) -> anyhow::Result<bool> {
    let place = Place::make(args.dir.as_deref(), false)?;
    let renter = Renter {
        home: place.path("renter"),
    };
    let account = renter.init().await?;
    let shape = Shape {
        hosts: args.hosts,
        spares: usize::from(args.hosts == usize::from(args.data) + usize::from(args.parity)),
        guards: GUARDS,
        volume: 96 << 20,
    };
    eprintln!("starting {} hosts", args.hosts);
    let mut network = DemoNetwork::start(place.dir(), shape, &[account]).await?;
    let drilled = cases(args, &place, &renter, &mut network).await;
    network.stop().await?;
    let matrix = drilled?;
    matrix.print()?;
    if let Some(path) = &args.report {
        matrix.write(path)?;
    }
    Ok(matrix.held())
}

async fn cases(
    args: &DrillArgs,
    place: &Place,
    renter: &Renter,
    network: &mut DemoNetwork,
) -> anyhow::Result<Matrix> {
    renter.join(&network.file).await?;
    renter.say(&["wallet", "wrap", DEPOSIT]).await?;
    renter.say(&["wallet", "deposit", DEPOSIT]).await?;
    proofs::stake(network).await?;
    network.start_guards().await?;
    let mut drill = Drill::begin(args, place, renter, network).await?;
    let parity = usize::from(args.parity);
    drill.losses(parity).await?;
    drill.slow(parity).await?;
    drill.churn(parity).await?;
    drill.guard(args).await?;
    drill.services().await?;
    drill.chain().await?;
    drill.corrupt(parity).await?;
    Ok(drill.matrix)
}

/// A drill under way: a network, an object on it, and the rows so far.
struct Drill<'a> {
    renter: &'a Renter,
    network: &'a mut DemoNetwork,
    file: PathBuf,
    out: PathBuf,
    words: [String; 2],
    sha256: String,
    object: ObjectId,
    /// Hosts that hold a shard, those of data first.
    holders: Vec<usize>,
    matrix: Matrix,
}

impl<'a> Drill<'a> {
    async fn begin(
        args: &DrillArgs,
        place: &Place,
        renter: &'a Renter,
        network: &'a mut DemoNetwork,
    ) -> anyhow::Result<Self> {
        let file = place.path("file");
        // Bytes that do not compress and differ everywhere: a hash chain.
        std::fs::write(&file, noise(FILE_BYTES))?;
        let (_, sha256) = hash::of_file(&file)?;
        let words = [args.data.to_string(), args.parity.to_string()];
        let object = put(renter, &file, &words, &[]).await?;
        let holders = holders(renter, network, &object).await?;
        if holders.len() != usize::from(args.data) + usize::from(args.parity) {
            bail!("{} hosts hold shards", holders.len());
        }
        Ok(Self {
            matrix: Matrix::new(args.hosts, args.data, args.parity),
            out: place.path("out"),
            renter,
            network,
            file,
            words,
            sha256,
            object,
            holders,
        })
    }

    /// Gets the file and writes the row down.
    async fn get(&mut self, case: String, expected: bool) -> anyhow::Result<()> {
        let (object, started) = (self.object, Instant::now());
        self.get_of(&object, case, expected, started).await
    }

    /// Gets an object of the same bytes.
    async fn get_of(
        &mut self,
        object: &ObjectId,
        case: String,
        expected: bool,
        started: Instant,
    ) -> anyhow::Result<()> {
        let (id, out) = (object.to_string(), self.out.to_string_lossy().into_owned());
        let words = ["get", &id, "-o", &out];
        let got = tokio::time::timeout(CASE_MAX, self.renter.say(&words)).await;
        let why = match &got {
            Ok(Ok(())) => None,
            Ok(Err(err)) => Some(format!("{err:#}")),
            Err(_) => Some(format!("no end within {} s", CASE_MAX.as_secs())),
        };
        // Refused means that nothing was given out, right or wrong.
        let right = match why.is_none() {
            true => hash::of_file(&self.out)?.1 == self.sha256,
            false => !self.out.exists(),
        };
        let _ = std::fs::remove_file(&self.out);
        self.note(case, expected, (why, right), started)
    }

    fn note(
        &mut self,
        case: String,
        expected: bool,
        (why, right): (Option<String>, bool),
        started: Instant,
    ) -> anyhow::Result<()> {
        let row = Row {
            case,
            expected,
            completed: why.is_none(),
            sha256_ok: right,
            seconds: started.elapsed().as_secs_f64(),
            why,
        };
        row.print()?;
        self.matrix.rows.push(row);
        Ok(())
    }

    /// From nobody lost to one more than parity covers, data shards first.
    async fn losses(&mut self, parity: usize) -> anyhow::Result<()> {
        let mut lost = 0;
        let steps = [0, 1, parity / 2, parity - 1, parity, parity + 1];
        for (at, step) in steps.into_iter().enumerate() {
            let more: Vec<usize> = self.holders.iter().copied().take(step).skip(lost).collect();
            if at > 0 && more.is_empty() {
                continue;
            }
            self.network.kill_hosts(&more).await?;
            lost = step;
            self.get(format!("{lost} holders killed"), lost <= parity)
                .await?;
        }
        let dead: Vec<usize> = self.holders.iter().copied().take(lost).collect();
        self.network.start_hosts(&dead).await?;
        self.get(format!("{lost} holders back"), true).await
    }

    /// Hosts that take connections and say nothing: the kernel answers, the process is stopped.
    async fn slow(&mut self, parity: usize) -> anyhow::Result<()> {
        for count in [1, parity] {
            let pids = self.pids(count)?;
            signal("-STOP", &pids).await?;
            let got = self
                .get(format!("{count} holders stopped in their tracks"), true)
                .await;
            signal("-CONT", &pids).await?;
            got?;
        }
        Ok(())
    }

    fn pids(&self, count: usize) -> anyhow::Result<Vec<u32>> {
        let chosen = self.holders.iter().take(count);
        let hosts = chosen.map(|index| self.network.host(*index));
        let pids: anyhow::Result<Vec<Option<u32>>> = hosts
            .map(|host| Ok(host?.program.as_ref().and_then(super::child::Program::pid)))
            .collect();
        Ok(pids?.into_iter().flatten().collect())
    }

    /// Hosts go and come back while the file is read and another one is stored.
    async fn churn(&mut self, parity: usize) -> anyhow::Result<()> {
        for round in 0..3 {
            let going: Vec<usize> = self
                .holders
                .iter()
                .copied()
                .cycle()
                .skip(round * parity / 2)
                .take(parity / 2)
                .collect();
            self.network.kill_hosts(&going).await?;
            self.get(format!("churn, round {}", round + 1), true)
                .await?;
            self.network.start_hosts(&going).await?;
        }
        Ok(())
    }

    /// The guard whose turn it is dies, then so many hosts that repair is due: the next guard
    /// rebuilds on free hosts, and the file comes back when the first places alone could not give
    /// it.
    async fn guard(&mut self, args: &DrillArgs) -> anyhow::Result<()> {
        let (data, parity) = (usize::from(args.data), usize::from(args.parity));
        let watched = guards::words(self.network);
        let object = put(self.renter, &self.file, &self.words, &watched).await?;
        let holders = holders(self.renter, self.network, &object).await?;
        let made = self.network.hosts.len();
        let joining: Vec<usize> = (args.hosts..made).collect();
        self.network.start_hosts(&joining).await?;
        let started = Instant::now();
        self.network.kill_guard(0).await?;
        let mut dead: Vec<usize> = holders.iter().copied().take(parity).collect();
        self.network.kill_hosts(&dead).await?;
        let wanted = u64::try_from((made - data - parity).min(parity))?;
        let told = guards::watch(self.renter, &object, wanted).await?;
        if told.repaired > 0 {
            guards::adopt(self.renter, &object).await?;
        }
        let one = holders.get(parity).copied().context("a host lives")?;
        self.network.kill_hosts(&[one]).await?;
        dead.push(one);
        let case = format!("dead guard, {} shards rebuilt by the next", told.repaired);
        self.get_of(&object, case, true, started).await?;
        self.network.start_hosts(&dead).await
    }

    /// Hub and status server die: what is stored comes back, and a put finds hosts it remembers.
    async fn services(&mut self) -> anyhow::Result<()> {
        self.network.kill_service("status").await?;
        self.get("dead status server".into(), true).await?;
        self.network.kill_service("hub").await?;
        self.get("dead hub".into(), true).await?;
        let started = Instant::now();
        let other = self.file.with_extension("other");
        std::fs::write(&other, noise(FILE_BYTES / 2))?;
        let stored = put(self.renter, &other, &self.words, &[]);
        let stored = tokio::time::timeout(CASE_MAX, stored).await;
        let why = match stored {
            Ok(Ok(_)) => None,
            Ok(Err(err)) => Some(format!("{err:#}")),
            Err(_) => Some(format!("no end within {} s", CASE_MAX.as_secs())),
        };
        let right = why.is_none();
        self.note("dead hub, a new put".into(), true, (why, right), started)
    }

    /// Nobody answers for the chain: what is stored and paid for comes back all the same.
    async fn chain(&mut self) -> anyhow::Result<()> {
        self.network.kill_service("chain").await?;
        self.get("dead chain".into(), true).await
    }

    /// Shards changed on the drives of hosts that do not know it: the last cases, since a host that
    /// found a shard changed gives it out no more. Hub and chain are still dead.
    async fn corrupt(&mut self, parity: usize) -> anyhow::Result<()> {
        let mut done = 0;
        for count in [1, parity, parity + 1] {
            let more: Vec<usize> = self
                .holders
                .iter()
                .copied()
                .take(count)
                .skip(done)
                .collect();
            self.network.kill_hosts(&more).await?;
            for index in &more {
                let volume = self.network.host(*index)?.dir.join("volume-0");
                let changed = tokio::task::spawn_blocking(move || change_shards(&volume));
                if changed.await?? == 0 {
                    bail!("no shard was found on the volume of host {index}");
                }
            }
            self.network.start_hosts(&more).await?;
            done = count;
            self.get(
                format!("{count} holders with changed shards"),
                count <= parity,
            )
            .await?;
        }
        Ok(())
    }
}

/// Hosts that hold a shard of an object, those of data first.
async fn holders(
    renter: &Renter,
    network: &DemoNetwork,
    object: &ObjectId,
) -> anyhow::Result<Vec<usize>> {
    let mut places = renter.stat(object).await?.places;
    places.sort_by_key(|place| place.index);
    let mut seen = BTreeSet::new();
    let peers: Vec<PeerId> = places.iter().map(|place| place.host).collect();
    let index = |peer: &PeerId| network.hosts.iter().position(|host| host.peer == *peer);
    let holders = peers.iter().filter_map(index);
    Ok(holders.filter(|index| seen.insert(*index)).collect())
}

async fn put(
    renter: &Renter,
    file: &Path,
    words: &[String; 2],
    watched: &[String],
) -> anyhow::Result<ObjectId> {
    let [data, parity] = words;
    let path = file.to_string_lossy();
    let mut words = vec![
        "put", &path, "--days", "1", "--data", data, "--parity", parity, "--json",
    ];
    words.extend(watched.iter().map(String::as_str));
    let said: PutSaid = renter.ask(&words).await?;
    Ok(said.id)
}

/// Sends a signal to processes of this network.
async fn signal(which: &str, pids: &[u32]) -> anyhow::Result<()> {
    let pids = pids.iter().map(ToString::to_string);
    let ended = Command::new("kill").arg(which).args(pids).status().await;
    let ended = ended.context("running `kill`")?;
    if !ended.success() {
        bail!("`kill {which}` ended with {ended}");
    }
    Ok(())
}

/// Bytes that look like nothing: SplitMix64 from a fixed seed.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x5eed_u64 ^ u64::try_from(len).unwrap_or_default();
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Flips one byte in every block of a volume that looks like sealed bytes; twice is never. Returns
/// how many.
fn change_shards(volume: &Path) -> anyhow::Result<usize> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(volume)
        .with_context(|| format!("opening {}", volume.display()))?;
    let mut block = [0; BLOCK];
    let (mut at, mut changed) = (0, 0);
    while file.read_at(&mut block, at)? == BLOCK {
        // Sealed bytes are even: among 4,096 of them hardly a value is missing.
        let mut seen = [false; 256];
        for byte in &block {
            if let Some(one) = seen.get_mut(usize::from(*byte)) {
                *one = true;
            }
        }
        if seen.iter().filter(|one| **one).count() > 240 {
            file.write_at(&[block[0] ^ 1], at)?;
            changed += 1;
        }
        at += BLOCK as u64;
    }
    file.sync_all()?;
    Ok(changed)
}

#[cfg(test)]
mod tests;
