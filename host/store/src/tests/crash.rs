//! Power cuts. A seed chooses the operations, the moment power goes and what the disks kept.
//! After every cut: everything acknowledged is there byte for byte, nothing but the operation
//! under way may differ, free and used runs cover each volume exactly once, and the fact rings
//! alone tell the same story.

use std::collections::{BTreeMap, BTreeSet};

use host_core::{Amount, ShardId};
use host_store::Error;
use host_store::simulated::Chance;

use super::SEEDS;
use super::machine::{Failure, Machine, Running, bytes_of, digest, shard_of};

/// What the host gave its word on.
#[derive(Default)]
struct Model {
    /// Agreement to content and length.
    kept: BTreeMap<u64, (u64, usize)>,
    cheque: u128,
    /// Of the cheques, how many paid for reads.
    reads: u128,
    next: u64,
}

impl Model {
    fn pay(&mut self, sum: u128) {
        self.cheque = sum;
        self.reads += u128::from(sum.is_multiple_of(2));
    }
}

/// The operation power was cut in: it may have happened or not.
#[derive(Clone, Copy)]
enum Doubt {
    Put(u64, u64, usize),
    Remove(u64),
    Pay(u128),
    Nothing,
}

/// One random operation; the doubt it leaves when power goes.
fn step(model: &mut Model, chance: &mut Chance, running: &Running) -> Result<Doubt, String> {
    let some_kept = {
        let count = model.kept.len() as u64;
        let index = usize::try_from(chance.below(count)).unwrap();
        model.kept.keys().nth(index).copied()
    };
    let settled = |done: Result<(), Failure>, doubt| match done {
        Ok(()) => Ok(None),
        Err(failure) if is_dark(&failure) => Ok(Some(doubt)),
        Err(failure) => Err(format!("{failure:?}")),
    };
    match (chance.below(10), some_kept) {
        (0..=2, Some(n)) => {
            let doubt = settled(running.remove(n), Doubt::Remove(n))?;
            if doubt.is_none() {
                model.kept.remove(&n);
            }
            Ok(doubt.unwrap_or(Doubt::Nothing))
        }
        (3..=4, Some(n)) => {
            let sum = model.cheque + 1;
            let doubt = settled(running.pay(n, sum), Doubt::Pay(sum))?;
            if doubt.is_none() {
                model.pay(sum);
            }
            Ok(doubt.unwrap_or(Doubt::Nothing))
        }
        _ => {
            model.next += 1;
            let (n, content) = (model.next, chance.below(12));
            let len = 1 + usize::try_from(content * 20_011).unwrap();
            match running.put(n, &bytes_of(content, len)) {
                Err(Failure::Store(Error::NoSpace { .. })) => Ok(Doubt::Nothing),
                done => {
                    let doubt = settled(done, Doubt::Put(n, content, len))?;
                    if doubt.is_none() {
                        model.kept.insert(n, (content, len));
                    }
                    Ok(doubt.unwrap_or(Doubt::Nothing))
                }
            }
        }
    }
}

/// Whether a failure is what an operation sees when power goes.
fn is_dark(failure: &Failure) -> bool {
    matches!(
        failure,
        // A volume whose opening the cut interrupted is left out: then there is no space either.
        Failure::Store(Error::Device(_) | Error::NoSpace { free: 0, .. })
            | Failure::Store(Error::Ledger(
                host_ledger::Error::Database { .. } | host_ledger::Error::Closed
            ))
            | Failure::Ledger(host_ledger::Error::Database { .. } | host_ledger::Error::Closed)
    )
}

/// Checks a started machine against the model, and resolves the doubt in the model.
fn check(running: &Running, model: &mut Model, doubt: Doubt) -> Result<(), String> {
    if let Some((name, error)) = running.left_out.first() {
        return Err(format!("{name} is left out: {error}"));
    }
    let view = running.ledger.read().map_err(|e| e.to_string())?;
    let is_active = |n: u64| {
        let row = view.agreement(&digest(n)).map_err(|e| e.to_string())?;
        Ok::<bool, String>(row.is_some_and(|row| row.state.is_open()))
    };
    match doubt {
        Doubt::Put(n, content, len) if is_active(n)? => {
            model.kept.insert(n, (content, len));
        }
        Doubt::Remove(n) if !is_active(n)? => {
            model.kept.remove(&n);
        }
        _ => (),
    }
    let mut shards: BTreeMap<ShardId, Vec<u8>> = BTreeMap::new();
    for (n, (content, len)) in &model.kept {
        if !is_active(*n)? {
            return Err(format!("agreement {n} was acknowledged and is gone"));
        }
        let bytes = bytes_of(*content, *len);
        shards.insert(shard_of(&bytes), bytes);
    }
    for (shard, bytes) in &shards {
        match running.get(shard) {
            Ok(Some(found)) if found == *bytes => (),
            other => {
                return Err(format!(
                    "shard {shard}: {:?}",
                    other.map(|found| found.is_some())
                ));
            }
        }
    }
    let placed: BTreeSet<ShardId> = view
        .placements(None, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|(shard, _)| shard)
        .collect();
    if placed != shards.keys().copied().collect() {
        return Err(format!(
            "{} shards placed, {} kept",
            placed.len(),
            shards.len()
        ));
    }
    let cheques = view.cheques(None, 9).unwrap();
    let sum = cheques
        .first()
        .map_or(Amount::ZERO, |row| row.cheque.cheque.cumulative)
        .0;
    if sum != model.cheque && !matches!(doubt, Doubt::Pay(doubted) if doubted == sum) {
        return Err(format!("cheque of {sum}, acknowledged {}", model.cheque));
    }
    if sum != model.cheque {
        model.pay(sum);
    }
    let for_reads = cheques.first().map_or(0, |row| row.reads_paid.0);
    if for_reads != model.reads {
        return Err(format!(
            "{for_reads} paid for reads, acknowledged {}",
            model.reads
        ));
    }
    running.check_space()
}

