//! Question: what does it cost that no byte of a shard leaves a host unchecked?
//!
//! Unit: MiB/s of random units of 64 KiB, eight at a time, read by the store and checked against
//! the tree in the shard's footer, beside fio's random reads of 64 KiB on the same file; and the
//! 99th of a hundred waits for the first unit of a shard nobody has open (a look into the ledger,
//! the footer, the unit, one after the other) beside fio's 99th of a hundred at depth 1. Alternating
//! rounds on one written file of 64 MiB of shards. Goals: rate 0.90, wait 2.
//!
//! Expected: the device takes 50 us of CPU a unit and hashing 64 KiB 15 to 30 us, which overlaps
//! with the other seven reads: 0.9 to 1. The wait is that of two reads, a footer of 4 KiB and a
//! unit. A range of 4 KiB costs a whole unit too, so beside a random read of 4 KiB the ratio in
//! bytes asked for is a sixteenth of the first row's: the tree is kept from 64 KiB up, a sixteenth of
//! what keeping it from 4 KiB would take.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::executor::block_on;
use futures::future::try_join_all;
use host_core::ShardId;
use host_core::limits::UNIT_LEN;
use host_ledger::Ledger;
use host_proof::TreeBuilder;
use host_store::Store;
use host_uring::AnyDevice;

use crate::device::{Case, Peer, scatter};
use crate::ledger::opened;
use crate::rows::{Goal, Report, Row};
use crate::runtime;
use crate::volume::{Volume, open_store};

/// Bytes of a shard, those of the default geometry.
pub(crate) const SHARD_LEN: usize = 4 << 20;
pub(crate) const SHARDS: u64 = 16;
const DEPTH: usize = 8;

/// Measures both; `quick` only proves that it runs. A missing fio is a remark.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let (rounds, millis) = if quick { (1, 50) } else { (7, 500) };
    let span = Duration::from_millis(millis);
    let mut report = Report::default();
    let size = 2 * SHARDS * SHARD_LEN as u64 + (256 << 20);
    let home = Volume::make(dir, size)?;
    let peer = match Peer::find(&home.path) {
        Ok(peer) => peer,
        Err(why) => {
            report.notes.push(why);
            return Ok(report);
        }
    };
    let runtime = runtime::like_the_daemons()?;
    let (store, ledger) = open_store(&home.path)?;
    let names = block_on(keep(&store, &ledger))?;
    let kept = Arc::new(Kept {
        store,
        names,
        turn: AtomicU64::new(0),
    });
    let (mut rates, mut waits) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let run = Arc::clone(&kept);
        let ours = runtime.block_on(runtime.spawn(async move { run.rate(span).await }))??;
        let theirs = peer.run(&case(DEPTH), span, size)?;
        rates.push((ours, theirs.mib_s));
        let run = Arc::clone(&kept);
        let ours = runtime.block_on(runtime.spawn(async move { run.wait().await }))??;
        waits.push((ours, peer.run(&case(1), span, size)?.p99_us));
    }
    let name = "verified read random 64k qd8 / fio";
    let rate = Row::new(name, "MiB/s", &rates, Goal::AtLeast(0.9));
    let name = "first 64k of a shard, p99 / device";
    let wait = Row::new(name, "us", &waits, Goal::AtMost(2.0));
    report.rows = vec![rate, wait];
    Ok(report)
}

const fn case(depth: usize) -> Case {
    Case {
        write: false,
        random: true,
        block: UNIT_LEN,
        depth,
    }
}

/// Writes and records the shards.
pub(crate) async fn keep(
    store: &Store<AnyDevice>,
    ledger: &Ledger,
) -> anyhow::Result<Vec<ShardId>> {
    let mut names = Vec::new();
    for number in 0..SHARDS {
        let mut body = vec![0; SHARD_LEN];
        for (word, at) in body.chunks_exact_mut(8).zip(number << 32..) {
            word.copy_from_slice(&scatter(at).to_le_bytes());
        }
        let mut tree = TreeBuilder::new();
        tree.push(&body);
        let shard = tree.finish()?.shard_id();
        let mut writer = store.writer(store.reserve(SHARD_LEN as u64)?, shard)?;
        writer.append(&body).await?;
        let (agreement, fact) = opened(number, shard, SHARD_LEN as u64);
        let sealed = writer.seal(agreement, 30).await?;
        ledger.commit(vec![fact, sealed.fact(agreement)]).await?;
        sealed.committed();
        names.push(shard);
    }
    Ok(names)
}

/// Shards to read from.
struct Kept {
    store: Store<AnyDevice>,
    names: Vec<ShardId>,
    turn: AtomicU64,
}

impl Kept {
    /// A shard and an offset in it, as if by chance.
    fn next(&self) -> anyhow::Result<(ShardId, u64)> {
        let turn = scatter(self.turn.fetch_add(1, Ordering::Relaxed));
        let shard = usize::try_from(turn % SHARDS)?;
        let shard = self.names.get(shard).context("a shard a number")?;
        let units = (SHARD_LEN / UNIT_LEN) as u64;
        Ok((*shard, (turn >> 32) % units * UNIT_LEN as u64))
    }

    /// MiB a second of eight readers, each of one open shard after the other.
    async fn rate(&self, span: Duration) -> anyhow::Result<f64> {
        let start = Instant::now();
        let lanes = (0..DEPTH).map(|_| async {
            let mut units = 0_u32;
            while start.elapsed() < span {
                let (shard, _) = self.next()?;
                let opened = self.store.open_shard(&shard).await?;
                let mut reader = opened.context("it was kept")?;
                for _ in 0..64 {
                    let (_, offset) = self.next()?;
                    reader.read(offset, UNIT_LEN as u64).await?;
                    units += 1;
                }
            }
            anyhow::Ok(units)
        });
        let units: u32 = try_join_all(lanes).await?.into_iter().sum();
        let mib = f64::from(units) * UNIT_LEN as f64 / f64::from(1 << 20);
        Ok(mib / start.elapsed().as_secs_f64())
    }

    /// Microseconds until a unit of a shard that is not open is there: the 99th of a hundred.
    async fn wait(&self) -> anyhow::Result<f64> {
        let mut waits = Vec::new();
        for _ in 0..100 {
            let (shard, offset) = self.next()?;
            let start = Instant::now();
            let opened = self.store.open_shard(&shard).await?;
            let mut reader = opened.context("it was kept")?;
            reader.read(offset, UNIT_LEN as u64).await?;
            waits.push(start.elapsed().as_secs_f64() * 1e6);
        }
        waits.sort_by(f64::total_cmp);
        Ok(waits.get(98).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
