//! How far a drive is trusted: a pure state machine over what happened on it.
//!
//! Enters: signs (a bad extent, a read or a flush that failed, a stall, a clean pass, the drive's
//! own warning, the operator's word). Leaves: the next state and why. Invariants: trust falls at
//! once and by itself, and rises by itself only from suspect: after a whole clean pass, or, where
//! it stalled and nothing else was wrong, after an hour in time; what an operator ordered is
//! undone by an operator alone; a failed drive stays failed until its owner says otherwise.
//! Deliberately no clock and no device here.

use host_ledger::VolumeState;

/// Bad extents after which a drive takes no new shards.
pub const BAD_READ_ONLY: u64 = 8;
/// Failures one after another, no success between, after which a drive counts as gone.
pub const FAILURES_GONE: u64 = 16;
/// Stalls of ten seconds in one pass after which a drive takes no new shards.
pub const STALLS_READ_ONLY: u64 = 3;

/// What happened on a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A shard was read back whole.
    Good,
    /// A shard's bytes were others.
    BadExtent,
    /// A read failed.
    ReadFailed,
    /// A write or a flush failed: the fact ring was given up.
    WriteFailed,
    /// The drive stood still for ten seconds.
    Stalled,
    /// For an hour it did what it was asked in time.
    InTime,
    /// A whole pass found nothing bad.
    CleanPass,
    /// The drive itself says that its promises are not kept any more.
    SaysReadOnly,
    /// The drive itself says that it cannot be relied on: whatever still reads should move.
    SaysLeave,
    /// The device is not there.
    Missing,
    /// The operator: no new shards.
    OrderReadOnly,
    /// The operator: move everything away.
    OrderEvacuate,
    /// The operator: trust it again.
    OrderCancel,
}

/// What is counted of a drive. Counts since the last start, or the last clean pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Bad extents.
    pub bad: u64,
    /// Failures since the last success.
    pub failures: u64,
    /// Stalls.
    pub stalls: u64,
}

/// A change of state and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The new state.
    pub to: VolumeState,
    /// What led to it.
    pub why: &'static str,
}

/// Takes a sign; the change it brings, if it brings one.
pub const fn take(state: VolumeState, counts: &mut Counts, sign: Sign) -> Option<Change> {
    count(counts, sign);
    let next = match sign {
        Sign::OrderReadOnly => Some((VolumeState::ReadOnly, "the operator ordered it")),
        Sign::OrderEvacuate => Some((VolumeState::Evacuating, "the operator ordered it")),
        Sign::OrderCancel => {
            *counts = Counts {
                bad: 0,
                failures: 0,
                stalls: 0,
            };
            Some((VolumeState::Healthy, "the operator trusts it again"))
        }
        Sign::Missing => Some((VolumeState::Failed, "its device is not there")),
        _ => by_itself(state, counts, sign),
    };
    match next {
        Some((to, why)) if to as u8 != state as u8 => Some(Change { to, why }),
        _ => None,
    }
}

const fn count(counts: &mut Counts, sign: Sign) {
    match sign {
        Sign::Good => counts.failures = 0,
        // It read: the device is there.
        Sign::BadExtent => {
            counts.bad += 1;
            counts.failures = 0;
        }
        Sign::ReadFailed | Sign::WriteFailed => counts.failures += 1,
        Sign::Stalled => counts.stalls += 1,
        Sign::CleanPass => {
            *counts = Counts {
                bad: 0,
                failures: 0,
                stalls: 0,
            }
        }
        _ => (),
    }
}

const fn by_itself(
    state: VolumeState,
    counts: &Counts,
    sign: Sign,
) -> Option<(VolumeState, &'static str)> {
    if matches!(state, VolumeState::Failed) {
        return None;
    }
    if counts.failures >= FAILURES_GONE {
        return Some((VolumeState::Failed, "nothing on it can be read any more"));
    }
    if matches!(sign, Sign::SaysLeave) {
        let why = "the drive itself says that it fails";
        return Some((VolumeState::Evacuating, why));
    }
    let trusted = matches!(state, VolumeState::Healthy | VolumeState::Suspect);
    if !trusted {
        return None;
    }
    if counts.bad >= BAD_READ_ONLY {
        return Some((VolumeState::ReadOnly, "many extents on it are bad"));
    }
    if counts.stalls >= STALLS_READ_ONLY {
        return Some((VolumeState::ReadOnly, "it stalls again and again"));
    }
    match sign {
        Sign::WriteFailed => Some((VolumeState::ReadOnly, "it does not take writes")),
        Sign::SaysReadOnly => Some((VolumeState::ReadOnly, "the drive itself says so")),
        Sign::BadExtent => Some((VolumeState::Suspect, "an extent on it is bad")),
        Sign::ReadFailed => Some((VolumeState::Suspect, "a read on it failed")),
        Sign::Stalled => Some((VolumeState::Suspect, "it stalled")),
        Sign::CleanPass => Some((VolumeState::Healthy, "a whole pass found nothing bad")),
        Sign::InTime if counts.stalls > 0 && counts.bad == 0 && counts.failures == 0 => {
            Some((VolumeState::Healthy, "it answers in time again"))
        }
        _ => None,
    }
}

/// The name of a state, for people and metrics.
#[must_use]
pub const fn label(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Healthy => "healthy",
        VolumeState::Suspect => "suspect",
        VolumeState::ReadOnly => "read-only",
        VolumeState::Evacuating => "evacuating",
        VolumeState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests;
