//! All watchers together: what a daemon opens once, steps once a second and closes.
//!
//! Enters: the daemon's clocks and what only it knows. Leaves: [`Step`]: the level, its causes,
//! what to do. Opening never fails: what is missing is a gap. One thread drives it:
//!
//! ```no_run
//! # use board_watch::{Now, Options, Said, Watch};
//! # use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
//! # let start = Instant::now();
//! # let now = || Now { mono: start.elapsed(), unix_s: 0 };
//! let (mut watch, past) = Watch::open(Options::new("/var/lib/holdfast/board".into()), now());
//! # let stopping = || true;
//! while !stopping() {
//!     let step = watch.step(now(), Said::default());
//!     // publish step.level, act on step.actions
//!     watch.wait(Duration::from_secs(1));
//! }
//! watch.close(now());
//! ```

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::blackbox::{BlackBox, LastEnd, Line, Mark, Tables};
use crate::boot::{Reset, boot_id, reset_reason};
use crate::gap::Gap;
use crate::history::{History, Point};
use crate::level::Level;
use crate::machine::{load_hundredths, stuck_tasks};
use crate::memory::{self, Leak, Memory, Roots};
use crate::neighbour::{self, Action, Family, Neighbours};
use crate::pstore::{self, Record};
use crate::scribe::Scribe;

/// Neighbour tables are looked at once a second, whoever wakes us earlier.
const LOOK: Duration = Duration::from_millis(900);
const LINE: Duration = Duration::from_secs(10);
/// Lines that are told after an unclean end: ten minutes.
const LAST: usize = 60;

/// Where things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder of the black box, the history and copies of kernel records; none without one.
    pub state: Option<PathBuf>,
    /// The kernel's files.
    pub roots: Roots,
    /// Usually /sys.
    pub sys: PathBuf,
    /// Folders in which the kernel's records of a panic may stand.
    pub pstore: Vec<PathBuf>,
}

impl Options {
    /// This machine, keeping its state in a folder, which is made if need be.
    #[must_use]
    pub fn new(state: PathBuf) -> Self {
        Self {
            state: Some(state),
            roots: Roots::default(),
            sys: PathBuf::from("/sys"),
            pstore: vec![
                PathBuf::from("/sys/fs/pstore"),
                PathBuf::from("/var/lib/systemd/pstore"),
            ],
        }
    }
}

/// The caller's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Monotonic, from any start.
    pub mono: Duration,
    /// Wall clock, seconds since 1970; only written down, never judged by.
    pub unix_s: u64,
}

/// What only the daemon knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// Peers that hold a connection.
    pub peers: u32,
    /// Whether a restart for memory is allowed: the last one is an hour old.
    pub may_restart: bool,
    /// The longest operation of any drive since the last step, in microseconds.
    pub drive_us: Option<u64>,
}

/// How the last life ended, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// How the daemon ended, with its last lines where that was unclean.
    pub end: LastEnd,
    /// What the hardware watchdog says of the last reset.
    pub reset: Reset,
    /// Records of the kernel that were found new and copied.
    pub records: Vec<Record>,
}

/// Why the level is above calm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Memory.
    Memory(memory::Cause),
    /// A neighbour table.
    Neighbours(neighbour::Cause),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(cause) => cause.fmt(f),
            Self::Neighbours(cause) => cause.fmt(f),
        }
    }
}

/// What one step says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// The highest level any watcher asks for.
    pub level: Level,
    /// Whether it differs from the step before.
    pub changed: bool,
    /// Why, the worst first; empty when calm.
    pub causes: Vec<Cause>,
    /// What to do about the neighbour tables now.
    pub actions: Vec<Action>,
    /// Memory's own verdict, with its readings.
    pub memory: memory::Verdict,
    /// The tables' own verdict, from the last look at them; none while they cannot be read.
    pub neighbours: Option<neighbour::Verdict>,
    /// Memory that grows and is not given back: an alarm, not a level.
    pub leaks: Vec<Leak>,
}

