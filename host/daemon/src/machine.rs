//! The machine under the host: once a second the watchdogs of `board` look at memory and at the
//! kernel's neighbour tables, and their level becomes the host's pressure. The readings are facts
//! of the machine; what follows from a level stands in the rooms that read `Pressure`.
//!
//! A cause is said once when it comes and once when it goes. What cannot be watched here is said
//! once at the start. A restart for memory happens at most once an hour, so that a machine that is
//! too small is left shedding, with its reason told, instead of restarting for ever.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use board_watch::Level;
use board_watch::memory::{self, Memory};
use board_watch::neighbour::{self, Neighbours};
use host_core::pressure::Pressure;
use host_net::Net;
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use crate::config::layers;
use crate::supervise::Stopping;
use crate::vitals;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two restarts for memory.
const RESTART_PAUSE: u64 = 3600;
/// Name of the file that holds when the host last restarted for memory.
const RESTART_FILE: &str = "restarted.memory";

/// What the watchdogs saw last.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What follows for the host.
    pub pressure: Pressure,
    /// Why memory presses, when it does.
    pub memory_cause: Option<String>,
    /// The numbers behind it.
    pub memory: memory::Reading,
    /// Growth that does not end, in words.
    pub leak: Option<String>,
    /// Why a neighbour table presses, when it does.
    pub neighbour_cause: Option<String>,
    /// How bad the worse table is.
    pub neighbour_alarm: neighbour::Alarm,
    /// The numbers of each table.
    pub neighbours: Vec<neighbour::Reading>,
    /// What cannot be watched here, and why.
    pub gaps: Vec<String>,
}

/// The last look, shared with the API.
#[derive(Debug, Clone, Default)]
pub struct LastLook(Arc<Mutex<Seen>>);

impl LastLook {
    /// What was seen last; calm and empty before the first look.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    fn set(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// What watching needs.
pub(crate) struct Watching {
    /// The data directory.
    pub(crate) dir: PathBuf,
    /// Says the level to everyone.
    pub(crate) pressure: watch::Sender<Pressure>,
    /// Keeps the last look for the API.
    pub(crate) last: LastLook,
    /// Counts the peers: memory that grows with them is no leak.
    pub(crate) net: Net,
    /// Rung when only a restart helps.
    pub(crate) restart: Arc<Notify>,
}

/// The watchdogs and what they said before.
struct Dogs {
    memory: Memory,
    neighbours: Neighbours,
    blind: bool,
}

/// Watches until told to end.
pub(crate) async fn keep(watching: Watching, mut stopping: Stopping) {
    let begun = std::time::Instant::now();
    let mut dogs = Some(Dogs {
        memory: Memory::open(memory::Roots::default()),
        neighbours: Neighbours::default(),
        blind: false,
    });
    for gap in dogs.iter().flat_map(|dogs| dogs.memory.gaps()) {
        info!(gap = %gap, "something cannot be watched");
    }
    let mut before = Seen::default();
    while stopping.sleep(LOOK_EVERY).await {
        let Some(mut held) = dogs.take() else { return };
        let peers = watching.net.connections();
        let may_restart = may_restart(&watching.dir);
        let at = begun.elapsed();
        // A look reads a few files of the kernel; under pressure even that can wait.
        let look = tokio::task::spawn_blocking(move || {
            let seen = look(&mut held, at, peers, may_restart);
            (held, seen)
        });
        let Ok((held, seen)) = look.await else { return };
        dogs = Some(held);
        tell(&before, &seen);
        watching.pressure.send_if_modified(|level| {
            let changed = *level != seen.pressure;
            *level = seen.pressure;
            changed
        });
        watching.last.set(seen.clone());
        if seen.pressure == Pressure::Restart {
            note_restart(&watching.dir);
            watching.restart.notify_one();
            return;
        }
        before = seen;
    }
}

fn look(dogs: &mut Dogs, at: Duration, peers: u32, may_restart: bool) -> Seen {
    let (memory, leaks) = dogs.memory.step(at, peers, may_restart);
    let mut gaps: Vec<String> = dogs.memory.gaps().iter().map(ToString::to_string).collect();
    let tables = match dogs.neighbours.step(at) {
        Ok(tables) => {
            dogs.blind = false;
            tables
        }
        Err(err) => {
            if !std::mem::replace(&mut dogs.blind, true) {
                warn!(err = %err, "the neighbour tables cannot be watched");
            }
            gaps.push(format!("neighbour tables are not watched: {err}"));
            neighbour::Verdict::default()
        }
    };
    let leak = leaks.first().map(|leak| {
        let (rate, hours) = (leak.bytes_per_hour, leak.hours_left);
        format!(
            "{:?} memory grows by {rate} bytes an hour, {hours} hours are left",
            leak.of
        )
    });
    Seen {
        pressure: pressure(memory.level.max(tables.level)),
        memory_cause: memory.cause.map(|cause| cause.to_string()),
        memory: memory.reading,
        leak,
        neighbour_cause: tables.cause.map(|cause| cause.to_string()),
        neighbour_alarm: tables.alarm,
        neighbours: tables.readings,
        gaps,
    }
}

/// The board's level in the host's word.
const fn pressure(level: Level) -> Pressure {
    match level {
        Level::Calm => Pressure::Calm,
        Level::Trim => Pressure::Trim,
        Level::Pause => Pressure::Pause,
        Level::Shed => Pressure::Shed,
        Level::Restart => Pressure::Restart,
    }
}

/// Says what came and what went.
fn tell(before: &Seen, now: &Seen) {
    if before.pressure != now.pressure {
        let causes = [&now.memory_cause, &now.neighbour_cause];
        let cause: Vec<&str> = causes.into_iter().flatten().map(String::as_str).collect();
        let (cause, level) = (cause.join("; "), now.pressure.label());
        match now.pressure {
            Pressure::Calm => info!(level, "the machine is calm again"),
            Pressure::Trim => info!(level, cause, "the machine is pressed"),
            Pressure::Pause => warn!(level, cause, "the machine is pressed"),
            Pressure::Shed | Pressure::Restart => error!(level, cause, "the machine is pressed"),
        }
    }
    if let (None, Some(leak)) = (&before.leak, &now.leak) {
        warn!(leak, "memory grows without end");
    }
}

/// Whether the last restart for memory is long enough ago.
fn may_restart(dir: &Path) -> bool {
    let text = std::fs::read_to_string(dir.join(RESTART_FILE)).unwrap_or_default();
    let last: u64 = text.trim().parse().unwrap_or(0);
    // A clock that went back makes the pause shorter, never endless.
    vitals::seconds(SystemTime::now()).abs_diff(last) >= RESTART_PAUSE
}

fn note_restart(dir: &Path) {
    let now = vitals::seconds(SystemTime::now()).to_string();
    if let Err(err) = layers::write_atomic(&dir.join(RESTART_FILE), &now) {
        error!(err = %err, "the restart for memory could not be noted");
    }
}

#[cfg(test)]
mod tests;
