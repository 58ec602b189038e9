//! The watchman: one thread a device that sees to completions nobody else looks for.
//!
//! Callers reap for themselves while they have nothing else to do (`lull`). Three things can go
//! wrong with that, and each is the watchman's: a caller on a thread that never lulls (he waits in
//! the ring for it), an operation slower than a lull (he takes over the wait, so that a stalled
//! drive holds up no runtime), and a caller that stays busy (he looks every two milliseconds
//! while the device is in use). He also gives unused buffer memory back.
//!
//! Invariant: while an order is under way he attends, ticks, or has been told to wake: `give`
//! counts the order before it reads the mode, he sets the mode before he reads the count.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::ring::Ring;

/// How long a runtime's thread waits for a drive before the watchman does: far longer than a
/// drive needs for a megabyte, far shorter than anybody notices.
pub(crate) const LULL: Duration = Duration::from_micros(500);
/// How often he looks while the device is in use.
const TICK: Duration = Duration::from_millis(2);
/// Ticks without an order after which he sleeps until told.
const QUIET_TICKS: u32 = 50;
/// How long he waits in the ring before he looks around.
const STINT: Duration = Duration::from_secs(1);

/// He sleeps until told.
const DOZES: u8 = 0;
/// He looks now and then.
const TICKS: u8 = 1;
/// He waits in the ring.
const ATTENDS: u8 = 2;

/// How callers and watchman find each other.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    mode: AtomicU8,
    /// Somebody waited a whole lull in vain, or the kernel put a submission off.
    overdue: AtomicBool,
    closed: AtomicBool,
    /// Held by the one lulling thread.
    pub(crate) lulling: Mutex<()>,
    told: Mutex<bool>,
    bell: Condvar,
}

impl Watch {
    fn told(&self) -> MutexGuard<'_, bool> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        *self.told() = true;
        self.bell.notify_one();
    }

    /// An order was given, by a thread that lulls or (`foreign`) never does.
    pub(crate) fn given(&self, foreign: bool) {
        let mode = self.mode.load(Ordering::SeqCst);
        if mode == DOZES || (foreign && mode == TICKS) {
            self.tell();
        }
    }

    /// Asks him to wait in the ring until the device answers faster than a lull again.
    pub(crate) fn overdue(&self) {
        self.overdue.store(true, Ordering::SeqCst);
        if self.mode.load(Ordering::SeqCst) != ATTENDS {
            self.tell();
        }
    }

    /// Whether he waits in the ring, so that nobody else need.
    pub(crate) fn attends(&self) -> bool {
        self.mode.load(Ordering::SeqCst) == ATTENDS
    }

    /// He ends when nothing is under way.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.tell();
    }

    /// Sleeps until told or for `span`.
    fn sleep(&self, span: Duration) {
        let told = self.told();
        let slept = self.bell.wait_timeout_while(told, span, |told| !*told);
        let (mut told, _) = slept.unwrap_or_else(PoisonError::into_inner);
        *told = false;
    }
}

/// Starts the watchman of a ring.
pub(crate) fn start(ring: Arc<Ring>) -> std::io::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("volume".into());
    thread.spawn(move || run(&ring))
}

fn run(ring: &Ring) {
    let watch = &ring.watch;
    let mut quiet = 0;
    loop {
        if must_attend(ring) {
            attend(ring);
            quiet = 0;
            continue;
        }
        if watch.closed.load(Ordering::SeqCst) && ring.under_way() == 0 {
            return;
        }
        if quiet < QUIET_TICKS {
            watch.mode.store(TICKS, Ordering::SeqCst);
            if !must_attend(ring) {
                watch.sleep(TICK);
            }
        } else {
            watch.mode.store(DOZES, Ordering::SeqCst);
            if ring.under_way() == 0 {
                watch.sleep(ring.patience());
            }
        }
        let moved = ring.reap() > 0 || ring.under_way() > 0;
        quiet = if moved { 0 } else { quiet.saturating_add(1) };
        ring.rest();
    }
}

fn must_attend(ring: &Ring) -> bool {
    let watch = &ring.watch;
    let overdue = watch.overdue.load(Ordering::SeqCst) || watch.closed.load(Ordering::SeqCst);
    ring.foreign() > 0 || (overdue && ring.under_way() > 0)
}

/// Waits in the ring while somebody needs it.
fn attend(ring: &Ring) {
    ring.watch.mode.store(ATTENDS, Ordering::SeqCst);
    while must_attend(ring) {
        let start = Instant::now();
        ring.wait(STINT);
        ring.reap();
        if start.elapsed() < LULL / 2 {
            ring.watch.overdue.store(false, Ordering::SeqCst);
        }
    }
    ring.rest();
}