/// All watchers.
#[derive(Debug)]
pub struct Watch {
    memory: Memory,
    neighbours: Neighbours,
    neighbour_gap: Option<Gap>,
    gaps: Vec<Gap>,
    scribe: Option<Scribe>,
    history: Option<PathBuf>,
    proc: PathBuf,
    last: Step,
    looked: Option<Duration>,
    written: Option<Duration>,
    minute: u64,
    drive_us: [Option<u64>; 2],
}

impl Watch {
    /// Opens every watcher that this machine allows, reads how the last life ended and writes the
    /// first line of this one. Must be called in the network namespace that is to be watched.
    #[must_use]
    pub fn open(options: Options, now: Now) -> (Self, Past) {
        let mut gaps = Vec::new();
        let mut past = Past {
            end: LastEnd::First,
            reset: reset_reason(&options.sys),
            records: Vec::new(),
        };
        let mut boxed = None;
        let mut history = None;
        if let Some(state) = &options.state {
            past.records = kept(
                "kernel records",
                &mut gaps,
                pstore::collect(
                    &options
                        .pstore
                        .iter()
                        .map(PathBuf::as_path)
                        .collect::<Vec<_>>(),
                    &state.join("pstore"),
                ),
            )
            .unwrap_or_default();
            let boot = kept("boot id", &mut gaps, boot_id(&options.roots.proc));
            let path = state.join("blackbox");
            let opened = BlackBox::open(&path, boot.unwrap_or_default(), LAST);
            if let Some((own, end)) = kept("black box", &mut gaps, opened) {
                (boxed, past.end) = (Some(own), end);
            }
            history = kept("history", &mut gaps, History::open(&state.join("history")));
        }
        let path = options.state.filter(|_| history.is_some());
        let scribe = (boxed.is_some() || history.is_some())
            .then(|| Scribe::start(boxed, history))
            .flatten();
        let watch = Self {
            memory: Memory::open(options.roots.clone()),
            neighbours: Neighbours::default(),
            neighbour_gap: None,
            gaps,
            scribe,
            history: path.map(|state| state.join("history")),
            proc: options.roots.proc,
            last: Step::default(),
            looked: None,
            written: None,
            minute: 0,
            drive_us: [None; 2],
        };
        watch.mark(Mark::Start, now);
        (watch, past)
    }

    /// Looks at everything that is due and judges. Call it once a second, and when
    /// [`Watch::wait`] returns. Cost: see benches/src/watch.rs.
    pub fn step(&mut self, now: Now, said: Said) -> Step {
        let (memory, leaks) = self.memory.step(now.mono, said.peers, said.may_restart);
        let mut step = Step {
            memory,
            leaks,
            neighbours: self.last.neighbours.take(),
            ..Step::default()
        };
        if due(&mut self.looked, now.mono, LOOK) {
            self.look(now.mono, &mut step);
        }
        let table = step.neighbours.as_ref();
        let table_level = table.map_or(Level::Calm, |verdict| verdict.level);
        let table_cause = table.and_then(|verdict| verdict.cause);
        let mut causes = [
            (memory.level, memory.cause.map(Cause::Memory)),
            (table_level, table_cause.map(Cause::Neighbours)),
        ];
        causes.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        step.level = memory.level.max(table_level);
        step.changed = step.level != self.last.level;
        step.causes = causes.into_iter().filter_map(|(_, cause)| cause).collect();
        for longest in &mut self.drive_us {
            *longest = (*longest).max(said.drive_us);
        }
        self.last = Step {
            actions: Vec::new(),
            ..step.clone()
        };
        self.write(now);
        step
    }

