//! The ladder of memory: samples and the caller's monotonic clock enter, a level and its cause
//! leave. Pure, so that recorded traces test it.
//!
//! Up at once, by as many levels as the readings say; down by one, when every input is below 80 %
//! of what enters the present level, the minute's stall average is below 2 %, and the level has
//! stood for a minute. A restart is dear: it needs three samples in a row, and the caller may
//! forbid it.
//!
//! | level | own memory of budget | machine left | stalls | other |
//! |---|---|---|---|---|
//! | trim | 70 % | 15 % | some: a window with 100 ms of 2 s | 20,000 refaults a second for 6 s |
//! | pause | 80 % | 10 % | some: three such windows | |
//! | shed | 90 % | 6 % | full: three such windows | |
//! | restart | 97 % | 3 % | full: a quarter of 30 s | five minutes at shed |
//!
//! Stalls of the whole machine, read where our own cgroup tells none, enter no more than trim while
//! [`ROOMY_PERCENT`] of the machine is available: somebody else's copy of a large file stalls on
//! its own pages, and a host that refused shards for it would help nobody.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::budget::Budget;
use super::sampler::Sample;
use super::trigger::{STALL_MS, WINDOW_MS};
use crate::Level;

/// Percent of the budget that enters trim, pause, shed, restart.
pub const ANON_PERCENT: [u64; 4] = [70, 80, 90, 97];
/// Percent of the machine still available that enters them.
pub const LEFT_PERCENT: [u64; 4] = [15, 10, 6, 3];
/// Percent of the machine available from which stalls that are not our own cgroup's do not press.
pub const ROOMY_PERCENT: u64 = 30;
const WINDOW: Duration = Duration::from_millis(WINDOW_MS);
/// Windows in a row that make pause (some) or shed (full), and that refaults must last.
const WINDOWS: u32 = 3;
/// Windows of the long look at full stalls: 30 s.
const LONG: usize = 15;
const LONG_PERCENT: u64 = 25;
const REFAULTS: u64 = 20_000;
/// Stalled share of the last minute below which a level may fall, in hundredths of a percent.
const FALL_AVG60: u32 = 200;
const FALL_PERCENT: u64 = 80;
const STAND: Duration = Duration::from_secs(60);
const STUCK: Duration = Duration::from_secs(300);
const RESTART_SAMPLES: u32 = 3;
/// The four levels above calm, in the order of the tables.
const LEVELS: [Level; 4] = [Level::Trim, Level::Pause, Level::Shed, Level::Restart];

/// Why the level is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Our own memory nears its budget.
    Own {
        /// Of the budget.
        percent: u64,
        /// The budget in bytes.
        budget: u64,
    },
    /// The machine has little left, whoever holds it.
    Machine {
        /// Still available.
        percent: u64,
    },
    /// Tasks wait for memory.
    Stall {
        /// In the last window of two seconds.
        some_ms: u64,
    },
    /// Nothing runs but waits for memory.
    FullStall {
        /// In the last window of two seconds.
        full_ms: u64,
    },
    /// A large share of half a minute was lost to full stalls.
    LongStall {
        /// Of 30 s.
        percent: u64,
    },
    /// The page cache thrashes: pages come back as soon as they are given up.
    Refaults {
        /// Pages a second.
        per_second: u64,
    },
    /// Shedding did not help for five minutes.
    Stuck {
        /// How long.
        seconds: u64,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own { percent, budget } => {
                let mib = budget >> 20;
                write!(f, "own memory is at {percent} % of its budget of {mib} MiB")
            }
            Self::Machine { percent } => write!(f, "the machine has {percent} % of memory left"),
            Self::Stall { some_ms } => write!(f, "tasks waited {some_ms} ms of 2 s for memory"),
            Self::FullStall { full_ms } => {
                write!(f, "all tasks waited {full_ms} ms of 2 s for memory")
            }
            Self::LongStall { percent } => {
                write!(f, "all tasks waited {percent} % of 30 s for memory")
            }
            Self::Refaults { per_second } => {
                write!(f, "the page cache reads {per_second} pages a second again")
            }
            Self::Stuck { seconds } => write!(f, "shedding did not help for {seconds} s"),
        }
    }
}

/// The numbers behind a verdict; absent where they cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Own memory in percent of the budget.
    pub own_percent: Option<u64>,
    /// Percent of the machine's memory still available.
    pub left_percent: Option<u64>,
    /// Milliseconds of the last window with some task waiting.
    pub some_ms: Option<u64>,
    /// Milliseconds of the last window with all tasks waiting.
    pub full_ms: Option<u64>,
    /// File pages a second that came back.
    pub refaults_per_second: Option<u64>,
}

