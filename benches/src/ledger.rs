//! Question: how many shards a second does the ledger record durably when 64 uploads end at
//! once, against one commit a shard, one after the other?
//!
//! Unit: sets a second; a set is what a receipt waits for, an agreement and its placement. Both
//! ways take turns on the same ledger, a file on disk, without fact rings (no volume attached).
//! Goal: 10 times. Machine: 2 cores, virtio disk whose host acknowledges flushes cheaply.
//!
//! Expected: one commit is about two flushes of 40 us and the quick repair's own pages: 1,500 to
//! 4,000 a second alone. 64 in a group share that and pay their rows, 15 to 30 us each, so
//! 20,000 to 40,000: a ratio of 10, more on a device with slower flushes.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::try_join_all;
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::identity::Signature;
use host_core::{Address, AgreementDigest, AgreementId, Amount, NetworkId, ShardId, VolumeId};
use host_ledger::{AgreementRow, Fact, Ledger, Options, PlacementRow};

use crate::rows::{Goal, Report, Row};
use crate::volume;

/// The only volume.
pub(crate) const VOLUME: VolumeId = VolumeId([7; 16]);
const SHARD_LEN: u64 = 65_000;
const EXTENT_SIZE: u64 = 128 << 10;

/// Measures both ways; `quick` only proves that it runs.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let (rounds, millis) = if quick { (1, 20) } else { (7, 500) };
    let time = Duration::from_millis(millis);
    let dir = volume::scratch(dir)?;
    let ledger = Ledger::open(dir.path(), Options::default())?;
    block_on(ledger.commit(vec![volume_added()]))?;
    let count = Cell::new(0);
    let mut figures = Vec::new();
    for _ in 0..rounds {
        let ours = rate(&ledger, &count, 64, time)?;
        let peer = rate(&ledger, &count, 1, time)?;
        figures.push((ours, peer));
    }
    block_on(ledger.close());
    let name = "ledger, 64 at once / one by one";
    Ok(Report {
        rows: vec![Row::new(name, "sets/s", &figures, Goal::AtLeast(10.0))],
        notes: vec![format!("ledger: {} sets recorded in all", count.get())],
    })
}

/// The volume all sets lie on.
pub(crate) const fn volume_added() -> Fact {
    Fact::VolumeAdded {
        volume: VOLUME,
        start: 1 << 20,
        size: 1 << 50,
    }
}

/// Sets a second with `submitters` of them waiting at any time.
fn rate(
    ledger: &Ledger,
    count: &Cell<u64>,
    submitters: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let (start, first) = (Instant::now(), count.get());
    let submitter = async || {
        while start.elapsed() < time {
            let n = count.replace(count.get() + 1);
            ledger.commit(set(n)).await?;
        }
        Ok::<(), host_ledger::Error>(())
    };
    block_on(try_join_all((0..submitters).map(|_| submitter())))?;
    Ok((count.get() - first) as f64 / start.elapsed().as_secs_f64())
}

/// What a receipt waits for: the agreement and the placement of shard `n`.
pub(crate) fn set(n: u64) -> Vec<Fact> {
    let shard = ShardId(id(n));
    let (agreement, opened) = opened(n, shard, SHARD_LEN);
    let row = PlacementRow {
        volume: VOLUME,
        offset: (1 << 20) + n * EXTENT_SIZE,
        size: EXTENT_SIZE,
        len: SHARD_LEN,
    };
    let placed = Fact::ShardPlaced {
        shard,
        row,
        agreement,
    };
    vec![opened, placed]
}

/// The agreement of shard `n` and its name.
pub(crate) fn opened(n: u64, shard: ShardId, shard_len: u64) -> (AgreementDigest, Fact) {
    let digest = AgreementDigest(id(n));
    let terms = Agreement {
        network: NetworkId([1; 32]),
        id: AgreementId(id(n)),
        renter: Address([2; 20]),
        host: Address([3; 20]),
        payout: Address([4; 20]),
        shard,
        shard_len,
        codec: 1,
        price: Amount(1000),
        start_epoch: 1,
        end_epoch: 30,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: n,
    };
    let signed = SignedAgreement {
        terms,
        renter_signature: Signature([5; 65]),
        host_signature: Signature([6; 65]),
    };
    let row = AgreementRow::new(digest, signed, 9);
    (digest, Fact::AgreementOpened(row))
}

/// Ids spread over the table as digests are.
pub(crate) fn id(n: u64) -> [u8; 32] {
    let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let mut bytes = [0; 32];
    for (to, from) in bytes
        .iter_mut()
        .zip(spread.into_iter().chain(n.to_be_bytes()))
    {
        *to = from;
    }
    bytes
}

#[cfg(test)]
mod tests;
