//! From samples to a level, a cause and recommended acts. Pure: samples and the caller's monotonic
//! clock enter, nothing is read here.
//!
//! Truth is `table_fulls`, on one sample: each count is a datagram that was dropped without a word.
//! Other signals need two or three samples, except growth that fills the table before its newest
//! entries can be collected. An alarm falls after a quiet minute with the table
//! well below what raised it. A table that only looks full is not critical: other namespaces may
//! hold permanent entries, which no limit counts and we cannot see, so a ratio that includes hidden
//! entries says no more than `warn` until the kernel itself starts to collect.
//!
//! A full table never presses harder than `pause`: closing peers or restarting would free nothing,
//! since the entries are someone else's, or three seconds from being collected.

use std::fmt;
use std::time::Duration;

use super::actions::{Action, Pauses};
use super::dial::{DialBudget, safe_rate};
use super::sample::{Drops, OwnEntries, Sample};
use super::wire::{Family, Table};
use crate::Level;

/// Percent of the limit that raises each alarm.
pub const FILL: [(Alarm, u64); 3] = [(Alarm::Warn, 50), (Alarm::Act, 75), (Alarm::Critical, 90)];
/// An alarm falls below this share of the percentage that raises it.
const FALL_PERCENT: u64 = 80;
/// Samples a filling table, or a rate of dead dials, must last.
const LASTING: u32 = 3;
/// Samples with emergency collections that make a warning.
const COLLECTING: u32 = 2;
/// The kernel collects every 5 s from the second threshold up; twice that is recently.
const RECENT: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(60);
/// An unanswered address holds its entry this long, and nothing can collect it.
const HOLD_S: u64 = 3;
/// Above this share hidden entries are named as the holder.
const HIDDEN_PERCENT: u64 = 50;
/// From this fill on, own entries are counted in every look.
const WATCHFUL_PERCENT: u64 = 25;

/// How bad a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Alarm {
    /// Nothing.
    #[default]
    Quiet,
    /// Half full, or the kernel collects by force.
    Warn,
    /// Will be full soon.
    Act,
    /// Full: datagrams are dropped.
    Critical,
}

impl Alarm {
    /// What the rest of the program is told.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Quiet => Level::Calm,
            Self::Warn | Self::Act => Level::Trim,
            Self::Critical => Level::Pause,
        }
    }
}

/// What raised an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The kernel refused entries since the last sample.
    Full {
        /// How many.
        refused: u64,
    },
    /// The kernel collects by force.
    Collecting {
        /// How often since the last sample.
        runs: u64,
    },
    /// The table fills.
    Filling {
        /// Of its limit.
        percent: u64,
    },
    /// The table will be full before its newest entries can be collected.
    Soaring {
        /// Entries it grows by in a second.
        per_second: u64,
    },
    /// Addresses on our own links that nobody answers for are being dialled.
    DeadDials {
        /// New ones a second, over the whole machine.
        per_second: u64,
    },
}

/// Who holds the table's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Other network namespaces, usually containers: `arp` here does not show them.
    Others {
        /// Share of all entries that our namespace does not see.
        percent: u64,
    },
    /// Our own namespace, mostly on this interface.
    Ours {
        /// Its index.
        interface: u32,
        /// Its entries.
        entries: u32,
    },
    /// Our own entries could not be counted.
    Unknown,
}

/// Why the level is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cause {
    /// Which table.
    pub family: Family,
    /// What happened to it.
    pub what: What,
    /// Who holds it.
    pub holder: Holder,
    /// All entries of the kernel.
    pub entries: u32,
    /// gc_thresh3.
    pub limit: u32,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.family.label();
        write!(f, "{name} neighbour table ")?;
        match self.what {
            What::Full { refused } => write!(f, "is full: {refused} refused")?,
            What::Collecting { runs } => write!(f, "is collected by force: {runs} runs")?,
            What::Filling { percent } => write!(f, "is {percent} % full")?,
            What::Soaring { per_second } => write!(f, "grows by {per_second} a second")?,
            What::DeadDials { per_second } => {
                write!(f, "takes {per_second} unanswered addresses a second")?;
            }
        }
        write!(f, ", {} entries of {}, ", self.entries, self.limit)?;
        match self.holder {
            Holder::Others { percent } => {
                write!(f, "{percent} % held by other network namespaces")
            }
            Holder::Ours { interface, entries } => {
                write!(f, "{entries} of ours on interface {interface}")
            }
            Holder::Unknown => write!(f, "holder unknown"),
        }
    }
}

/// The numbers of one table behind a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// Which table.
    pub family: Family,
    /// Every entry of the kernel.
    pub entries: u32,
    /// gc_thresh3.
    pub limit: u32,
    /// Counted entries, in percent of the limit.
    pub percent: u64,
    /// Whether `percent` may include entries that no limit counts.
    pub upper_bound: bool,
    /// Share of the entries that our namespace does not see, when they were counted.
    pub hidden_percent: Option<u64>,
    /// Entries refused since boot.
    pub table_fulls: u64,
    /// Collections by force since boot.
    pub forced_gc_runs: u64,
    /// Addresses that nobody answered for, a second.
    pub failed_per_second: u64,
}

