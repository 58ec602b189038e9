//! Power cuts before, in and after every step, twice in a row, over a simulated disk and firmware.
//! Whatever happens, the machine ends up healthy on a version that is good.

use super::{Facts, Start, Step, activate, call_off, commit, give_up, judge, roll_back, stage};
use crate::names::{BOOTS_MOST, Slot};

/// What stands in a place that is written in one go or in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Empty,
    Torn,
    Version(u8),
}

/// A machine as far as starting it matters.
#[derive(Debug, Clone)]
struct Machine {
    roots: [Place; 2],
    kernels: [Place; 2],
    beside: Place,
    loader: Option<Slot>,
    entries: bool,
    order: Option<Slot>,
    next: Option<Slot>,
    boots: u8,
    trial: Option<Slot>,
    asked: bool,
    staged: Option<Slot>,
    drained: bool,
    reasons: Vec<Slot>,
    /// The version that is being staged.
    new: u8,
    /// Versions that start but never become healthy.
    bad: Vec<u8>,
    /// Times the fallback loader was needed; it cannot tell a torn configuration from none.
    torn_loader: bool,
    /// The firmware takes nothing new; it still removes.
    full: bool,
}

fn at(slot: Slot) -> usize {
    match slot {
        Slot::A => 0,
        Slot::B => 1,
    }
}

/// A machine that runs version 1 from slot a and has `other` in slot b.
fn machine(other: Place, bad: &[u8]) -> Machine {
    Machine {
        roots: [Place::Version(1), other],
        kernels: [Place::Version(1), other],
        beside: Place::Empty,
        loader: Some(Slot::A),
        entries: true,
        order: Some(Slot::A),
        next: None,
        boots: 0,
        trial: None,
        asked: false,
        staged: None,
        drained: false,
        reasons: Vec::new(),
        new: 2,
        bad: bad.to_vec(),
        torn_loader: false,
        full: false,
    }
}

/// How much of a step is done when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Before,
    Within,
    After,
}

impl Machine {
    /// Carries a step out, or a part of it. Says whether the machine goes on.
    fn apply(&mut self, step: &Step, torn: bool) -> bool {
        if self.full && self.needs_room(step) {
            return false;
        }
        let new = if torn {
            Place::Torn
        } else {
            Place::Version(self.new)
        };
        match *step {
            Step::RemoveKernel(slot) => {
                self.kernels[at(slot)] = if torn { Place::Torn } else { Place::Empty };
            }
            Step::WriteRoot(slot) => self.roots[at(slot)] = new,
            Step::CheckRoot(slot) => {
                return matches!(self.roots[at(slot)], Place::Version(_));
            }
            // The kernel image in place belongs to the root in place, and is whole.
            Step::CheckKernel(slot) => {
                let kernel = self.kernels[at(slot)];
                return matches!(kernel, Place::Version(_)) && kernel == self.roots[at(slot)];
            }
            Step::WriteKernel(_) => self.beside = new,
            Step::PlaceKernel(slot) if torn => self.kernels[at(slot)] = Place::Torn,
            Step::PlaceKernel(slot) => {
                self.kernels[at(slot)] = self.beside;
                self.beside = Place::Empty;
            }
            Step::WriteLoader(_) if torn => self.torn_loader = true,
            Step::WriteLoader(slot) => {
                self.loader = Some(slot);
                self.torn_loader = false;
            }
            // One call of the firmware or one rename in a journal: old or new, never half.
            _ if torn => {}
            Step::ForgetNext => self.next = None,
            Step::AssertEntries => self.entries = true,
            Step::ForgetStaged => self.staged = None,
            Step::RecordStaged(slot) => self.staged = Some(slot),
            Step::Drain => self.drained = true,
            Step::Serve => self.drained = false,
            Step::RecordTrial(slot) => {
                self.trial = Some(slot);
                self.asked = false;
            }
            Step::RecordAsked(_) => self.asked = true,
            Step::SetNext(slot) => self.next = Some(slot),
            Step::SetOrder(slot) => self.order = Some(slot),
            Step::ClearBoots => self.boots = 0,
            Step::ForgetTrial => self.trial = None,
            Step::KeepReason(slot) => self.reasons.push(slot),
            Step::RaiseFloor => {}
            Step::Restart => return false,
        }
        true
    }

