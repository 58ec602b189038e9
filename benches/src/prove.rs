//! Question: what does a period's proof cost a host of 1, 10 and 100 TiB, and how many proofs does
//! a core make and judge a second?
//!
//! Unit: seconds of one core for a proof of ten draws over a synthetic index of shards of 64 MiB in
//! 64 batches; "theirs" is the hashing alone that the drawn batches' leaves take, so the ratio is
//! what everything else adds. The last row is proofs a second over 1,000 shards against verdicts
//! on them. I/O is counted, not timed: a unit of 64 KiB and the unit list for each draw.
//!
//! Expected: a batch of n leaves takes 2n keccak of under 0.5 us; 100 TiB are 1.6 million leaves,
//! of which ten draws touch at most ten batches of 25,600: a quarter of a second.

use std::hint::black_box;
use std::time::Instant;

use host_core::limits::{SHARD_LEN_MAX, UNIT_LEN};
use host_core::{Address, AgreementDigest, Digest32, ShardId};
use host_proof::dataset::{
    Answer, Asked, Batch, Entry, History, Leaf, Shelves, batch_root, draws, judge, prove_draws,
};
use host_proof::{Error, LEAVES_PER_UNIT, Tree, TreeBuilder, prove};

use crate::rows::{Goal, Report, Row};

/// Batches of every index.
const BATCHES: u64 = 64;
/// Draws of a proof.
const DRAWS: u16 = 10;

/// One real shard that stands for all of them.
struct Shelf {
    bytes: Vec<u8>,
    tree: Tree,
    shard: ShardId,
    /// Leaves of each batch.
    per_batch: u64,
    read: u64,
}

fn leaf(shard: ShardId, len: u64, number: u64) -> Leaf {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    digest[24..].copy_from_slice(&number.to_be_bytes());
    Leaf {
        agreement: AgreementDigest(digest),
        shard,
        len,
        end_epoch: 1_000,
    }
}

impl Shelf {
    fn new(len: u64, shards: u64) -> Self {
        let bytes: Vec<u8> = (0..len)
            .map(|at| (at.wrapping_mul(31) >> 3) as u8)
            .collect();
        let mut builder = TreeBuilder::new();
        builder.push(&bytes);
        let tree = builder.finish().expect("a shard of allowed length");
        Self {
            shard: tree.shard_id(),
            per_batch: shards.div_ceil(BATCHES),
            bytes,
            tree,
            read: 0,
        }
    }

    fn batch(&self, index: u64) -> impl Iterator<Item = Leaf> + use<> {
        let (shard, len) = (self.shard, self.tree.len);
        let first = index * self.per_batch;
        (first..first + self.per_batch).map(move |number| leaf(shard, len, number))
    }

    fn history(&self) -> History {
        let mut history = History::default();
        for index in 0..BATCHES {
            let root = batch_root(self.batch(index)).expect("sums in range");
            let batch = Batch {
                period: index,
                root: root.map(|(root, _): (Entry, u64)| root),
            };
            history.append(&batch).expect("sums in range");
        }
        history
    }
}

impl Shelves for Shelf {
    type Error = Error;
    type Leaves = Box<dyn Iterator<Item = Leaf>>;

    fn leaves(&mut self, index: usize) -> Result<Self::Leaves, Error> {
        Ok(Box::new(self.batch(index as u64)))
    }

    fn answer(&mut self, _: &Leaf, leaf_index: u64) -> Result<Answer, Error> {
        let unit = leaf_index as usize / LEAVES_PER_UNIT * UNIT_LEN;
        let end = (unit + UNIT_LEN).min(self.bytes.len());
        self.read += (end - unit) as u64 + self.tree.units.len() as u64 * 32;
        let bytes = self.bytes.get(unit..end).unwrap_or_default();
        let proof = prove(leaf_index, bytes, &self.tree.units, self.tree.len)?;
        Ok(Answer::Kept(proof))
    }
}

const fn asked(period: u64) -> Asked {
    Asked {
        seed: Digest32([5; 32]),
        host: Address([6; 20]),
        period,
        count: DRAWS,
    }
}

/// The report; `tiny` only proves that it runs.
///
/// # Panics
/// Never on a synthetic index: its leaves and sums are in range.
#[must_use]
pub fn report(tiny: bool) -> Report {
    let mut report = Report::default();
    let (len, rounds) = if tiny {
        (300_000, 1)
    } else {
        (SHARD_LEN_MAX, 5)
    };
    for tib in [1_u64, 10, 100] {
        let shards = if tiny { 64 * tib } else { tib << 14 };
        let mut shelf = Shelf::new(len, shards);
        let history = shelf.history();
        let mut times = Vec::new();
        for round in 0..rounds {
            let asked = asked(100 + round);
            let started = Instant::now();
            let answers = prove_draws(&history, &asked, &mut shelf).expect("an honest host");
            let ours = started.elapsed().as_secs_f64();
            let drawn = draws(&history, &asked).expect("bytes are live");
            let mut batches: Vec<usize> = drawn.iter().map(|one| one.batch).collect();
            batches.sort_unstable();
            batches.dedup();
            let started = Instant::now();
            for batch in batches {
                black_box(batch_root(shelf.batch(batch as u64)).expect("sums in range"));
            }
            times.push((ours, started.elapsed().as_secs_f64()));
            let judged = judge(&asked, &history.peaks(), &answers, |_, _, _| false);
            assert_eq!(judged, Ok(history.peaks().live_bytes(asked.period)));
        }
        let name = format!("prove {tib} TiB, vs its leaves' hashes");
        report.rows.push(Row::new(name, "s", &times, Goal::None));
        let (proofs, read) = (rounds, shelf.read / rounds);
        report.notes.push(format!(
            "{tib} TiB: {shards} leaves, {} peaks, {read} bytes read in {} reads a proof, {proofs}",
            history.peaks().0.len(),
            2 * DRAWS,
        ));
    }
    report.rows.push(rate(tiny));
    report
}

/// Proofs a second over 1,000 mixed shards, against verdicts on them.
fn rate(tiny: bool) -> Row {
    let mut shelf = Shelf::new(if tiny { 70_000 } else { 4 << 20 }, 1_000);
    let history = shelf.history();
    let (rounds, count) = if tiny { (1, 2) } else { (5, 50) };
    let mut rates = Vec::new();
    for round in 0..rounds {
        let period = |at: u64| 100 + round * count + at;
        let started = Instant::now();
        let made: Vec<Vec<u8>> = (0..count)
            .map(|at| prove_draws(&history, &asked(period(at)), &mut shelf).expect("honest"))
            .collect();
        let ours = started.elapsed().as_secs_f64();
        let started = Instant::now();
        for (at, answers) in (0..count).zip(&made) {
            let judged = judge(&asked(period(at)), &history.peaks(), answers, |_, _, _| {
                false
            });
            black_box(judged.expect("honest"));
        }
        let theirs = started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a count of a few dozen")]
        let count = count as f64;
        rates.push((count / ours, count / theirs));
    }
    let name = "prove 1,000 shards, vs its verdict";
    Row::new(name, "proof/s", &rates, Goal::None)
}

#[cfg(test)]
mod tests;