/// What one sample means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The level.
    pub level: Level,
    /// Whether it differs from the sample before.
    pub changed: bool,
    /// Why, while it is above calm.
    pub cause: Option<Cause>,
    /// A restart was called for and is not allowed yet: shed stays, and a person should look.
    pub restart_withheld: bool,
    /// The numbers.
    pub reading: Reading,
}

/// The state between samples.
#[derive(Debug, Clone, Default)]
pub struct Ladder {
    budget: Option<Budget>,
    level: Level,
    cause: Option<Cause>,
    changed: Option<Duration>,
    windows: Windows,
    restart_wanted: u32,
}

impl Ladder {
    /// A calm ladder. Without a budget the own memory presses nothing.
    #[must_use]
    pub fn new(budget: Option<Budget>) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    /// The budget in force.
    #[must_use]
    pub const fn budget(&self) -> Option<Budget> {
        self.budget
    }

    /// Puts another budget in force; one that became unreadable keeps the last.
    pub fn set_budget(&mut self, budget: Option<Budget>) {
        self.budget = budget.or(self.budget);
    }

    /// Judges a sample taken at `at`. `may_restart` false holds the level at shed.
    pub fn judge(&mut self, at: Duration, sample: &Sample, may_restart: bool) -> Verdict {
        let changed = *self.changed.get_or_insert(at);
        self.windows.observe(at, sample);
        let reading = self.reading(sample);
        let stood = at.saturating_sub(changed);
        let (mut level, mut cause) = self.raised(&reading, sample.stalls_shared, stood);
        self.restart_wanted = match level {
            Level::Restart => self.restart_wanted.saturating_add(1),
            _ => 0,
        };
        let mut restart_withheld = false;
        if level == Level::Restart {
            let ripe = self.restart_wanted >= RESTART_SAMPLES;
            restart_withheld = ripe && !may_restart;
            if !ripe || !may_restart {
                level = Level::Shed;
            }
        }
        let before = self.level;
        if level > before {
            self.move_to(level, at);
        } else if level < before && stood >= STAND && self.may_fall(&reading, sample) {
            self.move_to(before.below(), at);
        }
        if self.level == Level::Calm {
            cause = None;
        }
        if level >= self.level || self.cause.is_none() || self.level == Level::Calm {
            self.cause = cause;
        }
        Verdict {
            level: self.level,
            changed: self.level != before,
            cause: self.cause,
            restart_withheld,
            reading,
        }
    }

    fn move_to(&mut self, level: Level, at: Duration) {
        self.level = level;
        self.changed = Some(at);
    }

    fn reading(&self, sample: &Sample) -> Reading {
        let own_percent = sample
            .anon
            .zip(self.budget)
            .and_then(|(anon, budget)| anon.saturating_mul(100).checked_div(budget.bytes));
        let left_percent = sample
            .available
            .and_then(|(left, total)| left.saturating_mul(100).checked_div(total));
        Reading {
            own_percent,
            left_percent,
            some_ms: self.windows.some_ms,
            full_ms: self.windows.full_ms,
            refaults_per_second: self.windows.refaults,
        }
    }

    /// The highest level that any input enters, and that input.
    fn raised(&self, reading: &Reading, shared: bool, stood: Duration) -> (Level, Option<Cause>) {
        let mut worst = (Level::Calm, None);
        let mut raise = |level: Level, cause: Cause| {
            if level > worst.0 {
                worst = (level, Some(cause));
            }
        };
        let budget = self.budget.map_or(0, |budget| budget.bytes);
        for (place, level) in LEVELS.into_iter().enumerate() {
            let of = |table: [u64; 4]| table.get(place).copied().unwrap_or_default();
            if let Some(percent) = reading.own_percent.filter(|own| *own > of(ANON_PERCENT)) {
                raise(level, Cause::Own { percent, budget });
            }
            if let Some(percent) = reading.left_percent.filter(|left| *left < of(LEFT_PERCENT)) {
                raise(level, Cause::Machine { percent });
            }
        }
        let windows = &self.windows;
        let roomy = reading
            .left_percent
            .is_some_and(|left| left >= ROOMY_PERCENT);
        if let Some((level, cause)) = windows.stalls() {
            let most = if shared && roomy {
                Level::Trim
            } else {
                Level::Restart
            };
            raise(level.min(most), cause);
        }
        if windows.refault_hits >= WINDOWS {
            let per_second = reading.refaults_per_second.unwrap_or(REFAULTS);
            raise(Level::Trim, Cause::Refaults { per_second });
        }
        if self.level == Level::Shed && worst.0 >= Level::Shed && stood >= STUCK {
            let seconds = stood.as_secs();
            return (Level::Restart, Some(Cause::Stuck { seconds }));
        }
        worst
    }

