//! The book of what stands: a thing that is broken is told once, again when it becomes more urgent
//! or has stood for long, and once more when it is over.
//!
//! Enters: everything that is broken at a look. Leaves: notices, in the order of their names.
//! Invariants: at most `STANDING_MAX` things are remembered; the most urgent stay. What is held
//! back in quiet hours and over before they end is never told, and nothing that was told ends
//! untold. Pure over the time it is given; a clock that goes back delays, never repeats.

use std::collections::BTreeMap;

use super::{Alert, Broken, Notice, Quiet, Turn, Urgency};

/// Things remembered at once.
const STANDING_MAX: usize = 256;

/// How often and after how long somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Seconds after which a standing alert is told again; 0 for never.
    pub repeat: u64,
    /// Seconds a thing must be well before it is over.
    pub calm: u64,
}

/// What stands.
#[derive(Debug, Clone, Default)]
pub struct Book {
    standing: BTreeMap<(String, String), Standing>,
}

#[derive(Debug, Clone)]
struct Standing {
    alert: Alert,
    /// When it was last told and how urgent it was then.
    told: Option<(u64, Urgency)>,
    /// When it was last seen broken.
    seen: u64,
    /// Whether it lasted long enough to be told.
    due: bool,
}

impl Book {
    /// Takes up what was told before a restart, oldest first, so that nothing is told twice.
    pub fn recall(&mut self, notice: &Notice) {
        let alert = notice.alert.clone();
        let key = (alert.rule.clone(), alert.subject.clone());
        match notice.turn {
            Turn::Test => {}
            Turn::Cleared => {
                self.standing.remove(&key);
            }
            Turn::Raised | Turn::Repeated => {
                let told = Some((notice.at, alert.urgency));
                let (seen, due) = (notice.at, true);
                let stands = Standing {
                    alert,
                    told,
                    seen,
                    due,
                };
                self.standing.insert(key, stands);
            }
        }
    }

    /// Judges one look at `now`, seconds since 1970.
    pub fn look(&mut self, now: u64, broken: &[Broken], pace: Pace, quiet: Quiet) -> Vec<Notice> {
        for one in broken {
            self.note(now, one);
        }
        let silent = quiet.holds(now);
        let mut notices = Vec::new();
        self.standing.retain(|_, stands| {
            let over = now.saturating_sub(stands.seen) > pace.calm;
            let held = silent && stands.alert.urgency < Urgency::Critical;
            match (over, stands.told) {
                (true, None) => return false,
                (true, Some(_)) if held => return true,
                (true, Some(_)) => {
                    notices.push(stands.notice(Turn::Cleared, now));
                    return false;
                }
                (false, _) if held => return true,
                (false, told) => notices.extend(stands.tell(now, told, pace)),
            }
            true
        });
        notices
    }

    /// What stands and was told or would be, the most urgent first.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        let told = self.standing.values().filter(|stands| stands.due);
        let mut alerts: Vec<Alert> = told.map(|stands| stands.alert.clone()).collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(alert.urgency));
        alerts
    }

    /// How much is remembered.
    #[cfg(test)]
    pub(crate) fn standing_len(&self) -> usize {
        self.standing.len()
    }

    fn note(&mut self, now: u64, one: &Broken) {
        let key = (one.rule.clone(), one.subject.clone());
        if !self.standing.contains_key(&key) && !self.make_room(one.urgency) {
            return;
        }
        let stands = self.standing.entry(key).or_insert_with(|| Standing {
            alert: Alert {
                rule: one.rule.clone(),
                subject: one.subject.clone(),
                urgency: one.urgency,
                summary: String::new(),
                since: now,
            },
            told: None,
            seen: now,
            due: false,
        });
        stands.seen = now;
        stands.alert.summary.clone_from(&one.summary);
        stands.due |= now.saturating_sub(stands.alert.since) >= one.lasting;
        // An alert that was told keeps its urgency until it is over, so that a value which wavers
        // between two of them is not told at every turn.
        stands.alert.urgency = match stands.told {
            Some(_) => stands.alert.urgency.max(one.urgency),
            None => one.urgency,
        };
    }

    /// Whether one more fits; something less urgent that nobody was told of may go for it.
    fn make_room(&mut self, urgency: Urgency) -> bool {
        if self.standing.len() < STANDING_MAX {
            return true;
        }
        let least = self
            .standing
            .iter()
            .filter(|(_, stands)| stands.told.is_none());
        let least = least.min_by_key(|(_, stands)| stands.alert.urgency);
        let Some((key, _)) = least.filter(|(_, stands)| stands.alert.urgency < urgency) else {
            return false;
        };
        let key = key.clone();
        self.standing.remove(&key).is_some()
    }
}

impl Standing {
    fn notice(&self, turn: Turn, at: u64) -> Notice {
        let alert = self.alert.clone();
        Notice { turn, alert, at }
    }

    /// The notice that is due now, if one is.
    fn tell(&mut self, now: u64, told: Option<(u64, Urgency)>, pace: Pace) -> Option<Notice> {
        let turn = match told {
            None if self.due => Turn::Raised,
            Some((_, urgency)) if self.alert.urgency > urgency => Turn::Raised,
            Some((at, _)) if pace.repeat > 0 && now.saturating_sub(at) >= pace.repeat => {
                Turn::Repeated
            }
            _ => return None,
        };
        self.told = Some((now, self.alert.urgency));
        Some(self.notice(turn, now))
    }
}
