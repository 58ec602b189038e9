//! Drives that rot, are emptied, or grow; and power that goes at any step of it.

use futures::executor::block_on;
use host_core::ShardId;
use host_ledger::VolumeState;
use host_store::simulated::Chance;
use host_store::{Error, Moved, Outcome, grow};

use super::machine::{Failure, Machine, Running, VOLUME_LEN, bytes_of, shard_of, volume_id};

const SHARDS: [(u64, usize); 4] = [(1, 70_000), (2, 300_000), (3, 5), (4, 130_000)];

fn filled(machine: &Machine) -> Running {
    let running = machine.start().unwrap();
    for (n, len) in SHARDS {
        running.put(n, &bytes_of(n, len)).unwrap();
    }
    running
}

fn name(n: u64) -> ShardId {
    let len = SHARDS.iter().find(|(m, _)| *m == n).unwrap().1;
    shard_of(&bytes_of(n, len))
}

fn all_are_whole(running: &Running) -> Result<(), String> {
    for (n, len) in SHARDS {
        match running.get(&name(n)) {
            Ok(Some(bytes)) if bytes == bytes_of(n, len) => (),
            other => {
                return Err(format!(
                    "shard {n}: {:?}",
                    other.map(|found| found.is_some())
                ));
            }
        }
    }
    running.check_space()
}

/// Moves everything off the first volume; none when power went.
fn empty_first(running: &Running) -> Result<(), Failure> {
    let from = volume_id(0);
    block_on(running.store.set_state(from, VolumeState::Evacuating))?;
    loop {
        let (shards, _) = running.store.shards_on(&from, None)?;
        if shards.is_empty() {
            return Ok(());
        }
        for shard in shards {
            block_on(running.store.move_away(&shard))?;
        }
    }
}

#[test]
fn rot_in_header_body_and_footer_is_found_and_a_fenced_shard_is_not_served() {
    let machine = Machine::new(1);
    let running = filled(&machine);
    let shard = name(2);
    let row = running
        .ledger
        .read()
        .unwrap()
        .placement(&shard)
        .unwrap()
        .unwrap();
    let good = block_on(running.store.check(&shard)).unwrap();
    assert_eq!((good.outcome, good.bytes), (Outcome::Good, 300_000));
    let start = usize::try_from(row.offset).unwrap();
    for at in [8, 4096, 4096 + 299_999, 4096 + 303_104 + 3] {
        machine.volumes[0].damage(start + at);
        let bad = block_on(running.store.check(&shard)).unwrap();
        assert!(matches!(bad.outcome, Outcome::Bad { .. }), "{at}: {bad:?}");
        machine.volumes[0].damage(start + at);
    }
    machine.volumes[0].damage(start + 5000);
    assert!(running.get(&shard).is_err());
    assert_eq!(running.store.take_doubts(), vec![shard]);
    block_on(running.store.fence(&shard, "rot")).unwrap();
    block_on(running.store.fence(&shard, "rot again")).unwrap();
    let refused = block_on(running.store.open_shard(&shard)).err();
    let volume = volume_id(0);
    let why = "rot".to_owned();
    assert_eq!(refused, Some(Error::Fenced { shard, volume, why }));
    drop(running);
    let again = machine.start().unwrap();
    let view = again.ledger.read().unwrap();
    assert_eq!(view.fences(None, 9).unwrap().len(), 1);
    // The fence goes with the last lease.
    again.remove(2).unwrap();
    assert!(
        again
            .ledger
            .read()
            .unwrap()
            .fences(None, 9)
            .unwrap()
            .is_empty()
    );
    again.check_space().unwrap();
}

#[test]
fn an_emptied_volume_holds_nothing_is_forgotten_and_its_shards_are_served() {
    let machine = Machine::new(2);
    let running = filled(&machine);
    empty_first(&running).unwrap();
    all_are_whole(&running).unwrap();
    let row = running
        .ledger
        .read()
        .unwrap()
        .volume(&volume_id(0))
        .unwrap()
        .unwrap();
    assert_eq!((row.used, row.state), (0, VolumeState::Evacuating));
    assert_eq!(
        block_on(running.store.forget_removed()).unwrap(),
        0,
        "it is still open"
    );
    drop(running);
    let mut rest = machine.copy();
    rest.volumes.remove(0);
    let running = rest.start().unwrap();
    assert_eq!(block_on(running.store.forget_removed()).unwrap(), 1);
    assert!(
        running
            .ledger
            .read()
            .unwrap()
            .volume(&volume_id(0))
            .unwrap()
            .is_none()
    );
    all_are_whole(&running).unwrap();
}

#[test]
fn a_volume_that_evacuates_or_only_reads_takes_nothing_new_and_a_suspect_is_last() {
    let machine = Machine::new(2);
    let running = machine.start().unwrap();
    let (first, second) = (volume_id(0), volume_id(1));
    let lands_on = |n: u64| {
        let bytes = bytes_of(n, 10_000);
        running.put(n, &bytes).map(|()| {
            let view = running.ledger.read().unwrap();
            view.placement(&shard_of(&bytes)).unwrap().unwrap().volume
        })
    };
    block_on(running.store.set_state(first, VolumeState::ReadOnly)).unwrap();
    assert_eq!(lands_on(1).unwrap(), second);
    block_on(running.store.set_state(second, VolumeState::Suspect)).unwrap();
    assert_eq!(lands_on(2).unwrap(), second);
    block_on(running.store.set_state(first, VolumeState::Healthy)).unwrap();
    assert_eq!(lands_on(3).unwrap(), first);
    block_on(running.store.set_state(first, VolumeState::Evacuating)).unwrap();
    block_on(running.store.set_state(second, VolumeState::Failed)).unwrap();
    assert!(matches!(
        lands_on(4),
        Err(Failure::Store(Error::NoSpace { .. }))
    ));
}

