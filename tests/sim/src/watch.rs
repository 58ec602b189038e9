//! Who was well when: one look a block, so that a missed proof can be told from one that nobody
//! could have given.
//!
//! The promise: a host that was up while the chain answered calmly for `CHANCE` blocks in a row of
//! a proof's window has proven; a challenge on chain is lost only by a host whose bytes are gone.

use std::sync::{Arc, Mutex};

use crate::chain::World;
use crate::chain::proofs::RULES;
use crate::lock;
use crate::machine::Machine;
use crate::run::{Cast, Told};

/// Blocks in a row that are enough to prove in: look, read, send, be mined at a calm price.
const CHANCE: usize = 8;

/// One look.
#[derive(Debug, Clone)]
struct Sample {
    block: u64,
    fork: u64,
    /// The chain answered, at a calm price.
    calm: bool,
    /// Which machines ran, by their place in the cast.
    well: Vec<bool>,
}

/// The looks of a run; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Vec<Sample>>>);

impl Watch {
    /// Looks at everybody.
    pub(crate) fn note(&self, world: &World, machines: &[Arc<Machine>]) {
        lock(&self.0).push(Sample {
            block: world.head(),
            fork: world.fork,
            calm: !world.silent && world.floor <= 1,
            well: machines.iter().map(|machine| machine.is_well()).collect(),
        });
    }

    /// The longest run of blocks in `from..until` in which one machine could have proven.
    fn chance(&self, machine: usize, (from, until): (u64, u64)) -> usize {
        let (mut best, mut run, mut fork) = (0, 0, None);
        for sample in lock(&self.0).iter() {
            let inside = (from..until).contains(&sample.block);
            let same = fork.replace(sample.fork) == Some(sample.fork);
            let well = sample.well.get(machine) == Some(&true);
            run = if inside && same && well && sample.calm {
                run + 1
            } else {
                0
            };
            best = run.max(best);
        }
        best
    }
}

/// Asks whether every live host proved and no honest one lost a challenge.
pub(crate) fn keep(cast: &Cast, told: &mut Told) {
    if !cast.ground.proves {
        return;
    }
    let world = cast.ground.ether.world();
    let challenges = world.challenges();
    told.proofs = (world.proofs(), challenges.len());
    if told.proofs.0 == 0 {
        told.violations.push("nobody ever proved anything".into());
    }
    let over = RULES.period_of(world.head()).saturating_sub(1);
    for (place, machine) in cast.machines.iter().enumerate() {
        let (owner, host) = (machine.owner, machine.key.address());
        if machine.has_rotted() {
            continue;
        }
        for period in 0..over {
            let Some((_, deadline)) = world.seal(period) else {
                continue;
            };
            let owes = world.duty(host, period) > 0 && !world.proven(host, period);
            let window = (deadline - RULES.window_blocks, deadline);
            if owes && cast.watch.chance(place, window) >= CHANCE {
                let what = format!("host {owner} was well and did not prove period {period}");
                told.violations.push(what);
            }
        }
        let lost = challenges.iter();
        let lost = lost.filter(|(one, end)| one.host == host && *end == Some(false));
        if !machine.is_gone() {
            told.violations.extend(lost.map(|(one, _)| {
                let challenger = one.challenger;
                format!("host {owner} is honest and lost a challenge of {challenger}")
            }));
        }
    }
}
