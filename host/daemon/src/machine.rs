//! The machine under the host: once a second the watchdogs of `board` look at memory and at the
//! kernel's neighbour tables, and their level becomes the host's pressure. The readings are facts
//! of the machine; what follows from a level stands in the rooms that read `Pressure`.
//!
//! One thread of its own does it, so that a wedged runtime is seen as well: the supervisor's
//! watchdog is fed only while every critical loop goes round (`pulse`). A cause is said once when
//! it comes and once when it goes. The last minutes stand in a black box; after an unclean end they
//! are told at the next start. A restart for memory happens at most once an hour, so that a machine
//! that is too small is left shedding, with its reason told, instead of restarting for ever.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use board_watch::blackbox::LastEnd;
use board_watch::{Level, Now, Options, Past, Said, Step, Watch, memory, neighbour};
use host_core::pressure::Pressure;
use host_net::Net;
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use crate::config::layers;
use crate::scrub::DriveBook;
use crate::supervise::Stopping;
use crate::vitals;

mod board;
pub mod pulse;

use board::Hands;
use pulse::Pulse;

/// Between two looks, unless the kernel wakes us earlier.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two restarts for memory.
const RESTART_PAUSE: u64 = 3600;
/// Name of the file that holds when the host last restarted for memory.
const RESTART_FILE: &str = "restarted.memory";
/// Folder of the black box and the history in the data directory.
pub const BOARD_DIR: &str = "board";

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
    /// What was dropped on the way out, without a word to the sender.
    pub drops: Option<neighbour::Drops>,
    /// Critical loops that stand still, in words.
    pub late: Vec<String>,
    /// How the last life ended, when that was not on purpose.
    pub past: Option<String>,
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
    /// The drives' clocks: their longest operation goes into the black box.
    pub(crate) drives: DriveBook,
    /// Rung when only a restart helps.
    pub(crate) restart: Arc<Notify>,
    /// The critical loops, and the supervisor who wants to hear of them.
    pub(crate) pulse: Pulse,
}

/// Watches until told to end; then the black box is closed as a clean end.
pub(crate) async fn keep(watching: Watching, mut stopping: Stopping) {
    let ending = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ending);
    let thread = std::thread::Builder::new().name("machine".into());
    let running = match thread.spawn(move || watch_until(watching, &seen)) {
        Ok(running) => running,
        Err(err) => {
            error!(err = %err, "the machine is not watched: no thread could be started");
            return;
        }
    };
    stopping.wait().await;
    ending.store(true, Ordering::Release);
    // The thread sleeps a second at most, and gives the drive five more for the last line.
    let joined = tokio::task::spawn_blocking(move || running.join()).await;
    if !matches!(joined, Ok(Ok(()))) {
        error!("the watchdogs ended badly");
    }
}

fn watch_until(mut watching: Watching, ending: &AtomicBool) {
    let begun = std::time::Instant::now();
    let now = || Now {
        mono: begun.elapsed(),
        unix_s: vitals::seconds(SystemTime::now()),
    };
    let (mut watch, past) = Watch::open(Options::new(watching.dir.join(BOARD_DIR)), now());
    let past = tell_past(&past);
    for gap in watch.gaps() {
        info!(gap = %gap, "something cannot be watched");
    }
    let mut before = Seen::default();
    let mut hands = Hands::new(board_wire::NET_SOCKET);
    while !ending.load(Ordering::Acquire) {
        let said = Said {
            peers: watching.net.connections(),
            may_restart: may_restart(&watching.dir),
            drive_us: watching.drives.take_longest_us(),
        };
        let step = watch.step(now(), said);
        if let Some(tables) = &step.neighbours {
            hands.act(&tables.actions);
            if let Some(on_link) = hands.on_link(tables.dials_per_second) {
                watching.net.set_on_link(on_link);
            }
        }
        let seen = Seen {
            late: watching.pulse.feel(),
            past: past.clone(),
            gaps: watch.gaps().map(ToString::to_string).collect(),
            ..seen_in(step)
        };
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
            break;
        }
        before = seen;
        watch.wait(LOOK_EVERY);
    }
    watching.pulse.stopping();
    watch.close(now());
}

/// Says how the last life ended, when that was not on purpose.
fn tell_past(past: &Past) -> Option<String> {
    for record in &past.records {
        error!(
            record = record.name,
            bytes = record.len,
            "the kernel left a record of a panic"
        );
    }
    let (who, lines) = match &past.end {
        LastEnd::First | LastEnd::Clean => return None,
        LastEnd::Machine(lines) => ("the machine went down under the host", lines),
        LastEnd::Daemon(lines) => ("the host was killed or died", lines),
    };
    let last = lines
        .last()
        .map_or_else(|| "nothing".into(), |line| line.text());
    let reset = past.reset.label();
    warn!(
        who,
        reset,
        lines = lines.len(),
        last,
        "the last life did not end on purpose"
    );
    Some(format!("{who}; reset: {reset}; last line: {last}"))
}

/// What one step means for the host. A neighbour table, however full, never closes admission: the
/// peers of an upload stand in it already, and refusing them would free none of its entries, which
/// are mostly other namespaces'. It is told in health and log, and dialling is what it limits.
fn seen_in(step: Step) -> Seen {
    let leak = step.leaks.first().map(|leak| {
        let (rate, hours) = (leak.bytes_per_hour, leak.hours_left);
        format!(
            "{:?} memory grows by {rate} bytes an hour, {hours} hours are left",
            leak.of
        )
    });
    let tables = step.neighbours.unwrap_or_default();
    Seen {
        pressure: pressure(step.memory.level.max(tables.level.min(Level::Trim))),
        memory_cause: step.memory.cause.map(|cause| cause.to_string()),
        memory: step.memory.reading,
        leak,
        neighbour_cause: tables.cause.map(|cause| cause.to_string()),
        neighbour_alarm: tables.alarm,
        neighbours: tables.readings,
        drops: tables.drops,
        ..Seen::default()
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
    for late in &now.late {
        let name = late.split(' ').next().unwrap_or_default();
        if !before.late.iter().any(|earlier| earlier.starts_with(name)) {
            error!(late, "a critical loop stands still");
        }
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
