//! Question: how much faster is a shard's proof tree than the same tree hashed one leaf after the
//! other by the crate sha2?
//!
//! Unit: GiB of shard a CPU second of one core; alternating rounds, so read the ratio. Both build
//! the whole tree over leaves of 256 bytes and both must come to the same name; the crate uses the
//! SHA instructions where they are. Ours receives pieces of 256 KiB, as the renter cuts them.
//!
//! Expected: a leaf is five blocks and a node two, seven blocks a leaf. A block takes the crate 38
//! ns on a Zen 4. Sixteen at once are 1,616 vector instructions, two a cycle at best: 220 ns, or
//! 14 ns a block, and the padding block two thirds of that; a ratio of 2.9 is all that Zen 4 can
//! give, a Zen 5 with its wider units more. Goal 2.7.

use std::hint::black_box;

use host_core::Digest32;
use host_core::limits::LEAF_LEN;
use host_proof::TreeBuilder;
use sha2::{Digest, Sha256};

use crate::cpu;
use crate::rows::{Goal, Report, Row};

/// The report; `tiny` only proves that it runs.
#[must_use]
pub fn report(tiny: bool) -> Report {
    let (len, rounds, least) = if tiny {
        (64 << 10, 1, 0.001)
    } else {
        (4 << 20, 9, 0.2)
    };
    let shard: Vec<u8> = (0..len as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .collect();
    assert_eq!(ours(&shard), theirs(&shard), "both trees have one root");
    let gib = shard.len() as f64 / f64::from(1 << 30);
    let mut whole = Vec::new();
    let mut leaves = Vec::new();
    for _ in 0..rounds {
        let tree = gib
            * cpu::rate(least, || {
                black_box(ours(&shard));
            });
        let same = gib
            * cpu::rate(least, || {
                black_box(theirs(&shard));
            });
        let only = gib
            * cpu::rate(least, || {
                for leaf in shard.chunks(LEAF_LEN) {
                    black_box(Sha256::digest(leaf));
                }
            });
        whole.push((tree, same));
        leaves.push((tree, only));
    }
    let mut report = Report::default();
    let name = "tree / same tree by sha2";
    let row = Row::new(name, "GiB/cpu-s", &whole, Goal::AtLeast(2.7));
    report.rows.push(row);
    let name = "tree / its leaves alone by sha2";
    report
        .rows
        .push(Row::new(name, "GiB/cpu-s", &leaves, Goal::None));
    let kernel = host_simd::sha256::Kernel::best().name();
    report.notes.push(format!("tree: kernel {kernel}"));
    report
}

fn ours(shard: &[u8]) -> Digest32 {
    let mut builder = TreeBuilder::new();
    shard
        .chunks(256 << 10)
        .for_each(|piece| builder.push(piece));
    builder.finish().expect("a shard of allowed length").root
}

/// The tree of a shard of a power of two of leaves, level by level.
fn theirs(shard: &[u8]) -> Digest32 {
    let leaves = shard.chunks(LEAF_LEN);
    let mut level: Vec<[u8; 32]> = leaves.map(|leaf| Sha256::digest(leaf).into()).collect();
    while level.len() > 1 {
        let pairs = level.as_flattened().chunks_exact(64);
        level = pairs.map(|pair| Sha256::digest(pair).into()).collect();
    }
    Digest32(level.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
