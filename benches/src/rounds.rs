//! Question: does a drive that uploads and downloads keep busy delay a period's proof?
//!
//! Unit: milliseconds a round of ten asked leaves, the 99th of a hundred: through the prover's own
//! ring and buffers, against the same reads through the store's while the same load runs,
//! alternating. Sixty-four readers of whole units and two writers of whole shards keep the drive
//! saturated. A second row is the slowest of all rounds against `BOUND_MS`, which is half the
//! window of a network whose epochs last twenty seconds; rounds beyond it would be missed proofs,
//! and the notes count them.
//!
//! Expected: a round is ten leaves side by side, two reads each. Behind 64 reads and writes of
//! others that each take up to a few milliseconds it waits for the device, not for a queue of ours:
//! tens of milliseconds; through the store's queue it stands behind all of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::executor::block_on;
use futures::future::try_join_all;
use host_core::ShardId;
use host_core::limits::UNIT_LEN;
use host_store::{AskedLeaves, Store};
use host_uring::{AnyDevice, Driver, OpenOptions};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::device::scatter;
use crate::rows::{Goal, Report, Row};
use crate::runtime;
use crate::verified::{SHARD_LEN, SHARDS, keep};
use crate::volume::{Volume, open_store};

/// Leaves of a round.
const DRAWS: u64 = 10;
/// Bytes of a leaf.
const LEAF: u64 = 256;
/// Readers and writers of the load.
const READERS: u64 = 64;
const WRITERS: u64 = 2;
/// What a round may take.
const BOUND_MS: f64 = 5_000.0;

/// Proves in rounds beside the load; `quick` only shows that it runs.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let (turns, rounds) = if quick { (1, 4) } else { (10, 1_000) };
    let size = 2 * SHARDS * SHARD_LEN as u64 + (256 << 20);
    let home = Volume::make(dir, size)?;
    let (store, ledger) = open_store(&home.path)?;
    let names = Arc::new(block_on(keep(&store, &ledger))?);
    let device = host_uring::open(&home.path, prover_options())?;
    let opened = block_on(AskedLeaves::open(
        vec![("proofs".to_owned(), device)],
        ledger.clone(),
    ));
    let (own, left_out) = opened;
    anyhow::ensure!(
        left_out.is_empty(),
        "the volume does not open: {left_out:?}"
    );
    let load = Load::start(&store, &names)?;
    let (mut pairs, mut slowest, mut missed) = (Vec::new(), 0.0_f64, 0);
    for turn in 0..turns {
        let seed = turn << 32;
        let ours = block_on(timed(rounds, seed, async |at| {
            by_prover(&own, &names, at).await
        }))?;
        let theirs = block_on(timed(rounds / 4, seed, async |at| {
            by_store(&store, &names, at).await
        }))?;
        slowest = slowest.max(ours.last().copied().unwrap_or_default());
        missed += ours.iter().filter(|span| **span > BOUND_MS).count();
        pairs.push((p99(&ours), p99(&theirs)));
    }
    let moved = load.stop();
    let name = "proof round p99, own way / shared";
    let rows = vec![
        Row::new(name, "ms", &pairs, Goal::AtMost(1.0)),
        Row::new(
            "slowest proof round / half window",
            "ms",
            &[(slowest, BOUND_MS)],
            Goal::AtMost(1.0),
        ),
    ];
    let all = turns * rounds;
    let note = format!(
        "rounds: {all} at a drive with {READERS} readers and {WRITERS} writers, {} MiB moved \
         meanwhile, the slowest {slowest:.0} ms: {missed} missed",
        moved >> 20
    );
    Ok(Report {
        rows,
        notes: vec![note],
    })
}

/// As the daemon opens a volume for proofs.
const fn prover_options() -> OpenOptions {
    OpenOptions {
        create_size: None,
        arena_bytes: 2 << 20,
        queue_depth: 8,
        driver: Driver::Auto,
    }
}

