//! Question: what does the proof tree cost above hashing its leaves, and does the builder reach
//! what its hash allows?
//!
//! Unit: GiB of shard a second, one core, wall time; alternating pairs in the same run, so read
//! the ratio. "Theirs" is the sha2 crate over the same 256-byte leaves with nothing built on them.
//!
//! Expected: a leaf is 5 SHA-256 blocks (4 and one of padding), a node 2, one node a leaf: the
//! tree does 7 blocks for 5, so a ratio of 0.71 is a builder that costs nothing of its own. With
//! SHA-NI at 1.4 to 1.9 GiB/s of plain input, leaves run at 1.1 to 1.5 and the tree at 0.8 to
//! 1.1. A ratio above 1 comes from leaves hashed side by side (`tree` asks how much of it).

use std::hint::black_box;
use std::time::Duration;

use host_core::limits::LEAF_LEN;
use host_proof::TreeBuilder;
use sha2::{Digest, Sha256};

use crate::pairs::Pair;
use crate::rows::{Goal, Report};

/// The report; `tiny` only proves that it runs.
#[must_use]
pub fn report(tiny: bool) -> Report {
    let len: usize = if tiny { 100_000 } else { 16 << 20 };
    let (rounds, least) = if tiny { (1, 0) } else { (9, 150) };
    let least = Duration::from_millis(least);
    let shard: Vec<u8> = (0..len as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .collect();
    let mut report = Report::default();
    for cut in [64 << 10, 1 << 20] {
        let pair = Pair::of(
            rounds,
            least,
            || {
                black_box(tree(&shard, cut).shard_id());
            },
            || {
                for leaf in shard.chunks(LEAF_LEN) {
                    black_box(Sha256::digest(leaf));
                }
            },
        );
        let name = format!("proof tree by {}k, vs its leaves", cut >> 10);
        report.rows.push(pair.row(name, len, Goal::None));
    }
    let pair = Pair::of(
        rounds,
        least,
        || {
            black_box(tree(&shard, 1 << 20).shard_id());
        },
        || {
            black_box(Sha256::digest(&shard));
        },
    );
    let name = "proof tree, vs one plain hash";
    report.rows.push(pair.row(name, len, Goal::None));
    let sum = tree(&shard, len).shard_id();
    report.notes.push(format!("checksum {sum}"));
    report
}

fn tree(shard: &[u8], cut: usize) -> host_proof::Tree {
    let mut builder = TreeBuilder::new();
    shard.chunks(cut).for_each(|part| builder.push(part));
    builder.finish().expect("a shard of allowed length")
}

#[cfg(test)]
mod tests;
