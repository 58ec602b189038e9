//! How fast a scrub goes: slow enough to leave the drive to those who pay, fast enough to end a
//! pass in time. Pure.
//!
//! Enters: what is left of the pass and how long the last look took. Leaves: how long to wait.
//! Invariant: the drive is busy for the scrub at most a fixed share of the time; when that is not
//! fast enough for the deadline the pass is told to be behind, and the share stays.

use std::time::Duration;

/// A pass ends within this.
pub const PASS_WITHIN: Duration = Duration::from_secs(14 * 86_400);
/// A pass aims at this part of `PASS_WITHIN`, so that a restart or a busy week costs no deadline.
const AIM: (u32, u32) = (3, 4);
/// At most one part in so many of a drive's time is the scrub's.
const SHARE: u32 = 10;
/// The longest wait: doubts are looked at meanwhile.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Where a pass stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Since the pass began.
    pub elapsed: Duration,
    /// Bytes still to be read, the last look not among them.
    pub left: u64,
    /// Bytes of the last look.
    pub read: u64,
    /// How long that look took.
    pub took: Duration,
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long to wait before the next look.
    pub wait: Duration,
    /// Whether the pass will not end in time at this share of the drive.
    pub behind: bool,
}

/// The wait after a look.
#[must_use]
pub fn pace(at: &Standing) -> Pace {
    // The share: nine times as long as the look took.
    let least = at.took.saturating_mul(SHARE - 1);
    let aim = PASS_WITHIN * AIM.0 / AIM.1;
    let time = aim.saturating_sub(at.elapsed);
    // What is left is read evenly over the time that is left.
    let all = u128::from(at.left.saturating_add(at.read)).max(1);
    let even = time.as_micros().saturating_mul(u128::from(at.read)) / all;
    let even = Duration::from_micros(u64::try_from(even).unwrap_or(u64::MAX));
    let wait = even.saturating_sub(at.took);
    let left = PASS_WITHIN.saturating_sub(at.elapsed).as_micros();
    let each = least.saturating_add(at.took).as_micros();
    let needed = each.saturating_mul(u128::from(at.left)) / u128::from(at.read.max(1));
    Pace {
        wait: wait.max(least).min(WAIT_MAX.max(least)),
        behind: needed > left,
    }
}

#[cfg(test)]
mod tests;
