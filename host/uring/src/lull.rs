//! How a device and a runtime meet, without a thread between them.
//!
//! The ring's descriptor stands among those the runtime's reactor listens to, so that a worker
//! that sleeps there reaps what completes and wakes the tasks that asked, all on one thread; it
//! lingers in a task of the runtime. And since a thread that sleeps in the ring itself is woken at
//! half the price, a worker that is about to park calls `lull`, which does that for a moment: a
//! task could not, since others may be ready, but a parking worker knows that none is.
//!
//! Threads of no runtime are served by the device's watchman (`watch`), at the price of being
//! woken by another thread. The runtime's reactor must be enabled (`enable_io`).

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::queue::Move;
use crate::ring::{Ring, SHARE};

thread_local! {
    /// Rings in which this thread has submitted something since it last lulled in vain.
    static USED: RefCell<Vec<Weak<Ring>>> = const { RefCell::new(Vec::new()) };
}

/// A lull longer than this was a mistake: the thread could have heard the network meanwhile.
const LONG: Duration = Duration::from_millis(1);
/// Completions after such a lull before the next one.
const PENANCE: u32 = 64;

/// A ring's place among the descriptors of a runtime.
#[derive(Debug, Default)]
pub(crate) struct Lull {
    attached: AtomicBool,
    reaper: Mutex<Option<AbortHandle>>,
    /// Held by the one thread that lulls.
    lulling: Mutex<()>,
    /// Lulls begun, and ended: they differ while somebody lulls.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Completions still to come until the device counts as fast again.
    slow: AtomicU32,
}

impl Lull {
    /// So many operations have completed.
    pub(crate) fn moved(&self, count: usize) {
        let slow = self.slow.load(Ordering::Relaxed);
        if slow > 0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.slow
                .store(slow.saturating_sub(count), Ordering::Relaxed);
        }
    }

    /// The number of the lull under way, if there is one.
    pub(crate) fn under_way(&self) -> Option<u64> {
        let begun = self.begun.load(Ordering::Acquire);
        (begun != self.ended.load(Ordering::Acquire)).then_some(begun)
    }

    /// The lull took, or takes, too long: none for a while.
    pub(crate) fn repent(&self) {
        self.slow.store(PENANCE, Ordering::Relaxed);
    }

    /// Leaves the runtime.
    pub(crate) fn detach(&self) {
        let mut reaper = self.reaper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reaper) = reaper.take() {
            reaper.abort();
        }
    }
}

/// Waits a moment for the drive this thread has given something to do: to be called where a
/// runtime's thread is about to park (tokio: `Builder::on_thread_park`). Returns at once when
/// nothing is under way, and otherwise when something completes or the device's watchman thinks it
/// has lasted too long, after 16 ms at most; the runtime then finds in its reactor what completed.
pub fn lull() {
    let mut used = USED.take();
    used.retain(|ring| ring.upgrade().is_some_and(|ring| ring.under_way() > 0));
    // One thread cannot sleep in two rings: then it sleeps in the reactor, which hears both.
    if let [ring] = used.as_slice()
        && let Some(ring) = ring.upgrade()
    {
        ring.linger();
    }
    USED.set(used);
}

/// Gives `order` to `ring` from this thread; gives it back when the ring is closed.
pub(crate) fn give(ring: &Arc<Ring>, order: Move) -> Result<(), Move> {
    let runtime = Handle::try_current();
    if let Ok(runtime) = &runtime {
        attach(ring, runtime);
        USED.with_borrow_mut(|used| {
            if !used.iter().any(|known| known.as_ptr() == Arc::as_ptr(ring)) {
                used.push(Arc::downgrade(ring));
            }
        });
    }
    ring.give(order, runtime.is_err())
}

/// Has the runtime listen to the ring, unless one does already.
fn attach(ring: &Arc<Ring>, runtime: &Handle) {
    if ring.lull.attached.swap(true, Ordering::AcqRel) {
        return;
    }
    let attached = Attached(Arc::downgrade(ring));
    match ring.descriptor() {
        Ok(descriptor) => {
            let reaper = runtime.spawn(reap(descriptor, attached)).abort_handle();
            let mut place = ring
                .lull
                .reaper
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *place = Some(reaper);
        }
        Err(error) => tracing::debug!(err = %error, "no runtime listens to the ring"),
    }
}

/// Says, when dropped with its runtime, that another may listen.
struct Attached(Weak<Ring>);

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(ring) = self.0.upgrade() {
            ring.lull.attached.store(false, Ordering::Release);
        }
    }
}

/// Reaps whenever the ring has something.
async fn reap(descriptor: OwnedFd, attached: Attached) {
    // SAFETY: an `OwnedFd` names one open descriptor from now until it is dropped.
    let listening = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
    let Ok(listening) = listening else {
        return;
    };
    while let Ok(mut ready) = listening.readable().await {
        // Cleared first: what completes from here on makes the descriptor ready anew.
        ready.clear_ready();
        match attached.0.upgrade() {
            Some(ring) => ring.reap(),
            None => return,
        };
    }
}

impl Ring {
    /// Sleeps until something has completed, unless somebody does already or it took too long
    /// lately. No time limit of its own: to set and cancel a timer for every operation costs a
    /// virtual machine more than the operation's own system call.
    fn linger(&self) {
        let lull = &self.lull;
        let slow = lull.slow.load(Ordering::Relaxed) > 0;
        if slow || self.watch.attends() || self.has_completed() {
            return;
        }
        if let Ok(_only) = lull.lulling.try_lock() {
            let start = Instant::now();
            lull.begun.fetch_add(1, Ordering::AcqRel);
            let share = usize::try_from(SHARE).unwrap_or(1);
            self.wait(self.under_way().div_ceil(share), None);
            lull.ended.fetch_add(1, Ordering::AcqRel);
            if start.elapsed() > LONG {
                lull.repent();
            }
        }
    }
}
