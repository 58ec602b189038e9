//! The watchman: one thread a device that sees to completions nobody else looks for.
//!
//! A runtime reaps for its own tasks (`lull`). The watchman waits in the ring for callers of no
//! runtime and for what is left when the device closes; looks every few milliseconds while the
//! device is in use, lest a runtime that nobody drives, or that is busy, keep bytes waiting; ends
//! a lull that he sees twice, since a stalled drive must not hold up a runtime; and gives unused
//! memory back, the heap's too once the device is quiet.
//!
//! Invariant: while an order is under way he attends, ticks, or has been told to wake: `give`
//! counts the order before it reads the mode, he sets the mode before he reads the count.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::ring::Ring;

/// How often he looks while the device is in use.
const TICK: Duration = Duration::from_millis(8);
/// Ticks without an order after which he sleeps until told.
const QUIET_TICKS: u32 = 12;
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
    /// The kernel put a submission off.
    overdue: AtomicBool,
    closed: AtomicBool,
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

    /// An order was given, by a thread of a runtime or (`foreign`) of none.
    pub(crate) fn given(&self, foreign: bool) {
        let mode = self.mode.load(Ordering::SeqCst);
        if mode == DOZES || (foreign && mode == TICKS) {
            self.tell();
        }
    }

    /// Asks him to submit again what the kernel did not take.
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
    let mut seen = None;
    let mut soiled = false;
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
            if soiled && ring.under_way() == 0 {
                soiled = false;
                crate::arena::trim_heap();
            }
        }
        let lull = ring.lull.under_way();
        if lull.is_some() && lull == seen {
            ring.lull.repent();
            ring.kick();
        }
        seen = lull;
        let moved = ring.reap() > 0 || ring.under_way() > 0;
        soiled |= moved;
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
        ring.watch.overdue.store(false, Ordering::SeqCst);
        ring.wait(1, Some(STINT));
        ring.reap();
    }
    ring.rest();
}
