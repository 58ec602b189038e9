//! Counts of observers become facts of a host, and the facts of several observers one.
//!
//! Enters: what an observer counted and when it said so. Leaves: shares and spans without any
//! clock in them. Invariant of the merge: every fact is the middle of the observers' own, so fewer
//! than half of them cannot move it outside what the others say; of two, each moves it half way.
//! An observer that answered and does not know the host counts as having seen nothing: silence of
//! one is weighed like any other word. Does not: weigh observers against each other.

use host_core::witness::{ScoreRules, Watched};
use serde::{Deserialize, Serialize};

/// A whole, in parts.
pub(crate) const WHOLE: u64 = 10_000;

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Slots with a heartbeat among those that could have had one, in ten-thousandths.
    pub uptime: u64,
    /// Milliseconds since the first heartbeat.
    pub age_ms: u64,
    /// Milliseconds of heartbeats, silence not counted.
    pub heard_ms: u64,
    /// Milliseconds since the newest heartbeat.
    pub silent_ms: u64,
    /// Version the host runs: major in the upper half, minor in the lower.
    pub version: u64,
    /// Bytes a second from the host.
    pub down: u64,
    /// Bytes a second to the host.
    pub up: u64,
}

/// What an observer's counts mean at `at_ms`, the moment it stated them.
#[must_use]
pub fn facts(watched: &Watched, at_ms: u64, rules: &ScoreRules) -> Facts {
    let slot = rules.slot_ms();
    let from = watched
        .from_ms
        .max(watched.first_ms)
        .max(at_ms.saturating_sub(rules.window_ms()));
    // The slot that runs may still bring its heartbeat.
    let due = (at_ms.saturating_sub(from) / slot).max(1);
    let seen = u64::from(watched.seen).min(due);
    Facts {
        uptime: seen * WHOLE / due,
        age_ms: at_ms.saturating_sub(watched.first_ms),
        heard_ms: watched.beats.saturating_mul(slot),
        silent_ms: at_ms.saturating_sub(watched.last_ms),
        version: version(&watched.version).unwrap_or_default(),
        down: watched.down.unwrap_or_default(),
        up: watched.up.unwrap_or_default(),
    }
}

/// The middle of what observers know; `None` stands for one that answered and knows nothing.
#[must_use]
pub fn merge(of: &[Option<Facts>]) -> Facts {
    let pick = |what: fn(&Facts) -> u64, absent: u64| {
        let told = of.iter().map(|facts| facts.as_ref().map_or(absent, what));
        middle(told.collect())
    };
    Facts {
        uptime: pick(|facts| facts.uptime, 0),
        age_ms: pick(|facts| facts.age_ms, 0),
        heard_ms: pick(|facts| facts.heard_ms, 0),
        silent_ms: pick(|facts| facts.silent_ms, u64::MAX),
        version: pick(|facts| facts.version, 0),
        down: pick(|facts| facts.down, 0),
        up: pick(|facts| facts.up, 0),
    }
}

/// The middle value; of an even number the mean of the two in the middle; of none 0.
pub(crate) fn middle(mut of: Vec<u64>) -> u64 {
    of.sort_unstable();
    let at = |index: usize| of.get(index).copied().unwrap_or_default();
    match of.len() {
        0 => 0,
        len if len % 2 == 1 => at(len / 2),
        len => at(len / 2 - 1).midpoint(at(len / 2)),
    }
}

/// `name/MAJOR.MINOR...` or `MAJOR.MINOR...` as one number.
pub(crate) fn version(text: &str) -> Option<u64> {
    let mut parts = text.rsplit('/').next()?.split('.');
    let mut part = || parts.next()?.parse::<u32>().ok();
    let (major, minor) = (part()?, part()?);
    Some(u64::from(major) << 32 | u64::from(minor))
}

#[cfg(test)]
mod tests;
