//! How well one endpoint has served: score, rest after failures, admission by the guard.
//!
//! Enters: outcomes with their time, given by the caller, so that tests need no waiting. Leaves:
//! whether and in which order to ask it. Invariants: rests double from `REST_MIN` to `REST_MAX`
//! and are spread by a random half, so that many clients do not return at once; a broken
//! connection takes the admission back, so the guard runs again before the next use.

use std::time::{Duration, Instant};

/// First rest after a failure.
const REST_MIN: Duration = Duration::from_millis(250);
/// Longest rest.
const REST_MAX: Duration = Duration::from_secs(30);
/// How long an endpoint of another chain is left alone before it is looked at again.
const QUARANTINE: Duration = Duration::from_secs(300);
/// Blocks an endpoint may stay behind the best head before it counts as lagging.
pub(crate) const LAG_MAX: u64 = 6;
/// Blocks two endpoints may be apart at most before one of them must be lying: no node that serves
/// is this far behind, and a false head far in the future would end agreements.
pub(crate) const APART_MAX: u64 = 10_000;

/// What the guard said of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Admission {
    Unknown,
    Admitted,
    Quarantined { until: Instant, why: String },
}

/// The record of one endpoint.
#[derive(Debug)]
pub(crate) struct Health {
    latency_ms: u64,
    failures: u32,
    errors_permille: u32,
    last_fault: Option<String>,
    rests_until: Option<Instant>,
    head: u64,
    admission: Admission,
}

impl Health {
    /// An endpoint nobody has used yet.
    pub(crate) fn new() -> Self {
        let admission = Admission::Unknown;
        Self {
            latency_ms: 0,
            failures: 0,
            errors_permille: 0,
            last_fault: None,
            rests_until: None,
            head: 0,
            admission,
        }
    }

    /// It answered after `latency`.
    pub(crate) fn answered(&mut self, latency: Duration) {
        let now_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        // A moving average over about eight answers.
        self.latency_ms = (self.latency_ms.saturating_mul(7).saturating_add(now_ms)) / 8;
        self.failures = 0;
        self.errors_permille = self.errors_permille * 15 / 16;
        self.last_fault = None;
        self.rests_until = None;
    }

    /// It failed at `now`; `dice` is a random byte.
    pub(crate) fn failed(&mut self, now: Instant, dice: u8) {
        let doubled = REST_MIN
            .saturating_mul(1 << self.failures.min(10))
            .min(REST_MAX);
        let spread = doubled.saturating_mul(u32::from(dice)) / 512;
        self.rests_until = Some(now + doubled / 2 + spread);
        self.failures = self.failures.saturating_add(1);
        self.errors_permille = (self.errors_permille * 15 + 1000) / 16;
        if self.admission == Admission::Admitted {
            self.admission = Admission::Unknown;
        }
    }

    /// What it did wrong last; forgotten with its next answer.
    pub(crate) fn fault(&mut self, why: String) {
        self.last_fault = Some(why);
    }

    /// What it did wrong last.
    pub(crate) fn last_fault(&self) -> Option<&str> {
        self.last_fault.as_deref()
    }

    /// Moving average of its answers' time.
    pub(crate) fn latency_ms(&self) -> u64 {
        self.latency_ms
    }

    /// Of a thousand requests, how many failed lately.
    pub(crate) fn errors_permille(&self) -> u32 {
        self.errors_permille
    }

    /// It named this head.
    pub(crate) fn saw_head(&mut self, head: u64) {
        self.head = head;
    }

    /// The head it named last; 0 before the first.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Whether the head it named last is too far behind `best` for its word to count.
    pub(crate) fn lags(&self, best: u64) -> bool {
        self.head != 0 && self.head.saturating_add(LAG_MAX) < best
    }

    /// The guard let it pass.
    pub(crate) fn admit(&mut self) {
        self.admission = Admission::Admitted;
    }

    /// The guard found another chain.
    pub(crate) fn quarantine(&mut self, now: Instant, why: String) {
        self.admission = Admission::Quarantined {
            until: now + QUARANTINE,
            why,
        };
    }

    /// Why it is locked out at `now`, if it is.
    pub(crate) fn quarantined(&self, now: Instant) -> Option<&str> {
        match &self.admission {
            Admission::Quarantined { until, why } if *until > now => Some(why),
            _ => None,
        }
    }

    /// Whether the guard has passed it and nothing broke since.
    pub(crate) fn admitted(&self) -> bool {
        self.admission == Admission::Admitted
    }

    /// When its rest ends, if it rests at `now`.
    pub(crate) fn rests(&self, now: Instant) -> Option<Instant> {
        self.rests_until.filter(|until| *until > now)
    }

    /// Lower is better: latency, a second for each failure in a row, one for errors only, two for a
    /// lag.
    pub(crate) fn score(&self, best_head: u64) -> u64 {
        let lag = if self.lags(best_head) { 2000 } else { 0 };
        self.latency_ms
            .saturating_add(u64::from(self.failures) * 1000)
            .saturating_add(u64::from(self.errors_permille))
            .saturating_add(lag)
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests;