    /// Whether a step writes a variable that is not so already.
    fn needs_room(&self, step: &Step) -> bool {
        match *step {
            Step::AssertEntries => !self.entries,
            Step::SetOrder(slot) => self.order != Some(slot),
            Step::SetNext(_) => true,
            Step::ClearBoots => self.boots != 0,
            _ => false,
        }
    }

    /// What the firmware starts, and the boot program after it. Nothing: the machine came back to
    /// its firmware, as it does after every failed start.
    fn start(&mut self) -> Option<Slot> {
        let wanted = self.next.take().filter(|_| self.entries);
        let listed = [self.order, self.order.map(Slot::other)];
        let fallback = [self.loader.filter(|_| !self.torn_loader), self.newest()];
        let mut ways = vec![wanted];
        if self.entries {
            ways.extend(listed);
        }
        ways.extend(fallback);
        let slot = ways
            .into_iter()
            .flatten()
            .find(|slot| matches!(self.kernels[at(*slot)], Place::Version(_)))?;
        // A store that refuses must not keep a good machine from starting.
        self.boots += u8::from(!self.full);
        if self.boots > BOOTS_MOST {
            self.boots = 0;
            self.next = Some(slot.other());
            return None;
        }
        // The slot is found by content: a kernel starts the root it belongs to, wherever that is.
        let kernel = self.kernels[at(slot)];
        Slot::BOTH
            .into_iter()
            .find(|place| self.roots[at(*place)] == kernel)
    }

    fn newest(&self) -> Option<Slot> {
        Slot::BOTH
            .into_iter()
            .filter(|slot| matches!(self.kernels[at(*slot)], Place::Version(_)))
            .max_by_key(|slot| match self.kernels[at(*slot)] {
                Place::Version(version) => version,
                _ => 0,
            })
    }

    fn healthy(&self, slot: Slot) -> bool {
        match self.roots[at(slot)] {
            Place::Version(version) => !self.bad.contains(&version),
            _ => false,
        }
    }

    /// What the updater does after a start, as a list of steps.
    fn after_start(&self, running: Slot) -> Vec<Step> {
        let facts = Facts {
            running,
            committed: self.order.filter(|_| self.entries),
            trial: self.trial,
        };
        let healthy = self.healthy(running);
        let kept = |slot| vec![Step::KeepReason(slot), Step::ForgetTrial];
        match (judge(facts), healthy) {
            (Start::Trial | Start::Steady, true) => commit(running),
            (Start::Trial, false) => give_up(running),
            (Start::Returned(slot) | Start::Fell(slot), true) => {
                let mut steps = kept(slot);
                steps.extend(commit(running));
                steps
            }
            // Not healthy and nothing to go back to by itself: the count of starts decides.
            (_, false) => vec![Step::Restart],
        }
    }
}

/// Starts and follows the plan until nothing is left to do; the power goes once at `cut`.
fn settle(machine: &mut Machine, cut: Option<(usize, Cut)>) -> Slot {
    let mut steps_done = 0;
    for _ in 0..40 {
        let Some(running) = machine.start() else {
            continue;
        };
        let steps = machine.after_start(running);
        let ends = !steps.contains(&Step::Restart);
        let mut whole = true;
        for step in steps {
            if let Some((when, how)) = cut
                && steps_done == when
            {
                steps_done += 1;
                match how {
                    Cut::Before => {}
                    Cut::Within => drop(machine.apply(&step, true)),
                    Cut::After => drop(machine.apply(&step, false)),
                }
                whole = false;
                break;
            }
            steps_done += 1;
            if !machine.apply(&step, false) {
                whole = false;
                break;
            }
        }
        if whole && ends {
            return running;
        }
    }
    panic!("never came to rest: {machine:?}");
}

/// Runs steps with a cut; says whether all were done.
fn run(machine: &mut Machine, steps: &[Step], when: usize, how: Cut) {
    for (index, step) in steps.iter().enumerate() {
        if index == when {
            match how {
                Cut::Before => {}
                Cut::Within => drop(machine.apply(step, true)),
                Cut::After => drop(machine.apply(step, false)),
            }
            return;
        }
        if !machine.apply(step, false) {
            return;
        }
    }
}

