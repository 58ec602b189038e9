//! The lull: a runtime's thread that would go to sleep waits for its drive instead, for a moment.
//!
//! A program that waits in its ring needs no second thread to be told that bytes have moved; a
//! task of a runtime cannot wait so, since others may be ready. But a runtime's thread knows when
//! none is: just before it parks. There it calls `lull`, which sleeps in the ring of the device it
//! last used, half a millisecond at most, and answers what completes. Threads that never call it
//! are served by the device's watchman (`watch`), at the price of being woken by another thread.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use crate::queue::Move;
use crate::ring::Ring;
use crate::watch::LULL;

/// What a thread knows of itself.
#[derive(Default)]
struct Own {
    lulls: bool,
    /// Rings in which it has submitted something that may still be under way.
    rings: Vec<Weak<Ring>>,
}

thread_local! {
    static OWN: RefCell<Own> = RefCell::default();
}

/// Waits a moment for the drives this thread has given something to do: to be called where a
/// runtime's thread is about to sleep (tokio: `Builder::on_thread_park`). Returns at once when
/// nothing is under way, and after half a millisecond at most.
/// Effect: tasks whose bytes have moved are woken on this thread.
pub fn lull() {
    let mut rings = OWN.with_borrow_mut(|own| {
        own.lulls = true;
        std::mem::take(&mut own.rings)
    });
    if rings.is_empty() {
        return;
    }
    rings.retain(|ring| ring.upgrade().is_some_and(|ring| ring.under_way() > 0));
    match rings.as_slice() {
        [] => (),
        [only] => {
            if let Some(ring) = only.upgrade() {
                ring.lull();
            }
        }
        several => {
            // One thread cannot sleep in two rings.
            for ring in several.iter().filter_map(Weak::upgrade) {
                if ring.reap() == 0 {
                    ring.watch.overdue();
                }
            }
        }
    }
    OWN.with_borrow_mut(|own| own.rings = rings);
}

/// Gives `order` to `ring` from this thread; gives it back when the ring is closed.
pub(crate) fn give(ring: &Arc<Ring>, order: Move) -> Result<(), Move> {
    let lulls = OWN.with_borrow_mut(|own| {
        let here = Arc::downgrade(ring);
        if own.lulls && !own.rings.iter().any(|known| known.ptr_eq(&here)) {
            own.rings.push(here);
        }
        own.lulls
    });
    ring.give(order, !lulls)
}

impl Ring {
    /// Waits for the next completion, unless somebody does already.
    fn lull(&self) {
        if self.reap() > 0 || self.watch.attends() {
            return;
        }
        let Ok(_waiting) = self.watch.lulling.try_lock() else {
            return;
        };
        if self.wait(LULL) {
            self.reap();
        } else {
            self.watch.overdue();
        }
    }
}