/// Milliseconds of each round, sorted.
async fn timed(
    rounds: u64,
    seed: u64,
    round: impl AsyncFn(u64) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<f64>> {
    let mut spans = Vec::new();
    for number in 0..rounds.max(1) {
        let start = Instant::now();
        round(seed + number * DRAWS).await?;
        spans.push(start.elapsed().as_secs_f64() * 1e3);
    }
    spans.sort_by(f64::total_cmp);
    Ok(spans)
}

fn p99(sorted: &[f64]) -> f64 {
    let at = (sorted.len() * 99 / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// A shard and a leaf of it, as if by chance.
fn drawn(names: &[ShardId], at: u64) -> anyhow::Result<(ShardId, u64)> {
    let chance = scatter(at);
    let shard = names.get(usize::try_from(chance % SHARDS)?);
    let leaves = SHARD_LEN as u64 / LEAF;
    Ok((*shard.context("a shard a number")?, (chance >> 32) % leaves))
}

async fn by_prover(own: &AskedLeaves<AnyDevice>, names: &[ShardId], at: u64) -> anyhow::Result<()> {
    let asked = (at..at + DRAWS).map(|at| async move {
        let (shard, leaf) = drawn(names, at)?;
        own.leaf(&shard, leaf).await?.context("it is kept")
    });
    try_join_all(asked).await.map(drop)
}

async fn by_store(store: &Store<AnyDevice>, names: &[ShardId], at: u64) -> anyhow::Result<()> {
    let asked = (at..at + DRAWS).map(|at| async move {
        let (shard, leaf) = drawn(names, at)?;
        let unit = UNIT_LEN as u64;
        let mut reader = store.open_shard(&shard).await?.context("it is kept")?;
        reader.read(leaf * LEAF / unit * unit, unit).await?;
        anyhow::Ok(())
    });
    try_join_all(asked).await.map(drop)
}

/// What keeps the drive busy.
struct Load {
    runtime: Runtime,
    ended: Arc<AtomicBool>,
    moved: Arc<AtomicU64>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Load {
    fn start(store: &Store<AnyDevice>, names: &Arc<Vec<ShardId>>) -> anyhow::Result<Self> {
        let runtime = runtime::like_the_daemons()?;
        let (ended, moved) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut tasks = JoinSet::new();
        for number in 0..READERS + WRITERS {
            let (store, names) = (store.clone(), Arc::clone(names));
            let (ended, moved) = (Arc::clone(&ended), Arc::clone(&moved));
            let work = async move {
                let mut at = number << 40;
                while !ended.load(Ordering::Relaxed) {
                    let bytes = match number < READERS {
                        true => read(&store, &names, &mut at).await?,
                        false => write(&store, &mut at).await?,
                    };
                    moved.fetch_add(bytes, Ordering::Relaxed);
                }
                Ok(())
            };
            tasks.spawn_on(work, runtime.handle());
        }
        Ok(Self {
            runtime,
            ended,
            moved,
            tasks,
        })
    }

    /// Ends it; bytes it moved.
    fn stop(mut self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.runtime.block_on(async {
            let _ = tokio::time::timeout(Duration::from_secs(10), async {
                while self.tasks.join_next().await.is_some() {}
            })
            .await;
        });
        self.moved.load(Ordering::Relaxed)
    }
}

/// Reads units of one shard; bytes.
async fn read(store: &Store<AnyDevice>, names: &[ShardId], at: &mut u64) -> anyhow::Result<u64> {
    let (shard, _) = drawn(names, *at)?;
    let mut reader = store.open_shard(&shard).await?.context("it is kept")?;
    let unit = UNIT_LEN as u64;
    for _ in 0..16 {
        *at += 1;
        let (_, leaf) = drawn(names, *at)?;
        reader.read(leaf * LEAF / unit * unit, unit).await?;
    }
    Ok(16 * unit)
}

/// Writes a shard and gives it up; bytes.
async fn write(store: &Store<AnyDevice>, at: &mut u64) -> anyhow::Result<u64> {
    *at += 1;
    let mut shard = [0; 32];
    shard[..8].copy_from_slice(&at.to_le_bytes());
    let reservation = store.reserve(SHARD_LEN as u64)?;
    let mut writer = store.writer(reservation, ShardId(shard))?;
    let run = vec![7; UNIT_LEN];
    for _ in 0..SHARD_LEN / UNIT_LEN {
        writer.append(&run).await?;
    }
    Ok(SHARD_LEN as u64)
}

#[cfg(test)]
mod tests;
