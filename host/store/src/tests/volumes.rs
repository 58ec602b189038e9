//! Volumes: labels, owners, damage.

use futures::executor::block_on;
use host_core::{AgreementDigest, NetworkId, PeerId};
use host_ledger::{Ledger, MemoryStorage, Options};
use proptest::prelude::{ProptestConfig, prop, proptest};

use super::machine::{
    Failure, Machine, NETWORK, OWNER, Running, VOLUME_LEN, bytes_of, digest, label, opened,
    shard_of, volume_id,
};
use crate::error::Error;
use crate::simulated::{Disk, Power};
use crate::{Store, format};

fn ledger() -> Ledger {
    Ledger::open_on(MemoryStorage::default(), Options::default()).unwrap()
}

fn started(volumes: usize) -> (Machine, Running) {
    let machine = Machine::new(volumes);
    let running = machine.start().unwrap();
    assert!(running.left_out.is_empty());
    (machine, running)
}

#[test]
fn a_shard_is_read_back_after_a_restart() {
    let (machine, running) = started(1);
    let bytes = bytes_of(1, 200_001);
    running.put(1, &bytes).unwrap();
    let shard = shard_of(&bytes);
    assert_eq!(
        running.get(&shard).unwrap().as_deref(),
        Some(bytes.as_slice())
    );
    drop(running);
    let again = machine.start().unwrap();
    assert_eq!(
        again.get(&shard).unwrap().as_deref(),
        Some(bytes.as_slice())
    );
    again.check_space().unwrap();
}

#[test]
fn a_volume_is_never_formatted_twice() {
    let machine = Machine::new(1);
    let again = block_on(format(&machine.volumes[0], label(5)));
    assert_eq!(
        again,
        Err(Error::Formatted {
            volume: volume_id(0)
        })
    );
}

#[test]
fn one_bad_volume_fails_alone_and_says_why() {
    let machine = Machine::new(3);
    let power = Power::default();
    machine.volumes[1].truncate(VOLUME_LEN / 2);
    machine.volumes[2].damage(100);
    machine.volumes[2].damage(VOLUME_LEN - 4096 + 100);
    let mut disks: Vec<(String, Disk)> = machine
        .volumes
        .iter()
        .map(|disk| (String::new(), disk.clone()))
        .collect();
    disks.push((String::new(), Disk::new("fresh", VOLUME_LEN, &power)));
    disks.push((String::new(), Disk::new("tiny", 4096, &power)));
    disks.push((String::new(), machine.volumes[0].clone()));
    let (store, left_out) = block_on(Store::open(disks, ledger(), OWNER, NETWORK)).unwrap();
    assert_eq!(store.volume_count(), 1);
    let why: Vec<Error> = left_out.into_iter().map(|(_, error)| error).collect();
    let (need, have) = (VOLUME_LEN as u64, VOLUME_LEN as u64 / 2);
    let truncated = Error::Truncated {
        volume: volume_id(1),
        need,
        have,
    };
    let small = Error::TooSmall { need, have: 4096 };
    let twice = Error::Twice {
        volume: volume_id(0),
    };
    assert_eq!(
        why,
        vec![
            truncated,
            Error::LabelDamaged,
            Error::Unformatted,
            small,
            twice
        ]
    );
}

#[test]
fn one_damaged_label_is_read_from_the_other_copy() {
    let (machine, running) = started(1);
    drop(running);
    machine.volumes[0].damage(40);
    assert!(machine.start().unwrap().left_out.is_empty());
}

#[test]
fn a_volume_of_another_host_or_network_is_left_out() {
    let machine = Machine::new(1);
    let disks = || vec![(String::new(), machine.volumes[0].clone())];
    let other = PeerId([9; 33]);
    let (_, left_out) = block_on(Store::open(disks(), ledger(), other, NETWORK)).unwrap();
    let volume = volume_id(0);
    assert_eq!(
        left_out[0].1,
        Error::OtherOwner {
            volume,
            have: OWNER,
            need: other
        }
    );
    let need = NetworkId([9; 32]);
    let (_, left_out) = block_on(Store::open(disks(), ledger(), OWNER, need)).unwrap();
    assert_eq!(
        left_out[0].1,
        Error::OtherNetwork {
            volume,
            have: NETWORK,
            need
        }
    );
}