    /// Sleeps until the kernel's triggers fire, at most this long.
    pub fn wait(&self, at_most: Duration) {
        let mut asked: Vec<PollFd> = self
            .memory
            .descriptors()
            .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLPRI))
            .collect();
        let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        // A signal ends the sleep early, which costs one look.
        let _woken = poll(&mut asked, timeout);
    }

    /// What is not watched, and why.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        let own = self.gaps.iter().chain(&self.neighbour_gap);
        own.chain(self.memory.gaps())
    }

    /// Lines and points that the drive did not take.
    #[must_use]
    pub fn lost_entries(&self) -> u64 {
        self.scribe.as_ref().map_or(0, Scribe::lost)
    }

    /// The file of the history, for [`History::read`].
    #[must_use]
    pub fn history(&self) -> Option<&PathBuf> {
        self.history.as_ref()
    }

    /// The last line of the black box as it would be written now.
    #[must_use]
    pub fn line(&self, mark: Mark, now: Now) -> Line {
        let sample = self.memory.sample();
        let mib = |bytes: u64| bytes >> 20;
        let ms = |us: u64| us / 1_000;
        let load = load_hundredths();
        Line {
            mark,
            unix_s: now.unix_s,
            up_s: now.mono.as_secs(),
            level: self.last.level,
            some_ms: sample.some_us.map(ms),
            full_ms: sample.full_us.map(ms),
            io_ms: sample.io_some_us.map(ms),
            left_mib: sample.available.map(|(left, _)| mib(left)),
            own_mib: sample.anon.map(mib),
            v4: self.table(Family::V4),
            v6: self.table(Family::V6),
            stuck: stuck_tasks(&self.proc, load),
            load,
            drive_us: self.drive_us[0],
            ..Line::default()
        }
    }

    /// Marks a clean end and waits until the drive has it, five seconds at most; whether it has.
    pub fn close(mut self, now: Now) -> bool {
        self.mark(Mark::Clean, now);
        self.scribe.take().is_none_or(Scribe::end)
    }

    fn look(&mut self, at: Duration, step: &mut Step) {
        match self.neighbours.step(at) {
            Ok(mut verdict) => {
                step.actions = std::mem::take(&mut verdict.actions);
                step.neighbours = Some(verdict);
                self.neighbour_gap = None;
            }
            Err(error) => {
                step.neighbours = None;
                let what = "neighbour tables";
                self.neighbour_gap = Some(Gap { what, error });
            }
        }
    }

    fn table(&self, family: Family) -> Option<Tables> {
        let readings = &self.last.neighbours.as_ref()?.readings;
        let reading = readings.iter().find(|reading| reading.family == family)?;
        Some(Tables {
            entries: reading.entries,
            limit: reading.limit,
            fulls: reading.table_fulls,
        })
    }

    fn mark(&self, mark: Mark, now: Now) {
        if let Some(scribe) = &self.scribe {
            scribe.line(self.line(mark, now));
        }
    }

    /// A line each ten seconds, a point each minute.
    fn write(&mut self, now: Now) {
        if !due(&mut self.written, now.mono, LINE) {
            return;
        }
        let Some(scribe) = &self.scribe else { return };
        let line = self.line(Mark::Beat, now);
        scribe.line(line);
        let minute = now.unix_s / 60;
        if minute != self.minute {
            scribe.point(point(minute, &line, self.drive_us[1]));
            self.minute = minute;
            self.drive_us[1] = None;
        }
        self.drive_us[0] = None;
    }
}

/// The values of a point in the order of [`crate::history::FIELDS`].
fn point(minute: u64, line: &Line, drive_us: Option<u64>) -> Point {
    let level = Level::ALL.iter().position(|level| *level == line.level);
    let whole = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let entries = |table: Option<Tables>| table.map(|table| table.entries);
    let fulls = |table: Option<Tables>| table.map(|table| whole(table.fulls));
    Point {
        minute,
        values: [
            level.and_then(|level| u32::try_from(level).ok()),
            line.own_mib.map(whole),
            line.left_mib.map(whole),
            line.some_ms.map(whole),
            line.io_ms.map(whole),
            entries(line.v4),
            fulls(line.v4),
            entries(line.v6),
            fulls(line.v6),
            line.stuck.map(whole),
            line.load.map(whole),
            drive_us.map(whole),
        ],
    }
}

fn kept<T>(what: &'static str, gaps: &mut Vec<Gap>, tried: Result<T, crate::Error>) -> Option<T> {
    tried.map_err(|error| gaps.push(Gap { what, error })).ok()
}

/// Whether `pause` has passed; a clock that went back begins anew.
fn due(last: &mut Option<Duration>, at: Duration, pause: Duration) -> bool {
    let due = last.is_none_or(|last| at < last || at - last >= pause);
    if due {
        *last = Some(at);
    }
    due
}

#[cfg(test)]
mod tests;