/// Runs one seed: three lives that each end in a power cut. Errors with what was lost.
fn live_through(seed: u64, machine: &Machine) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let mut model = Model::default();
    for _life in 0..3 {
        machine.power.cut_after(chance.below(260));
        let mut doubt = Doubt::Nothing;
        match machine.start() {
            Ok(running) => {
                while !machine.power.is_off() {
                    doubt = step(&mut model, &mut chance, &running)?;
                }
            }
            Err(failure) if machine.power.is_off() && is_dark(&failure) => (),
            Err(failure) => return Err(format!("start: {failure:?}")),
        }
        machine.settle(&mut chance);
        check_rings(machine, &model, doubt)?;
        let running = machine
            .start()
            .map_err(|failure| format!("start: {failure:?}"))?;
        check(&running, &mut model, doubt)?;
    }
    Ok(())
}

/// The state device is lost in the same cut: the rings alone must tell the same.
/// The volumes are copies, so the machine itself goes on undisturbed.
fn check_rings(machine: &Machine, model: &Model, doubt: Doubt) -> Result<(), String> {
    let copy = machine.copy();
    let running = copy
        .start_without_state()
        .map_err(|failure| format!("rings: {failure:?}"))?;
    let mut model = Model {
        kept: model.kept.clone(),
        ..*model
    };
    check(&running, &mut model, doubt).map_err(|why| format!("rings: {why}"))
}

/// Seeds tried; `HOLDFAST_SEEDS` asks for more.
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("HOLDFAST_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok());
    0..asked.unwrap_or(SEEDS)
}

#[test]
fn nothing_acknowledged_is_lost_and_no_extent_leaks_whenever_power_goes() {
    for seed in seeds() {
        let machine = Machine::new(2);
        if let Err(why) = live_through(seed, &machine) {
            panic!("seed {seed}: {why}");
        }
    }
}

#[test]
fn the_suite_notices_when_volumes_do_not_flush() {
    let caught = (0..40).any(|seed| {
        let machine = Machine::new(2);
        machine.volumes.iter().for_each(|disk| disk.ignore_flush());
        live_through(seed, &machine).is_err()
    });
    assert!(caught, "forty seeds without a flush and nothing was missed");
}

#[test]
fn the_suite_notices_when_the_state_device_does_not_flush() {
    let caught = (0..40).any(|seed| {
        let machine = Machine::new(2);
        machine.state.ignore_flush();
        // A database torn this badly may also end in a panic of its own.
        let lived = std::panic::catch_unwind(|| live_through(seed, &machine));
        !matches!(lived, Ok(Ok(())))
    });
    assert!(caught, "forty seeds without a flush and nothing was missed");
}

/// Goal: every single step of the write path is a place power may go.
/// Method: one fixed life (put, put again as a lease, pay, remove, put into the freed space), cut
/// once at each write and flush it makes, with two ways the disks may have decided.
#[test]
fn every_step_of_the_write_path_may_be_the_last() {
    let life = |machine: &Machine, model: &mut Model| -> Result<Doubt, String> {
        let running = match machine.start() {
            Ok(running) => running,
            Err(failure) if is_dark(&failure) => return Ok(Doubt::Nothing),
            Err(failure) => return Err(format!("start: {failure:?}")),
        };
        let puts = [(1, 5, 100_055), (2, 5, 100_055), (3, 6, 1_700_000)];
        for (n, content, len) in puts {
            match running.put(n, &bytes_of(content, len)) {
                Ok(()) => model.kept.insert(n, (content, len)),
                Err(failure) if is_dark(&failure) => return Ok(Doubt::Put(n, content, len)),
                Err(failure) => return Err(format!("{failure:?}")),
            };
        }
        match running.pay(1, 5) {
            Ok(()) => model.pay(5),
            Err(failure) if is_dark(&failure) => return Ok(Doubt::Pay(5)),
            Err(failure) => return Err(format!("{failure:?}")),
        }
        for n in [1, 3] {
            match running.remove(n) {
                Ok(()) => model.kept.remove(&n),
                Err(failure) if is_dark(&failure) => return Ok(Doubt::Remove(n)),
                Err(failure) => return Err(format!("{failure:?}")),
            };
        }
        match running.put(4, &bytes_of(7, 1_800_000)) {
            Ok(()) => model.kept.insert(4, (7, 1_800_000)),
            Err(failure) if is_dark(&failure) => return Ok(Doubt::Put(4, 7, 1_800_000)),
            Err(failure) => return Err(format!("{failure:?}")),
        };
        Ok(Doubt::Nothing)
    };
    let whole = Machine::new(1);
    let formatted = whole.power.operations();
    life(&whole, &mut Model::default()).unwrap();
    let steps = whole.power.operations() - formatted;
    assert!(steps > 60, "only {steps} steps");
    for cut in 0..steps {
        for seed in [cut, cut + 1000] {
            let machine = Machine::new(1);
            let mut model = Model::default();
            machine.power.cut_after(cut);
            let doubt = life(&machine, &mut model).unwrap();
            machine.settle(&mut Chance::new(seed));
            check_rings(&machine, &model, doubt).unwrap_or_else(|why| panic!("cut {cut}: {why}"));
            let running = machine.start();
            let running = running.unwrap_or_else(|why| panic!("cut {cut}: {why:?}"));
            check(&running, &mut model, doubt).unwrap_or_else(|why| panic!("cut {cut}: {why}"));
        }
    }
}
