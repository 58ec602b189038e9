//! Memory: how much we may hold, how hard the kernel works to give it, and what to do.
//!
//! Enters: /proc, the own cgroup, once a second and whenever a pressure trigger fires. Leaves: a
//! [`Verdict`] with level, cause and readings, and the alarm of a slope that ends in exhaustion.
//! Levels are entered on stall totals and triggers, since averages come seconds late, and left on
//! the minute's average. Never written here: drop_caches, which is global and hurts neighbours.

mod budget;
mod ladder;
mod sampler;
mod slope;
mod text;
mod trigger;

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::gap::Gap;

pub use budget::{Budget, Origin};
pub use ladder::{ANON_PERCENT, Cause, LEFT_PERCENT, Ladder, ROOMY_PERCENT, Reading, Verdict};
pub use sampler::{Roots, Sample, Sampler};
pub use slope::{Leak, LeakOf, Slope, SlopeRule};
pub use trigger::{Kind, Trigger};

/// Limits may be changed while we run.
const BUDGET_PAUSE: Duration = Duration::from_secs(60);

/// Sampler, ladder and slopes together: what a daemon steps once a second.
#[derive(Debug)]
pub struct Memory {
    sampler: Sampler,
    ladder: Ladder,
    anon: Slope,
    kernel: Slope,
    budget_read: Option<Duration>,
    last: Sample,
}

impl Memory {
    /// Opens what can be opened under `roots`; the rest is a gap.
    #[must_use]
    pub fn open(roots: Roots) -> Self {
        let sampler = Sampler::open(roots);
        Self {
            ladder: Ladder::new(sampler.budget()),
            sampler,
            anon: Slope::new(SlopeRule::ANON),
            kernel: Slope::new(SlopeRule::KERNEL),
            budget_read: None,
            last: Sample::default(),
        }
    }

    /// Looks and judges at `at`, monotonic. `peers` is how many peers hold a connection: growth
    /// with their number is no leak. `may_restart` is false while the last restart for memory is
    /// less than an hour old; the level then stays at shed.
    pub fn step(&mut self, at: Duration, peers: u32, may_restart: bool) -> (Verdict, Vec<Leak>) {
        let due = self
            .budget_read
            .is_none_or(|last| at.saturating_sub(last) >= BUDGET_PAUSE);
        if due {
            self.budget_read = Some(at);
            self.ladder.set_budget(self.sampler.read_budget());
        }
        let sample = self.sampler.look();
        let verdict = self.ladder.judge(at, &sample, may_restart);
        let mut leaks = Vec::new();
        if let (Some(anon), Some(budget)) = (sample.anon, self.ladder.budget()) {
            leaks.extend(self.anon.observe(at, anon, peers, budget.bytes));
        }
        if let (Some(kernel), Some((_, total))) = (sample.kernel, sample.available) {
            leaks.extend(self.kernel.observe(at, kernel, peers, total));
        }
        self.last = sample;
        (verdict, leaks)
    }

    /// The last sample.
    #[must_use]
    pub const fn sample(&self) -> &Sample {
        &self.last
    }

    /// What cannot be read here, and why.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        self.sampler.gaps()
    }

    /// Descriptors that become urgent (POLLPRI) when a trigger fires, so that a thread can sleep on
    /// them instead of a clock.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sampler.descriptors()
    }
}

#[cfg(test)]
mod tests;