    /// Whether every input is well below what enters the present level. An input that cannot be
    /// read holds nothing up.
    fn may_fall(&self, reading: &Reading, sample: &Sample) -> bool {
        let Some(place) = LEVELS.iter().position(|level| *level == self.level) else {
            return false;
        };
        let of = |table: [u64; 4]| table.get(place).copied().unwrap_or_default();
        let own = reading.own_percent.unwrap_or_default();
        let left = reading.left_percent.unwrap_or(100);
        own * 100 < of(ANON_PERCENT) * FALL_PERCENT
            && left * FALL_PERCENT > of(LEFT_PERCENT) * 100
            && sample.some_avg60.unwrap_or_default() < FALL_AVG60
            && self.windows.some_hits == 0
            && self.windows.refault_hits == 0
    }
}

/// Stalls and refaults in windows of two seconds.
#[derive(Debug, Clone, Default)]
struct Windows {
    start: Option<(Duration, Sample)>,
    fired: bool,
    full_fired: bool,
    some_ms: Option<u64>,
    full_ms: Option<u64>,
    refaults: Option<u64>,
    some_hits: u32,
    full_hits: u32,
    refault_hits: u32,
    /// Length and full stall of the last windows, in milliseconds.
    long: VecDeque<(u64, u64)>,
}

impl Windows {
    fn observe(&mut self, at: Duration, sample: &Sample) {
        self.fired |= sample.some_fired;
        self.full_fired |= sample.full_fired;
        let Some((start, first)) = self.start else {
            self.start = Some((at, *sample));
            return;
        };
        if at < start {
            self.start = Some((at, *sample));
            return;
        }
        let since = at - start;
        if since < WINDOW {
            return;
        }
        let ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1);
        let grown = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        // More stall than time is a counter of something else.
        let stalled = |now, then| grown(now, then).map(|us| (us / 1_000).min(ms));
        self.some_ms = stalled(sample.some_us, first.some_us);
        self.full_ms = stalled(sample.full_us, first.full_us);
        self.refaults = grown(sample.refault_file, first.refault_file)
            .map(|pages| pages.saturating_mul(1_000) / ms);
        // A sample that came late sees a longer window: its share counts, not its sum.
        let enough = |stalled: Option<u64>| {
            stalled.is_some_and(|stalled| stalled * WINDOW_MS >= STALL_MS * ms)
        };
        hit(&mut self.some_hits, enough(self.some_ms) || self.fired);
        hit(&mut self.full_hits, enough(self.full_ms) || self.full_fired);
        let thrash = self.refaults.is_some_and(|rate| rate > REFAULTS);
        hit(&mut self.refault_hits, thrash);
        if self.long.len() >= LONG {
            self.long.pop_front();
        }
        self.long.push_back((ms, self.full_ms.unwrap_or_default()));
        (self.fired, self.full_fired) = (false, false);
        self.start = Some((at, *sample));
    }

    /// The highest level that stalls enter.
    fn stalls(&self) -> Option<(Level, Cause)> {
        let long = self.long_percent().filter(|share| *share > LONG_PERCENT);
        let some_ms = self.some_ms.unwrap_or(STALL_MS);
        let full_ms = self.full_ms.unwrap_or(STALL_MS);
        if let Some(percent) = long {
            Some((Level::Restart, Cause::LongStall { percent }))
        } else if self.full_hits >= WINDOWS {
            Some((Level::Shed, Cause::FullStall { full_ms }))
        } else if self.some_hits >= WINDOWS {
            Some((Level::Pause, Cause::Stall { some_ms }))
        } else if self.some_hits > 0 || self.fired {
            // A trigger does not wait for the window's end.
            Some((Level::Trim, Cause::Stall { some_ms }))
        } else {
            None
        }
    }

    /// Full stalls in percent of the last 30 s, when there are 30.
    fn long_percent(&self) -> Option<u64> {
        let (ms, full) = self.long.iter().fold((0_u64, 0_u64), |(ms, full), window| {
            (ms.saturating_add(window.0), full.saturating_add(window.1))
        });
        let whole = self.long.len() >= LONG;
        whole.then(|| full.saturating_mul(100).checked_div(ms))?
    }
}

fn hit(count: &mut u32, holds: bool) {
    *count = if holds { count.saturating_add(1) } else { 0 };
}

#[cfg(test)]
mod tests;