/// What one sample means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// How bad the worse table is.
    pub alarm: Alarm,
    /// The same as a level.
    pub level: Level,
    /// Why, while the alarm is above quiet.
    pub cause: Option<Cause>,
    /// What to do now.
    pub actions: Vec<Action>,
    /// New on-link addresses a second that we may dial.
    pub dials_per_second: u32,
    /// The numbers of each table.
    pub readings: Vec<Reading>,
    /// What our own namespace lost on its way out, since its making: a full table drops without a
    /// word to the sender.
    pub drops: Option<Drops>,
}

/// The judge of both tables.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    tables: [Watched; 2],
    own: Option<OwnEntries>,
    pauses: Pauses,
    dial: DialBudget,
    told_rate: Option<u32>,
}

impl Judge {
    /// Whether the next look should count our own entries: when a table begins to fill, or its
    /// limit was met since the last sample.
    #[must_use]
    pub fn wants_entries(&self, sample: &Sample) -> bool {
        let known = self.tables.iter().zip(&sample.tables);
        known.into_iter().any(|(watched, table)| {
            table.is_some_and(|table| {
                let filled = percent_of(table.entries, limit_of(&table));
                filled >= WATCHFUL_PERCENT
                    || watched.alarm > Alarm::Quiet
                    || watched
                        .last
                        .is_some_and(|(_, last)| table.stats.table_fulls > last.stats.table_fulls)
            })
        })
    }

    /// Judges a sample taken at `at`, monotonic. A clock that stands or goes back makes no rates
    /// and lets no time pass.
    pub fn judge(&mut self, at: Duration, sample: &Sample) -> Verdict {
        if sample.own.is_some() {
            self.own.clone_from(&sample.own);
        }
        let mut verdict = Verdict {
            drops: sample.drops,
            ..Verdict::default()
        };
        let mut limit = u32::MAX;
        let mut present = Alarm::Quiet;
        for (watched, table) in self.tables.iter_mut().zip(sample.tables) {
            let Some(table) = table else { continue };
            let reading = watched.observe(at, table, self.own.as_ref());
            limit = limit.min(reading.limit);
            verdict.readings.push(reading);
            present = present.max(watched.present);
            if watched.alarm > verdict.alarm {
                verdict.alarm = watched.alarm;
                verdict.cause = watched.cause;
            }
            verdict
                .actions
                .extend(self.pauses.for_table(at, watched.present, table));
        }
        let flush = self.pauses.flush(at, present, self.own.as_ref());
        verdict.actions.extend(flush);
        verdict.level = verdict.alarm.level();
        if verdict.readings.is_empty() {
            limit = 0;
        }
        verdict.dials_per_second = self.dial.step(at, present, limit);
        if self.told_rate != Some(verdict.dials_per_second) {
            self.told_rate = Some(verdict.dials_per_second);
            let per_second = verdict.dials_per_second;
            verdict.actions.push(Action::DialBudget { per_second });
        }
        verdict
    }
}

/// One table through time.
#[derive(Debug, Clone, Default)]
struct Watched {
    last: Option<(Duration, Table)>,
    alarm: Alarm,
    /// What this sample alone says, and what is acted on; `alarm` is held for a quiet minute.
    present: Alarm,
    cause: Option<Cause>,
    quiet_since: Option<Duration>,
    collected: Option<Duration>,
    collecting: u32,
    filling: [u32; 3],
    dead: u32,
}

/// What changed between two samples.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    refused: u64,
    runs: u64,
    failed_per_second: u64,
    grown_per_second: u64,
}

impl Watched {
    fn observe(&mut self, at: Duration, table: Table, own: Option<&OwnEntries>) -> Reading {
        let change = self.change(at, &table);
        let (visible, exempt) = own.map_or((0, 0), |own| own.of(table.family));
        let hidden = own.map(|_| table.entries.saturating_sub(visible));
        let limit = limit_of(&table);
        let counted = table.entries.saturating_sub(exempt);
        let reading = Reading {
            family: table.family,
            entries: table.entries,
            limit,
            percent: percent_of(counted, limit),
            upper_bound: hidden != Some(0),
            hidden_percent: hidden.map(|hidden| percent_of(hidden, table.entries)),
            table_fulls: table.stats.table_fulls,
            forced_gc_runs: table.stats.forced_gc_runs,
            failed_per_second: change.failed_per_second,
        };
        let raised = self.raise(at, &reading, change);
        self.hold(at, &reading, raised, own);
        self.last = Some((at, table));
        reading
    }

