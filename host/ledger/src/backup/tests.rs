//! Goal: a ledger made from a backup is the old one, and gives way to rings that are newer.
//! Method: facts committed to two volumes, dumped in batches of a few rows, loaded elsewhere,
//! joined with rings that hold the groups before or after the backup.

use std::sync::Arc;

use futures::executor::block_on;

use host_core::{ShardId, VolumeId};

use crate::tests::ring::{MemoryRing, alike};
use crate::tests::{closed, commit, fresh, opened, placed, record, totals};
use crate::{Fact, Ledger, Loading, Options};

const OTHER: VolumeId = VolumeId([8; 16]);

fn dumped(ledger: &Ledger, len: usize) -> Vec<Vec<u8>> {
    let mut dump = ledger.read().unwrap().dump();
    std::iter::from_fn(|| dump.next_batch(len).unwrap()).collect()
}

fn loaded(batches: &[Vec<u8>]) -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let mut loading = Loading::begin(dir.path()).unwrap();
    for batch in batches {
        loading.put_batch(batch).unwrap();
    }
    drop(loading);
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    (dir, ledger)
}

fn on_other(fact: Fact) -> Fact {
    let Fact::ShardPlaced {
        shard,
        mut row,
        agreement,
    } = fact
    else {
        panic!("a placement")
    };
    row.volume = OTHER;
    Fact::ShardPlaced {
        shard,
        row,
        agreement,
    }
}

/// Two shards on the volume with a ring, one on the other volume, one agreement ended.
fn filled() -> (tempfile::TempDir, Ledger, Arc<MemoryRing>) {
    let (dir, ledger) = fresh();
    let ring = Arc::new(MemoryRing::default());
    ledger.attach(crate::tests::VOLUME, ring.clone());
    let other = Fact::VolumeAdded {
        volume: OTHER,
        start: 0,
        size: 1 << 24,
    };
    commit(&ledger, vec![other]).unwrap();
    commit(
        &ledger,
        vec![opened(1, 1), placed(1, 1, 1 << 20, 8192), record(1, 1)],
    )
    .unwrap();
    commit(&ledger, vec![opened(2, 2), on_other(placed(2, 2, 0, 8192))]).unwrap();
    commit(
        &ledger,
        vec![
            opened(3, 3),
            placed(3, 3, (1 << 20) + 8192, 8192),
            closed(3),
        ],
    )
    .unwrap();
    (dir, ledger, ring)
}

fn keeps(ledger: &Ledger, shard: u64) -> bool {
    let shard = ShardId(crate::tests::id(shard));
    ledger.read().unwrap().placement(&shard).unwrap().is_some()
}

#[test]
fn a_loaded_ledger_dumps_the_same_rows_in_batches_of_any_length() {
    let (_dir, ledger, _ring) = filled();
    let whole = dumped(&ledger, 1 << 20);
    assert_eq!(whole.len(), 1);
    let many = dumped(&ledger, 1);
    assert!(many.len() > 20);
    for batches in [&whole, &many] {
        let (_dir, again) = loaded(batches);
        assert_eq!(totals(&again), totals(&ledger));
        assert!(again.read().unwrap().is_fresh().unwrap());
        assert!(block_on(again.restore(Vec::new())).unwrap().shards == 2);
        assert!(!again.read().unwrap().is_fresh().unwrap());
        assert!(dumped(&again, 1 << 20) == whole);
    }
}

#[test]
fn rings_as_old_as_the_backup_leave_it_as_it_is() {
    let (_dir, ledger, ring) = filled();
    let (_dir, again) = loaded(&dumped(&ledger, 1 << 20));
    block_on(again.restore(vec![ring.found()])).unwrap();
    assert!(dumped(&again, 1 << 20) == dumped(&ledger, 1 << 20));
}

#[test]
fn newer_rings_win_and_volumes_without_one_keep_the_backups_shards() {
    let (_dir, ledger, ring) = filled();
    let batches = dumped(&ledger, 100);
    let later = vec![opened(4, 4), placed(4, 4, (1 << 20) + 8192, 8192)];
    commit(&ledger, later).unwrap();
    commit(&ledger, vec![closed(1)]).unwrap();
    let (_dir, again) = loaded(&batches);
    assert!(keeps(&again, 1) && !keeps(&again, 4));
    block_on(again.restore(vec![ring.found()])).unwrap();
    assert!(!keeps(&again, 1), "given up after the backup");
    assert!(keeps(&again, 2), "on the volume that is away");
    assert!(keeps(&again, 4), "placed after the backup");
    let (now, then) = (alike(totals(&again)), alike(totals(&ledger)));
    assert_eq!(
        (now.shards, now.active, now.used),
        (then.shards, then.active, then.used)
    );
    commit(&again, vec![opened(5, 5), placed(5, 5, 1 << 20, 8192)]).unwrap();
}

#[test]
fn a_ledger_that_holds_rows_takes_no_backup() {
    let (dir, ledger, _ring) = filled();
    block_on(ledger.close());
    drop(ledger);
    assert!(matches!(
        Loading::begin(dir.path()),
        Err(crate::Error::NotEmpty)
    ));
}

#[test]
fn batches_that_are_no_rows_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut loading = Loading::begin(dir.path()).unwrap();
    assert!(loading.put_batch(b"\xff\xff").is_err());
    assert!(loading.put_batch(b"\x84\x18\x63\x40\x40\xf6").is_err());
}
