//! What one get has learnt of its hosts: how fast each answered, who failed, who lied. Times and
//! faults enter, an order of asking and a patience leave. Kept in memory for one get: a host that
//! was bad an hour ago may be good now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use host_core::PeerId;

/// Patience while nothing at all is known.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);
/// Least patience: below this, spares would chase the noise of a busy machine.
const PATIENCE_MIN: Duration = Duration::from_millis(150);
/// How much slower a host may be than the middle one before a spare is asked.
const PATIENCE_FACTOR: u32 = 2;

/// One host's answers: the newest counts as much as all before.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Speed {
    /// Seconds until the first word.
    first: f64,
    /// Seconds a byte after that.
    byte: f64,
}

/// Everything learnt so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    speeds: BTreeMap<PeerId, Speed>,
    /// Seconds a host let us wait in vain; forgotten when it answers.
    late: BTreeMap<PeerId, f64>,
    failed: BTreeSet<PeerId>,
    lied: BTreeSet<PeerId>,
}

impl Pace {
    /// A host gave `len` bytes; `first` passed until its first word, `total` in all.
    pub(super) fn gave(&mut self, host: PeerId, len: u64, first: Duration, total: Duration) {
        let body = total.saturating_sub(first).as_secs_f64();
        let fresh = Speed {
            first: first.as_secs_f64(),
            byte: body / len.max(1) as f64,
        };
        let speed = self.speeds.entry(host).or_insert(fresh);
        speed.first = f64::midpoint(speed.first, fresh.first);
        speed.byte = f64::midpoint(speed.byte, fresh.byte);
        self.late.remove(&host);
    }

    /// A host has not answered after `passed`.
    pub(super) fn is_late(&mut self, host: PeerId, passed: Duration) {
        *self.late.entry(host).or_default() += passed.as_secs_f64();
    }

    /// A host could not be reached or broke off.
    pub(super) fn failed(&mut self, host: PeerId) {
        self.failed.insert(host);
    }

    /// A host gave bytes that are not the shard's.
    pub(super) fn lied(&mut self, host: PeerId) {
        self.lied.insert(host);
    }

    /// Those that failed may be asked once more; those that lied never.
    pub(super) fn pardon(&mut self) {
        self.failed.clear();
    }

    /// Whether a host may be asked.
    pub(super) fn trusts(&self, host: &PeerId) -> bool {
        !self.failed.contains(host) && !self.lied.contains(host)
    }

    /// Seconds a host is expected to take for `len` bytes. One nothing is known of is expected to
    /// take twice what the middle one does: it may be dead, and that is what finding out costs.
    pub(super) fn expects(&self, host: &PeerId, len: u64) -> f64 {
        let usual = match self.speeds.get(host) {
            Some(speed) => speed.first + speed.byte * len as f64,
            None => self.middle(len).unwrap_or(0.0) * f64::from(PATIENCE_FACTOR),
        };
        usual + self.late.get(host).copied().unwrap_or(0.0)
    }

    fn middle(&self, len: u64) -> Option<f64> {
        let speeds = self.speeds.values();
        median(speeds.map(|speed| speed.first + speed.byte * len as f64))
    }

    /// How long an answer of `len` bytes may take before a spare is asked: twice the middle of
    /// `times`, those that came for the same question, once half of the `wanted` ones are there;
    /// before that twice what the middle host is expected to take.
    pub(super) fn patience(&self, times: &[Duration], wanted: usize, len: u64) -> Duration {
        let middle = match times.len() * 2 >= wanted.max(1) {
            true => median(times.iter().map(Duration::as_secs_f64)),
            false => self.middle(len),
        };
        let Some(middle) = middle else {
            return FIRST_PATIENCE;
        };
        (Duration::from_secs_f64(middle) * PATIENCE_FACTOR).max(PATIENCE_MIN)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests;