#[test]
fn a_wrong_root_is_refused_and_its_space_is_free_again() {
    let (_machine, running) = started(1);
    let before = running.store.space().unwrap();
    let bytes = bytes_of(1, 100_000);
    let promised = shard_of(&bytes_of(2, 100_000));
    let reservation = running.store.reserve(100_000).unwrap();
    assert!(running.store.space().unwrap().0 < before.0);
    let mut writer = running.store.writer(reservation, promised).unwrap();
    block_on(writer.append(&bytes)).unwrap();
    let refused = block_on(writer.seal(AgreementDigest([1; 32]), 9))
        .err()
        .unwrap();
    assert_eq!(
        refused,
        Error::RootMismatch {
            promised,
            found: shard_of(&bytes)
        }
    );
    assert_eq!(running.store.space().unwrap(), before);
}

#[test]
fn a_body_longer_or_shorter_than_reserved_is_refused() {
    let (_machine, running) = started(1);
    let bytes = bytes_of(1, 5000);
    let writer = || {
        let reservation = running.store.reserve(5000).unwrap();
        running.store.writer(reservation, shard_of(&bytes)).unwrap()
    };
    let mut long = writer();
    let have = 5001;
    assert_eq!(
        block_on(long.append(&[0; 5001])),
        Err(Error::BodyLen { need: 5000, have })
    );
    let mut short = writer();
    block_on(short.append(&bytes[..4999])).unwrap();
    let refused = block_on(short.seal(AgreementDigest([1; 32]), 9)).err();
    assert_eq!(
        refused,
        Some(Error::BodyLen {
            need: 5000,
            have: 4999
        })
    );
}