const HOWS: [Cut; 3] = [Cut::Before, Cut::Within, Cut::After];

fn upgrade(slot: Slot) -> Vec<Step> {
    let mut steps = stage(slot);
    steps.extend(activate(slot));
    steps
}

fn check(machine: &Machine, running: Slot, told: &str) {
    assert!(machine.healthy(running), "{told}: {machine:?}");
    assert_eq!(machine.order, Some(running), "{told}: {machine:?}");
    assert_eq!(machine.loader, Some(running), "{told}: {machine:?}");
    assert_eq!(machine.trial, None, "{told}: {machine:?}");
    assert_eq!(machine.boots, 0, "{told}: {machine:?}");
    assert!(!machine.drained, "{told}: {machine:?}");
    if let Some(slot) = machine.staged {
        // What is recorded as staged can be activated: both halves are there, and it does not run.
        let whole = matches!(machine.roots[at(slot)], Place::Version(_));
        let alike = machine.roots[at(slot)] == machine.kernels[at(slot)];
        assert!(whole && alike && slot != running, "{told}: {machine:?}");
    }
    let mut wiped = machine.clone();
    wiped.order = None;
    wiped.next = None;
    wiped.entries = false;
    wiped.boots = 0;
    let after = settle(&mut wiped, None);
    assert!(wiped.healthy(after), "{told}, wiped: {wiped:?}");
}

