//! What to do about a table, as words for those who may do it: the host's dialler, and `board-net`.
//!
//! Enters: the judged state of the tables. Leaves: actions, each at most once in its own pause.
//! Not done here: the acts. The order of the ladder: dial less, widen, flush, pin.

use std::time::Duration;

use super::judge::Alarm;
use super::sample::OwnEntries;
use super::wire::{Family, Table};

/// The thresholds a storage host should boot with: 32768 entries are at most 16 MiB.
pub const WIDE: [u32; 3] = [4_096, 16_384, 32_768];
/// The widest we ask for: a scan of a full table is linear, under one lock of the whole kernel.
pub const WIDEST: [u32; 3] = [4_096, 32_768, 65_536];

const WIDEN_PAUSE: Duration = Duration::from_secs(5);
const FLUSH_PAUSE: Duration = Duration::from_secs(10);
const PIN_PAUSE: Duration = Duration::from_secs(60);

/// One recommended act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Dial at most this many new on-link addresses a second. For the host's own dialler.
    DialBudget {
        /// 0 stops them.
        per_second: u32,
    },
    /// Set the thresholds. For `board-net`, which checks the bounds again.
    Widen {
        /// The table.
        family: Family,
        /// gc_thresh1, 2 and 3.
        thresholds: [u32; 3],
    },
    /// Remove our own namespace's entries that did not answer. For `board-net`.
    FlushFailed {
        /// How many there are.
        failed: u32,
        /// The interface that has the most entries.
        interface: u32,
    },
    /// Make the gateways permanent, checking their hardware address. For `board-net`.
    PinGateways,
}

/// When each act was last recommended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pauses {
    widened: [Option<Duration>; 2],
    flushed: Option<Duration>,
    pinned: Option<Duration>,
}

impl Pauses {
    /// The acts that a table's alarm asks for now.
    pub(crate) fn for_table(&mut self, at: Duration, alarm: Alarm, table: Table) -> Vec<Action> {
        let mut actions = Vec::new();
        let family = table.family;
        let due = self.widened.get_mut(family.index());
        if alarm >= Alarm::Warn
            && let Some(thresholds) = wider(table.thresholds, alarm)
            && due.is_some_and(|last| elapsed(last, at, WIDEN_PAUSE))
        {
            actions.push(Action::Widen { family, thresholds });
        }
        if alarm >= Alarm::Act && elapsed(&mut self.pinned, at, PIN_PAUSE) {
            actions.push(Action::PinGateways);
        }
        actions
    }

    /// Collecting helps from the second threshold up, and only with entries that failed.
    pub(crate) fn flush(
        &mut self,
        at: Duration,
        alarm: Alarm,
        own: Option<&OwnEntries>,
    ) -> Option<Action> {
        let own = own.filter(|_| alarm >= Alarm::Warn)?;
        let failed = own.failed.iter().sum();
        let (interface, _) = *own.by_interface.first()?;
        (failed > 0 && elapsed(&mut self.flushed, at, FLUSH_PAUSE))
            .then_some(Action::FlushFailed { failed, interface })
    }
}

/// The thresholds to ask for: [`WIDE`] below it, [`WIDEST`] when that was full too.
fn wider(now: [u32; 3], alarm: Alarm) -> Option<[u32; 3]> {
    let [_, second, limit] = now;
    if limit < WIDE[2] || second < WIDE[1] {
        let limit = WIDE[2].max(limit);
        Some([WIDE[0], WIDE[1].max(second).min(limit), limit])
    } else if alarm == Alarm::Critical && limit < WIDEST[2] {
        Some(WIDEST)
    } else {
        None
    }
}

fn elapsed(last: &mut Option<Duration>, at: Duration, pause: Duration) -> bool {
    let due = last.is_none_or(|last| at.saturating_sub(last) >= pause);
    if due {
        *last = Some(at);
    }
    due
}

#[cfg(test)]
mod tests;