#[test]
fn a_damaged_shard_does_not_move_and_stays_where_it_was() {
    let machine = Machine::new(2);
    let running = filled(&machine);
    let shard = name(4);
    let row = running
        .ledger
        .read()
        .unwrap()
        .placement(&shard)
        .unwrap()
        .unwrap();
    let disk = &machine.volumes[usize::from(row.volume != volume_id(0))];
    disk.damage(usize::try_from(row.offset).unwrap() + 70_000);
    let moved = block_on(running.store.move_away(&shard));
    assert!(matches!(moved, Err(Error::Damaged { .. })), "{moved:?}");
    assert_eq!(
        running.ledger.read().unwrap().placement(&shard).unwrap(),
        Some(row)
    );
    running.check_space().unwrap();
    let gone = block_on(running.store.move_away(&shard_of(b"never here")));
    assert_eq!(gone, Ok(Moved::Gone));
}

/// Lives an evacuation that power ends at operation `cut`; errors with what was lost.
fn cut_while_emptying(cut: u64, seed: u64, forgetful: bool) -> Result<bool, String> {
    let machine = Machine::new(2);
    drop(filled(&machine));
    if forgetful {
        machine.volumes.iter().for_each(|disk| disk.ignore_flush());
    }
    let running = machine.start().map_err(|why| format!("{why:?}"))?;
    machine.power.cut_after(cut);
    let whole = empty_first(&running).is_ok();
    drop(running);
    machine.settle(&mut Chance::new(seed));
    // The state device is lost in the same moment: the rings tell of the same shards.
    let copy = machine.copy();
    let told = copy
        .start_without_state()
        .map_err(|why| format!("rings: {why:?}"))?;
    all_are_whole(&told).map_err(|why| format!("rings: {why}"))?;
    let again = machine.start().map_err(|why| format!("{why:?}"))?;
    all_are_whole(&again)?;
    // Asked again, or by the daemon at its start, it goes on where it was.
    empty_first(&again).map_err(|why| format!("resumed: {why:?}"))?;
    all_are_whole(&again)?;
    let row = again
        .ledger
        .read()
        .unwrap()
        .volume(&volume_id(0))
        .unwrap()
        .unwrap();
    if row.used != 0 {
        return Err(format!("{} bytes left", row.used));
    }
    Ok(whole)
}

#[test]
fn an_evacuation_may_be_cut_at_every_step_and_goes_on() {
    let mut cut = 0;
    while !cut_while_emptying(cut, cut, false).unwrap_or_else(|why| panic!("cut {cut}: {why}")) {
        cut += 1;
        assert!(cut < 500, "it never ends");
    }
    assert!(cut > 10, "only {cut} steps");
}

#[test]
fn the_suite_notices_when_an_evacuation_does_not_flush() {
    let caught = (0..60).any(|cut| {
        let lived = std::panic::catch_unwind(|| cut_while_emptying(cut, cut, true));
        !matches!(lived, Ok(Ok(_)))
    });
    assert!(caught, "sixty cuts without a flush and nothing was missed");
}

/// Grows the only volume by half, cut at operation `cut`; whether power held.
fn cut_while_growing(cut: u64, forgetful: bool) -> Result<bool, String> {
    let machine = Machine::new(1);
    drop(filled(&machine));
    let longer = VOLUME_LEN + VOLUME_LEN / 2;
    machine.volumes[0].truncate(longer);
    if forgetful {
        machine.volumes[0].ignore_flush();
    }
    machine.power.cut_after(cut);
    let grown = block_on(grow(&machine.volumes[0], longer as u64));
    let mut opened = false;
    if grown.is_ok()
        && let Ok(running) = machine.start()
    {
        opened = running.left_out.is_empty();
        if opened && running.put(9, &bytes_of(9, 40_000)).is_err() {
            opened = false;
        }
    }
    let held = !machine.power.is_off();
    machine.settle(&mut Chance::new(cut));
    let running = machine.start().map_err(|why| format!("{why:?}"))?;
    if let Some((_, why)) = running.left_out.first() {
        return Err(why.to_string());
    }
    all_are_whole(&running)?;
    drop(running);
    block_on(grow(&machine.volumes[0], longer as u64)).map_err(|why| why.to_string())?;
    let running = machine.start().map_err(|why| format!("{why:?}"))?;
    all_are_whole(&running)?;
    let row = running
        .ledger
        .read()
        .unwrap()
        .volume(&volume_id(0))
        .unwrap()
        .unwrap();
    if row.size <= VOLUME_LEN as u64 {
        return Err("it did not grow".into());
    }
    Ok(held && opened)
}

#[test]
fn a_volume_may_lose_power_at_every_step_of_growing() {
    let mut cut = 0;
    while !cut_while_growing(cut, false).unwrap_or_else(|why| panic!("cut {cut}: {why}")) {
        cut += 1;
        assert!(cut < 200, "it never ends");
    }
    assert!(cut > 4, "only {cut} steps");
}

#[test]
fn growing_twice_changes_nothing_and_shrinking_is_not_asked() {
    let machine = Machine::new(1);
    let disk = &machine.volumes[0];
    assert_eq!(block_on(grow(disk, VOLUME_LEN as u64)), Ok(None));
    assert_eq!(block_on(grow(disk, 1)), Ok(None));
    disk.truncate(VOLUME_LEN * 2);
    let longer = Some(VOLUME_LEN as u64 * 2);
    assert_eq!(block_on(grow(disk, u64::MAX)), Ok(longer));
    assert_eq!(block_on(grow(disk, u64::MAX)), Ok(None));
}