#[test]
fn two_cuts_anywhere_end_healthy_and_a_bad_version_never_stays() {
    let mut looked = 0;
    for other in [Place::Empty, Place::Torn, Place::Version(0)] {
        for bad in [&[][..], &[2][..]] {
            let steps = upgrade(Slot::B);
            for when in 0..=steps.len() {
                for how in HOWS {
                    let mut first = machine(other, bad);
                    run(&mut first, &steps, when, how);
                    for again in 0..16 {
                        for second in HOWS {
                            let mut copy = first.clone();
                            let running = settle(&mut copy, Some((again, second)));
                            let told =
                                format!("{other:?} {bad:?} {when} {how:?} {again} {second:?}");
                            check(&copy, running, &told);
                            looked += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(looked > 10_000, "{looked}");
}

#[test]
fn a_good_version_without_cuts_is_kept() {
    let mut machine = machine(Place::Empty, &[]);
    run(&mut machine, &upgrade(Slot::B), usize::MAX, Cut::Before);
    assert_eq!(settle(&mut machine, None), Slot::B);
    assert_eq!(machine.order, Some(Slot::B));
    assert!(machine.reasons.is_empty());
}

#[test]
fn a_version_that_is_never_healthy_leaves_its_reason_and_the_old_one() {
    let mut machine = machine(Place::Empty, &[2]);
    run(&mut machine, &upgrade(Slot::B), usize::MAX, Cut::Before);
    assert_eq!(settle(&mut machine, None), Slot::A);
    assert!(machine.reasons.contains(&Slot::B));
}

#[test]
fn a_version_that_hangs_before_anything_leaves_the_old_one() {
    let mut machine = machine(Place::Empty, &[]);
    run(&mut machine, &upgrade(Slot::B), usize::MAX, Cut::Before);
    // The try happens and the watchdog ends it before a line is written.
    assert_eq!(machine.start(), Some(Slot::B));
    assert_eq!(settle(&mut machine, None), Slot::A);
    assert_eq!(machine.reasons, [Slot::B]);
}

#[test]
fn a_committed_slot_that_rots_is_left_for_the_other() {
    let mut machine = machine(Place::Version(0), &[]);
    machine.roots[0] = Place::Torn;
    assert_eq!(settle(&mut machine, None), Slot::B);
    assert_eq!(machine.order, Some(Slot::B));
    assert_eq!(machine.reasons, [Slot::A]);
}

#[test]
fn wiped_variables_during_any_step_of_an_upgrade_end_healthy() {
    for bad in [&[][..], &[2][..]] {
        let steps = upgrade(Slot::B);
        for when in 0..=steps.len() {
            for how in HOWS {
                let mut machine = machine(Place::Version(0), bad);
                run(&mut machine, &steps, when, how);
                machine.entries = false;
                machine.order = None;
                machine.next = None;
                machine.boots = 0;
                let running = settle(&mut machine, None);
                check(&machine, running, &format!("{bad:?} {when} {how:?}"));
            }
        }
    }
}

#[test]
fn going_back_on_an_operators_word_is_a_trial_too() {
    for when in 0..=roll_back(Slot::A).len() {
        for how in HOWS {
            let mut machine = machine(Place::Version(0), &[]);
            run(&mut machine, &roll_back(Slot::A), when, how);
            let running = settle(&mut machine, None);
            check(&machine, running, &format!("{when} {how:?}"));
        }
    }
    let mut machine = machine(Place::Version(0), &[0]);
    run(&mut machine, &roll_back(Slot::A), usize::MAX, Cut::Before);
    assert_eq!(settle(&mut machine, None), Slot::A);
}

#[test]
fn a_slot_that_cannot_be_read_back_is_not_gone_back_to() {
    let mut machine = machine(Place::Torn, &[]);
    run(&mut machine, &roll_back(Slot::A), usize::MAX, Cut::Before);
    assert_eq!(machine.trial, None);
    assert_eq!(machine.next, None);
}

#[test]
fn what_was_staged_can_be_activated_after_any_number_of_starts() {
    let mut machine = machine(Place::Empty, &[]);
    run(&mut machine, &stage(Slot::B), usize::MAX, Cut::Before);
    for _ in 0..5 {
        assert_eq!(settle(&mut machine, None), Slot::A);
        assert_eq!(machine.staged, Some(Slot::B));
    }
    run(&mut machine, &activate(Slot::B), usize::MAX, Cut::Before);
    assert_eq!(settle(&mut machine, None), Slot::B);
    assert_eq!(machine.staged, None);
}

#[test]
fn a_try_counts_as_asked_only_when_the_firmware_was_asked() {
    let steps = activate(Slot::B);
    for when in 0..=steps.len() {
        for how in HOWS {
            let mut machine = machine(Place::Version(2), &[]);
            run(&mut machine, &steps, when, how);
            // Whether the firmware heard of it shows in what it starts.
            let heard = machine.next == Some(Slot::B);
            assert!(!machine.asked || heard, "{when} {how:?}: {machine:?}");
        }
    }
}

#[test]
fn a_firmware_without_room_keeps_no_healthy_version_from_its_work() {
    let steps = upgrade(Slot::B);
    for bad in [&[][..], &[2][..]] {
        // The room goes before any step: then something is refused, or it is already too late to.
        for when in 0..=steps.len() {
            let mut machine = machine(Place::Version(0), bad);
            run(&mut machine, &steps, when, Cut::Before);
            machine.full = true;
            for step in steps.iter().skip(when) {
                if !machine.apply(step, false) {
                    break;
                }
            }
            let told = format!("{bad:?} {when}");
            if machine.next.is_none() {
                for step in call_off() {
                    machine.apply(&step, false);
                }
                assert!(!machine.drained, "{told}: {machine:?}");
            }
            for _ in 0..3 {
                let running = machine.start().expect("there is always one that starts");
                let steps = machine.after_start(running);
                let _ = steps.iter().all(|step| machine.apply(step, false));
                assert!(
                    !machine.healthy(running) || !machine.drained,
                    "{told}: {machine:?}"
                );
            }
            let running = machine.start().expect("there is always one that starts");
            assert!(machine.healthy(running), "{told}: {machine:?}");
            machine.full = false;
            let running = settle(&mut machine, None);
            check(&machine, running, &told);
        }
    }
}

#[test]
fn a_kernel_that_belongs_to_another_root_is_not_activated() {
    let mut machine = machine(Place::Version(0), &[]);
    machine.kernels[1] = Place::Version(3);
    run(&mut machine, &activate(Slot::B), usize::MAX, Cut::Before);
    assert_eq!((machine.trial, machine.next), (None, None));
}
