//! Question: does a guard's challenge find a host that lost a part of a shard as often as theory
//! says?
//!
//! Unit: challenges of a hundred that find it; "theirs" is 1 - (1 - lost/leaves)^drawn, so a ratio
//! of 1 is theory. The draws are the product's own (`host_proof::draw`) over fresh seeds, the shard
//! is one of 4 MiB (16,384 leaves), the lost leaves are one run, as a drive loses them. The notes
//! say how many rounds pass until a loss is found with a chance of 99 in 100.
//! Expected: drawn leaves are SHA-256 modulo a power of two: no bias; the noise of 20,000 seeds is
//! below one in a hundred where something is found at all.

use host_core::{Digest32, ShardId};
use host_proof::{draw, leaf_count};

use crate::rows::{Goal, Report, Row};

/// Bytes of the shard.
const SHARD_LEN: u64 = 4 << 20;
/// Leaves of a challenge.
const DRAWN: [u32; 3] = [8, 16, 64];
/// Lost leaves, of ten thousand.
const LOST: [u64; 4] = [10, 100, 500, 5_000];

/// The report; `quick` takes few seeds.
#[must_use]
pub fn report(quick: bool) -> Report {
    let (seeds, rounds) = if quick { (200, 1) } else { (20_000, 5) };
    let leaves = leaf_count(SHARD_LEN);
    let mut report = Report::default();
    for lost in LOST {
        let gone = leaves * lost / 10_000;
        for drawn in DRAWN {
            let theory = theory(gone, leaves, drawn);
            let figures = (0..rounds).map(|round| {
                let found = found(round, seeds, gone, drawn);
                (found * 100.0, theory * 100.0)
            });
            let figures: Vec<(f64, f64)> = figures.collect();
            let part = share(lost, 100);
            let name = format!("detect {part} % lost by {drawn} leaves / theory");
            report.rows.push(Row::new(name, "%", &figures, Goal::None));
            let rounds = (0.01_f64.ln() / (1.0 - theory).ln()).ceil().max(1.0);
            report.notes.push(format!(
                "{part} % lost, {drawn} leaves: found at once {:.2} %, within {rounds} rounds 99 %",
                theory * 100.0
            ));
        }
    }
    report
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn share(part: u64, of: u64) -> f64 {
    part as f64 / of as f64
}

fn theory(gone: u64, leaves: u64, drawn: u32) -> f64 {
    1.0 - (1.0 - share(gone, leaves)).powi(i32::try_from(drawn).unwrap_or(i32::MAX))
}

/// The part of fresh seeds that draw a lost leaf.
fn found(round: u64, seeds: u64, gone: u64, drawn: u32) -> f64 {
    let shard = ShardId([7; 32]);
    let hit = |number: &u64| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&round.to_be_bytes());
        seed[8..16].copy_from_slice(&number.to_be_bytes());
        let leaves = draw(&Digest32(seed), &shard, SHARD_LEN, drawn);
        leaves.into_iter().any(|leaf| leaf < gone)
    };
    let hits = (0..seeds).filter(hit).count();
    share(u64::try_from(hits).unwrap_or(0), seeds)
}

#[cfg(test)]
mod tests;
