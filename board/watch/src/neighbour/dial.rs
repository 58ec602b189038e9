//! How many new neighbours a second our own dials may make: additive up, half down.
//!
//! Enters: the monotonic clock, the alarm, the table's limit. Leaves: a number a second. Source of
//! the safe rate: a dead address stays in the table for three solicitations of a second, in which
//! nothing can collect it, so gc_thresh3 / 3 s is the rate at which a table fills.

use std::time::Duration;

use super::judge::Alarm;

/// An unanswered address holds its entry this long.
const HOLD_S: u32 = 3;
/// We take an eighth of the safe rate: we are not alone on the machine.
const SHARE: u32 = 8;
/// More on-link addresses a second than a storage host ever has a reason to dial.
const MOST: u32 = 64;
/// While the table is full nothing new is dialled for this long, then half as much as before.
const STOP: Duration = Duration::from_secs(10);
/// One more a second, each second, when nothing is wrong.
const STEP: u32 = 1;

/// New dead on-link addresses a second that a table of `thresh3` bears.
#[must_use]
pub const fn safe_rate(thresh3: u32) -> u32 {
    thresh3 / HOLD_S
}

/// New on-link addresses a second that we allow ourselves when nothing is wrong: min(64, an eighth
/// of the safe rate), at least 1.
#[must_use]
pub const fn dial_ceiling(thresh3: u32) -> u32 {
    let share = safe_rate(thresh3) / SHARE;
    if share > MOST {
        MOST
    } else if share == 0 {
        1
    } else {
        share
    }
}

/// The budget of on-link dials, stepped once a second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DialBudget {
    rate: Option<u32>,
    stopped_until: Option<Duration>,
    stepped: Option<Duration>,
}

impl DialBudget {
    /// New on-link addresses that may be dialled in the second from `at` on, monotonic.
    pub fn step(&mut self, at: Duration, alarm: Alarm, thresh3: u32) -> u32 {
        let ceiling = dial_ceiling(thresh3);
        let rate = self.rate.unwrap_or(ceiling).min(ceiling);
        let stopped = self.stopped_until.is_some_and(|until| at < until);
        let second = self
            .stepped
            .is_none_or(|last| at.saturating_sub(last) >= Duration::from_millis(900));
        let rate = match alarm {
            _ if stopped => rate,
            Alarm::Critical => {
                self.stopped_until = Some(at + STOP);
                (rate / 2).max(1)
            }
            Alarm::Act if second => (rate / 2).max(1),
            Alarm::Act | Alarm::Warn => rate,
            Alarm::Quiet if second => rate.saturating_add(STEP).min(ceiling),
            Alarm::Quiet => rate,
        };
        if second {
            self.stepped = Some(at);
        }
        self.rate = Some(rate);
        match self.stopped_until {
            Some(until) if at < until => 0,
            _ => {
                self.stopped_until = None;
                rate
            }
        }
    }
}

#[cfg(test)]
mod tests;
