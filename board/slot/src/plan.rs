//! What is written, in which order, to put a version into the other slot, try it, keep it or leave
//! it. Pure: steps leave, facts enter; who carries the steps out is no matter here.
//!
//! The order is the safety: the kernel image of the other slot goes first and comes last, so a slot
//! that is half written has nothing to start it; the firmware is asked for one try only after all
//! of that is on the disk; the order of starting changes only after the try proved healthy. The
//! tests cut the power before, in and after every step, twice, and wipe the firmware's variables.

use crate::names::Slot;

/// One change of the disk, the firmware or the record. Each is durable before the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Takes back a wish to try something.
    ForgetNext,
    /// Removes the slot's kernel image, so that nothing starts what is being written.
    RemoveKernel(Slot),
    /// Writes the root into the slot's partition.
    WriteRoot(Slot),
    /// Reads the root back and compares it with what was signed; fails otherwise.
    CheckRoot(Slot),
    /// Writes the kernel image beside its place.
    WriteKernel(Slot),
    /// Puts the kernel image in its place.
    PlaceKernel(Slot),
    /// Forgets what was staged.
    ForgetStaged,
    /// Records what the slot now holds, so that it can be activated later.
    RecordStaged(Slot),
    /// Reads the kernel image back: it names the slot's root, and the firmware would start it.
    CheckKernel(Slot),
    /// Has the host take no new work.
    Drain,
    /// Has the host serve again, when it was drained for a restart.
    Serve,
    /// Writes the firmware's two entries where they are missing or differ.
    AssertEntries,
    /// Records that the slot is to be tried.
    RecordTrial(Slot),
    /// Asks the firmware to try the slot once.
    SetNext(Slot),
    /// Records that the firmware was asked: from now on a start of the other slot means that the
    /// try did not stay.
    RecordAsked(Slot),
    /// Starts the machine anew, through its firmware.
    Restart,
    /// Makes the slot the first to be started.
    SetOrder(Slot),
    /// Names the slot to the fallback loader.
    WriteLoader(Slot),
    /// Begins the count of starts anew.
    ClearBoots,
    /// Raises the version floor, when both slots satisfy it.
    RaiseFloor,
    /// Forgets the trial; nothing is under way any more.
    ForgetTrial,
    /// Keeps why a slot was left, for health and for the operator.
    KeepReason(Slot),
}

/// Puts a verified version into `slot`, which does not run.
#[must_use]
pub fn stage(slot: Slot) -> Vec<Step> {
    vec![
        Step::ForgetNext,
        Step::ForgetTrial,
        Step::ForgetStaged,
        Step::RemoveKernel(slot),
        Step::WriteRoot(slot),
        Step::CheckRoot(slot),
        Step::WriteKernel(slot),
        Step::PlaceKernel(slot),
        Step::RecordStaged(slot),
    ]
}

/// Tries what stands in `slot`. Both of its halves are read back first, because it may have been
/// staged long ago; nothing is asked of the firmware that it would refuse.
#[must_use]
pub fn activate(slot: Slot) -> Vec<Step> {
    vec![
        Step::CheckRoot(slot),
        Step::CheckKernel(slot),
        Step::AssertEntries,
        Step::Drain,
        Step::RecordTrial(slot),
        Step::ForgetStaged,
        Step::SetNext(slot),
        Step::RecordAsked(slot),
        Step::Restart,
    ]
}

/// Keeps `slot`, which runs and proved healthy.
#[must_use]
pub fn commit(slot: Slot) -> Vec<Step> {
    vec![
        // First: a firmware that refuses what follows must not keep a healthy host from its work.
        Step::Serve,
        Step::AssertEntries,
        Step::SetOrder(slot),
        Step::WriteLoader(slot),
        Step::ClearBoots,
        Step::RaiseFloor,
        Step::ForgetTrial,
    ]
}

/// Ends an activation that failed, most often at a firmware without room: nothing is tried, and the
/// host serves. Each of them is carried out even when one before it fails.
#[must_use]
pub fn call_off() -> Vec<Step> {
    vec![Step::ForgetNext, Step::ForgetTrial, Step::Serve]
}

/// Leaves `slot`, which runs and did not become healthy: the committed one follows by itself.
#[must_use]
pub fn give_up(slot: Slot) -> Vec<Step> {
    vec![Step::KeepReason(slot), Step::ForgetNext, Step::Restart]
}

/// Goes back to the other slot on an operator's word: a trial like any other.
#[must_use]
pub fn roll_back(running: Slot) -> Vec<Step> {
    activate(running.other())
}

/// What is known when the system has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The slot that runs, found by content.
    pub running: Slot,
    /// The first of the firmware's order that is ours; nothing when its variables were lost.
    pub committed: Option<Slot>,
    /// The slot that is recorded as tried.
    pub trial: Option<Slot>,
}

/// What a start means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nothing is under way: be healthy, then assert everything that firmware forgets.
    Steady,
    /// This start is a trial: become healthy in time, or give up.
    Trial,
    /// A trial of this slot did not stay: keep the reason and forget it, then be steady.
    Returned(Slot),
    /// Another slot than the committed one runs and nobody asked: that one does not start any more.
    /// Keep the reason; when healthy, keep this slot.
    Fell(Slot),
}

/// Judges a start.
#[must_use]
pub fn judge(facts: Facts) -> Start {
    match (facts.trial, facts.committed) {
        // A commit that was cut is steady: being healthy finishes it.
        (Some(trial), committed) if trial == facts.running => {
            if committed == Some(trial) {
                Start::Steady
            } else {
                Start::Trial
            }
        }
        (Some(trial), _) => Start::Returned(trial),
        (None, Some(committed)) if committed != facts.running => Start::Fell(committed),
        (None, _) => Start::Steady,
    }
}

#[cfg(test)]
mod tests;