    fn change(&mut self, at: Duration, table: &Table) -> Change {
        let Some((before, last)) = self.last else {
            return Change::default();
        };
        let since = at.saturating_sub(before);
        let grown = |now: u64, then: u64| now.saturating_sub(then);
        let failed = grown(table.stats.res_failed, last.stats.res_failed);
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let per_second = |count: u64| {
            let thousandfold = count.saturating_mul(1_000);
            thousandfold.checked_div(milliseconds).unwrap_or_default()
        };
        let change = Change {
            refused: grown(table.stats.table_fulls, last.stats.table_fulls),
            runs: grown(table.stats.forced_gc_runs, last.stats.forced_gc_runs),
            failed_per_second: per_second(failed),
            grown_per_second: per_second(grown(table.entries.into(), last.entries.into())),
        };
        if change.runs > 0 || change.refused > 0 {
            self.collected = Some(at);
        }
        change
    }

    /// The worst signal of this sample that has lasted long enough.
    fn raise(&mut self, at: Duration, reading: &Reading, change: Change) -> Option<(Alarm, What)> {
        let mut raised = None;
        let mut raise = |alarm: Alarm, what: What| {
            if raised.is_none_or(|(worst, _)| alarm > worst) {
                raised = Some((alarm, what));
            }
        };
        if change.refused > 0 {
            let refused = change.refused;
            raise(Alarm::Critical, What::Full { refused });
        }
        if lasts(&mut self.collecting, change.runs > 0) >= COLLECTING {
            raise(Alarm::Warn, What::Collecting { runs: change.runs });
        }
        let recent = self
            .collected
            .is_some_and(|last| at.saturating_sub(last) <= RECENT);
        let certain = !reading.upper_bound || recent;
        let percent = reading.percent;
        for ((alarm, from), streak) in FILL.into_iter().zip(&mut self.filling) {
            let holds = percent >= from && (certain || alarm == Alarm::Warn);
            if lasts(streak, holds) >= LASTING {
                raise(alarm, What::Filling { percent });
            }
        }
        // One sample is enough: three of them are the three seconds in which it overflows.
        let per_second = change.grown_per_second;
        let soon = u64::from(reading.entries).saturating_add(per_second.saturating_mul(HOLD_S));
        if percent >= WATCHFUL_PERCENT && per_second > 0 && soon >= u64::from(reading.limit) {
            raise(Alarm::Act, What::Soaring { per_second });
        }
        // A quarter of the rate that fills the table.
        let per_second = change.failed_per_second;
        let bearable = u64::from(safe_rate(reading.limit) / 4);
        if lasts(&mut self.dead, bearable > 0 && per_second > bearable) >= LASTING {
            raise(Alarm::Act, What::DeadDials { per_second });
        }
        raised
    }

    fn hold(
        &mut self,
        at: Duration,
        reading: &Reading,
        raised: Option<(Alarm, What)>,
        own: Option<&OwnEntries>,
    ) {
        self.present = raised.map_or(Alarm::Quiet, |(alarm, _)| alarm);
        if let Some((alarm, what)) = raised.filter(|(alarm, _)| *alarm >= self.alarm) {
            self.alarm = alarm;
            self.quiet_since = None;
            self.cause = Some(Cause {
                family: reading.family,
                what,
                holder: holder(reading, own),
                entries: reading.entries,
                limit: reading.limit,
            });
            return;
        }
        if self.alarm == Alarm::Quiet {
            return;
        }
        let entry = FILL.iter().find(|(alarm, _)| *alarm == self.alarm);
        let low = entry.is_none_or(|(_, from)| reading.percent * 100 < from * FALL_PERCENT);
        let uncertain = reading.upper_bound && self.alarm > Alarm::Warn;
        if !low && !uncertain {
            self.quiet_since = None;
            return;
        }
        let since = *self.quiet_since.get_or_insert(at);
        if at.saturating_sub(since) >= QUIET {
            self.alarm = self.present;
            self.quiet_since = None;
            self.cause = raised.map(|(_, what)| Cause {
                family: reading.family,
                what,
                holder: holder(reading, own),
                entries: reading.entries,
                limit: reading.limit,
            });
        }
    }
}

fn holder(reading: &Reading, own: Option<&OwnEntries>) -> Holder {
    match (reading.hidden_percent, own) {
        (Some(percent), _) if percent > HIDDEN_PERCENT => Holder::Others { percent },
        (Some(_), Some(own)) => match own.by_interface.first() {
            Some(&(interface, entries)) => Holder::Ours { interface, entries },
            None => Holder::Unknown,
        },
        _ => Holder::Unknown,
    }
}

/// gc_thresh3; a kernel that does not tell it is taken to have its default.
const fn limit_of(table: &Table) -> u32 {
    match table.thresholds[2] {
        0 => 1_024,
        limit => limit,
    }
}

fn percent_of(part: u32, whole: u32) -> u64 {
    (u64::from(part) * 100)
        .checked_div(u64::from(whole))
        .unwrap_or_default()
}

/// Counts a streak of samples.
const fn lasts(streak: &mut u32, holds: bool) -> u32 {
    *streak = if holds { streak.saturating_add(1) } else { 0 };
    *streak
}

#[cfg(test)]
mod tests;
