//! The thread that writes: black box and history, away from the thread that watches.
//!
//! Enters: lines and points over a bounded channel. Leaves: bytes on the state device. Invariant:
//! giving the scribe something never waits; when the drive hangs, what does not fit is counted and
//! dropped, and the watch goes on judging. The end of the life is marked, and waited for five
//! seconds at most.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::blackbox::{BlackBox, Line};
use crate::history::{History, Point};

/// Entries that wait for the drive: eighty seconds of lines.
const WAITING: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// What there is to write.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Line(Line),
    Point(Point),
}

/// Our end of the thread.
#[derive(Debug)]
pub(crate) struct Scribe {
    entries: SyncSender<Entry>,
    done: Receiver<()>,
    refused: Arc<AtomicU64>,
}

impl Scribe {
    /// Starts the thread; nothing when the system gives none.
    pub(crate) fn start(blackbox: Option<BlackBox>, history: Option<History>) -> Option<Self> {
        let (entries, given) = sync_channel(WAITING);
        let (tell, done) = sync_channel(1);
        let refused = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&refused);
        thread::Builder::new()
            .name("board-scribe".into())
            .stack_size(128 << 10)
            .spawn(move || {
                write(given, blackbox, history, &counted);
                let _nobody = tell.send(());
            })
            .ok()?;
        Some(Self {
            entries,
            done,
            refused,
        })
    }

    pub(crate) fn line(&self, line: Line) {
        self.give(Entry::Line(line));
    }

    pub(crate) fn point(&self, point: Point) {
        self.give(Entry::Point(point));
    }

    /// Entries that were lost: the drive refused them or did not keep up.
    pub(crate) fn lost(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Ends the thread after what was given; false when the drive did not take it in time.
    pub(crate) fn end(self) -> bool {
        drop(self.entries);
        self.done.recv_timeout(PATIENCE).is_ok()
    }

    fn give(&self, entry: Entry) {
        if self.entries.try_send(entry).is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(
    given: Receiver<Entry>,
    mut blackbox: Option<BlackBox>,
    mut history: Option<History>,
    refused: &AtomicU64,
) {
    for entry in given {
        let written = match (entry, &mut blackbox, &mut history) {
            (Entry::Line(line), Some(own), _) => own.append(&line),
            (Entry::Point(point), _, Some(own)) => own.push(point).and_then(|()| own.write()),
            _ => Ok(()),
        };
        if written.is_err() {
            refused.fetch_add(1, Ordering::Relaxed);
        }
    }
    if let Some(own) = &mut history
        && own.sync().is_err()
    {
        refused.fetch_add(1, Ordering::Relaxed);
    }
}
