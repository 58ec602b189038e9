//! Who still moves: every critical loop ticks, and a loop that does not within its own deadline is
//! late by name.
//!
//! Enters: ticks with the caller's monotonic clock, from any thread. Leaves: [`Late`]. Pure apart
//! from the atomics. Invariant: a loop counts from its registration, so one that never ticks is
//! late as well; a clock that goes back makes nobody late. A loop that ends on purpose, or waits
//! for a drive that was fenced, retires: restarting the program would not mend a drive.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Milliseconds that no clock reaches: the loop has retired.
const RETIRED: u64 = u64::MAX;
/// More loops than the daemon has; further ones are refused.
const LOOPS: usize = 64;

/// A loop's own end of its registration.
#[derive(Debug, Clone)]
pub struct Tick(Arc<AtomicU64>);

impl Tick {
    /// The loop went round once, at `at` monotonic. Costs one store.
    pub fn tick(&self, at: Duration) {
        self.0.store(millis(at), Ordering::Relaxed);
    }

    /// The loop ends on purpose and is not awaited any more.
    pub fn retire(&self) {
        self.0.store(RETIRED, Ordering::Relaxed);
    }
}

/// A loop that did not tick within its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Late {
    /// Its name.
    pub name: &'static str,
    /// How long ago it ticked last.
    pub silent: Duration,
    /// How long it may be silent.
    pub deadline: Duration,
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (silent, deadline) = (self.silent.as_millis(), self.deadline.as_millis());
        write!(
            f,
            "{} is silent for {silent} ms, {deadline} allowed",
            self.name
        )
    }
}

#[derive(Debug)]
struct Loop {
    name: &'static str,
    deadline: Duration,
    ticked: Arc<AtomicU64>,
}

/// The registry of critical loops.
#[derive(Debug, Default)]
pub struct Ticks {
    loops: Mutex<Vec<Loop>>,
}

impl Ticks {
    /// Registers a loop at `at` with the silence it is allowed. Nothing when 64 are registered: a
    /// loop that retired makes room.
    pub fn register(&self, name: &'static str, deadline: Duration, at: Duration) -> Option<Tick> {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        loops.retain(|own| own.ticked.load(Ordering::Relaxed) != RETIRED);
        if loops.len() >= LOOPS {
            return None;
        }
        let ticked = Arc::new(AtomicU64::new(millis(at)));
        loops.push(Loop {
            name,
            deadline,
            ticked: Arc::clone(&ticked),
        });
        Some(Tick(ticked))
    }

    /// The loops that are late at `at`; empty when every one of them ticked in time.
    #[must_use]
    pub fn late(&self, at: Duration) -> Vec<Late> {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        loops.iter().filter_map(|own| own.late(at)).collect()
    }
}

impl Loop {
    fn late(&self, at: Duration) -> Option<Late> {
        let ticked = self.ticked.load(Ordering::Relaxed);
        if ticked == RETIRED {
            return None;
        }
        let silent = at.saturating_sub(Duration::from_millis(ticked));
        (silent > self.deadline).then_some(Late {
            name: self.name,
            silent,
            deadline: self.deadline,
        })
    }
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(RETIRED - 1)
}

#[cfg(test)]
mod tests;