#[test]
fn a_full_host_says_what_it_needs_and_has() {
    let (_machine, running) = started(2);
    let mut n = 0;
    let (need, free) = loop {
        n += 1;
        match running.put(n, &bytes_of(n, 300_000)) {
            Ok(()) => (),
            Err(Failure::Store(Error::NoSpace { need, free })) => break (need, free),
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(n > 15 && free < 2 * need, "{n} shards, {free} free");
    running.check_space().unwrap();
    for gone in 1..n {
        running.remove(gone).unwrap();
    }
    running.check_space().unwrap();
    assert_eq!(running.store.space().unwrap().1, 0);
    running.put(n, &bytes_of(n, 2_000_000)).unwrap();
}

#[test]
fn shards_are_spread_over_volumes() {
    let (_machine, running) = started(3);
    for n in 1..=6 {
        running.put(n, &bytes_of(n, 100_000)).unwrap();
    }
    let view = running.ledger.read().unwrap();
    let used: Vec<u64> = view.volumes().unwrap().iter().map(|row| row.used).collect();
    assert_eq!(used[0], used[1]);
    assert_eq!(used[1], used[2]);
}

#[test]
fn space_of_a_removed_shard_waits_for_its_reader() {
    let (_machine, running) = started(1);
    let bytes = bytes_of(1, 3_000_000);
    running.put(1, &bytes).unwrap();
    let mut reader = block_on(running.store.open_shard(&shard_of(&bytes)))
        .unwrap()
        .unwrap();
    running.remove(1).unwrap();
    let wanted = bytes_of(2, 3_000_000);
    let full = running.put(2, &wanted);
    assert!(matches!(full, Err(Failure::Store(Error::NoSpace { .. }))));
    let run = block_on(reader.read(70_000, 2_000_000)).unwrap();
    assert_eq!(run.as_ref(), &bytes[70_000..2_070_000]);
    drop(run);
    drop(reader);
    running.put(2, &wanted).unwrap();
}

#[test]
fn a_sealed_shard_dropped_before_its_commit_gives_its_space_back() {
    let (_machine, running) = started(1);
    let before = running.store.space().unwrap();
    let bytes = bytes_of(1, 10_000);
    let reservation = running.store.reserve(10_000).unwrap();
    let mut writer = running.store.writer(reservation, shard_of(&bytes)).unwrap();
    block_on(writer.append(&bytes)).unwrap();
    drop(block_on(writer.seal(digest(1), 30)).unwrap());
    drop(running.store.reserve(1).unwrap());
    assert_eq!(running.store.space().unwrap(), before);
}

#[test]
fn a_commit_that_outlives_its_session_keeps_its_bytes() {
    let (_machine, running) = started(1);
    let bytes = bytes_of(1, 10_000);
    let reservation = running.store.reserve(10_000).unwrap();
    let mut writer = running.store.writer(reservation, shard_of(&bytes)).unwrap();
    block_on(writer.append(&bytes)).unwrap();
    let sealed = block_on(writer.seal(digest(1), 30)).unwrap();
    let facts = vec![opened(1, shard_of(&bytes), 10_000), sealed.fact(digest(1))];
    {
        let mut commit = Box::pin(running.ledger.commit(facts));
        assert!(futures::FutureExt::now_or_never(&mut commit).is_none_or(|done| done.is_ok()));
    }
    drop(sealed);
    for n in 2..6 {
        running.put(n, &bytes_of(n, 10_000)).unwrap();
    }
    assert_eq!(running.get(&shard_of(&bytes)).unwrap(), Some(bytes));
    running.check_space().unwrap();
}

#[test]
fn rot_is_named_by_volume_and_offset_and_no_byte_of_it_leaves() {
    let (machine, running) = started(1);
    let bytes = bytes_of(1, 200_000);
    running.put(1, &bytes).unwrap();
    let shard = shard_of(&bytes);
    let row = running
        .ledger
        .read()
        .unwrap()
        .placement(&shard)
        .unwrap()
        .unwrap();
    let unit = usize::try_from(row.offset).unwrap() + 4096 + 65536;
    machine.volumes[0].damage(unit + 17);
    let mut reader = block_on(running.store.open_shard(&shard)).unwrap().unwrap();
    assert_eq!(
        block_on(reader.read(0, 65536)).unwrap().as_ref(),
        &bytes[..65536]
    );
    let damaged = block_on(reader.read(0, 200_000)).err();
    let why = "a unit is not what its footer says";
    let offset = unit as u64;
    assert_eq!(
        damaged,
        Some(Error::Damaged {
            shard,
            volume: volume_id(0),
            offset,
            why
        })
    );
    machine.volumes[0].damage(usize::try_from(row.offset).unwrap() + 4096 + 200_704);
    let damaged = block_on(running.store.open_shard(&shard)).err();
    assert!(matches!(damaged, Some(Error::Damaged { .. })));
}

#[test]
fn a_header_that_does_not_tell_of_its_shard_is_damage() {
    let (machine, running) = started(1);
    let bytes = bytes_of(1, 200_000);
    running.put(1, &bytes).unwrap();
    let shard = shard_of(&bytes);
    let mut reader = block_on(running.store.open_shard(&shard)).unwrap().unwrap();
    assert_eq!(block_on(reader.verify()), Ok(()));
    let row = running
        .ledger
        .read()
        .unwrap()
        .placement(&shard)
        .unwrap()
        .unwrap();
    machine.volumes[0].damage(usize::try_from(row.offset).unwrap() + 50);
    assert!(matches!(
        block_on(reader.verify()),
        Err(Error::Damaged { .. })
    ));
}

#[test]
fn the_loss_of_the_state_device_loses_no_fact() {
    let (machine, running) = started(2);
    for n in 1..=20 {
        running.put(n, &bytes_of(n, 30_000)).unwrap();
        running.pay(n, u128::from(n)).unwrap();
    }
    for n in 1..=7 {
        running.remove(n).unwrap();
    }
    running.put(30, &bytes_of(9, 30_000)).unwrap();
    let before = running.ledger.read().unwrap();
    drop(running.store);
    let again = machine.start_without_state().unwrap();
    again.check_space().unwrap();
    let after = again.ledger.read().unwrap();
    assert_eq!(
        before.placements(None, 99).unwrap(),
        after.placements(None, 99).unwrap()
    );
    assert_eq!(
        before.agreements(None, 99).unwrap(),
        after.agreements(None, 99).unwrap()
    );
    assert_eq!(
        before.cheques(None, 99).unwrap(),
        after.cheques(None, 99).unwrap()
    );
    for n in 8..=20 {
        let bytes = bytes_of(n, 30_000);
        assert_eq!(again.get(&shard_of(&bytes)).unwrap(), Some(bytes));
    }
    again.put(40, &bytes_of(40, 30_000)).unwrap();
    let third = machine.start_without_state().unwrap();
    assert!(
        third
            .get(&shard_of(&bytes_of(40, 30_000)))
            .unwrap()
            .is_some()
    );
}

#[test]
fn the_loss_of_a_volume_loses_only_its_shards() {
    let (mut machine, running) = started(2);
    for n in 1..=10 {
        running.put(n, &bytes_of(n, 30_000)).unwrap();
    }
    running.pay(3, 77).unwrap();
    drop(running);
    machine.volumes.remove(0);
    let again = machine.start_without_state().unwrap();
    let totals = again.ledger.read().unwrap().totals().unwrap();
    assert_eq!((totals.active, totals.failed, totals.shards), (5, 5, 5));
    assert_eq!(totals.received.0, 77);
    again.check_space().unwrap();
}

#[test]
fn a_ring_that_turns_over_many_times_still_tells_everything() {
    let (machine, running) = started(1);
    for n in 1..=400u64 {
        running.put(n, &bytes_of(n, 1000)).unwrap();
        if n > 20 {
            running.remove(n - 20).unwrap();
        }
    }
    let before = running.ledger.read().unwrap();
    let again = machine.start_without_state().unwrap();
    let after = again.ledger.read().unwrap();
    assert_eq!(
        before.agreements(None, 99).unwrap(),
        after.agreements(None, 99).unwrap()
    );
    assert_eq!(
        before.placements(None, 99).unwrap(),
        after.placements(None, 99).unwrap()
    );
    assert_eq!(after.totals().unwrap().active, 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Goal: any length comes back byte for byte, however it is cut and whatever run is read.
    /// Method: random lengths, cuts and runs on a simulated disk.
    #[test]
    fn any_run_of_any_shard_is_what_was_written(
        len in 1usize..600_000,
        cuts in prop::collection::vec(1usize..200_000, 1..6),
        from in 0.0f64..1.0,
        to in 0.0f64..1.0,
    ) {
        let (_machine, running) = started(1);
        let bytes = bytes_of(len as u64, len);
        let shard = shard_of(&bytes);
        let reservation = running.store.reserve(len as u64).unwrap();
        let mut writer = running.store.writer(reservation, shard).unwrap();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            block_on(writer.append(now)).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let sealed = block_on(writer.seal(digest(1), 30)).unwrap();
        let facts = vec![opened(1, shard, len as u64), sealed.fact(digest(1))];
        block_on(running.ledger.commit(facts)).unwrap();
        sealed.committed();
        let mut reader = block_on(running.store.open_shard(&shard)).unwrap().unwrap();
        let start = ((len as f64 * from) as usize).min(len - 1);
        let count = (((len - start) as f64 * to) as usize).max(1);
        let run = block_on(reader.read(start as u64, count as u64)).unwrap();
        assert_eq!(run.as_ref(), &bytes[start..start + count]);
    }
}
