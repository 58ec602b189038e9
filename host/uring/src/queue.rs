//! The way of orders from callers to the threads of a driver.
//!
//! Enters: an order. Leaves: the same order, on a driver's thread. Pushing never blocks, since
//! callers are tasks of a runtime. The queue needs no bound of its own: a move owns a buffer of
//! the device's bounded arena, and a flush is one a caller.
//!
//! A driver that sleeps in its ring cannot hear a condition variable, so it says that it sleeps
//! and is rung by an eventfd, once a sleep; a driver that is awake is not rung at all.
//!
//! Invariants: an order is answered, handed back, or dropped with its answer's channel (which the
//! caller sees as a stopped driver); none stays in a stopped queue.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use host_core::seams::DeviceError;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::arena::Buffer;

/// A buffer on its way back, and whether its bytes moved.
pub(crate) type Moved = (Buffer, Result<(), DeviceError>);

/// Which way bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write,
}

impl Op {
    /// The operation's name in errors.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Bytes to move, and where the buffer goes afterwards.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) op: Op,
    pub(crate) offset: u64,
    pub(crate) buf: Buffer,
    pub(crate) answer: oneshot::Sender<Moved>,
}

/// One operation.
#[derive(Debug)]
pub(crate) enum Order {
    Move(Move),
    Flush(oneshot::Sender<Result<(), DeviceError>>),
}

/// What a wait ended with.
pub(crate) enum Next {
    Order(Order),
    /// Nothing came in time.
    Quiet,
    /// Nothing will come any more.
    Closed,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    more: Condvar,
    bell: EventFd,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Order>,
    open: bool,
    /// A driver sleeps in its ring and hears the bell alone.
    in_ring: bool,
}

impl Queue {
    /// An empty, open queue.
    pub(crate) fn new() -> std::io::Result<Self> {
        let state = State {
            waiting: VecDeque::new(),
            open: true,
            in_ring: false,
        };
        Ok(Self {
            state: Mutex::new(state),
            more: Condvar::new(),
            bell: EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC)?,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over an order; gives it back when the queue is closed.
    pub(crate) fn push(&self, order: Order) -> Result<(), Order> {
        let mut state = self.state();
        if !state.open {
            return Err(order);
        }
        state.waiting.push_back(order);
        self.wake(state);
        Ok(())
    }

    /// Takes no more orders; what waits is still served.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.open = false;
        let in_ring = std::mem::take(&mut state.in_ring);
        drop(state);
        self.more.notify_all();
        if in_ring {
            let _ = self.bell.write(1);
        }
    }

    /// Takes no more orders and drops those that wait: the driver is gone.
    pub(crate) fn stop(&self) {
        self.close();
        // Dropped outside the lock: an answer's waker may run any code.
        let waiting = std::mem::take(&mut self.state().waiting);
        drop(waiting);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let in_ring = std::mem::take(&mut state.in_ring);
        drop(state);
        if in_ring {
            let _ = self.bell.write(1);
        } else {
            self.more.notify_one();
        }
    }

    /// The next order, waiting for `patience` (without end when none).
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state();
        loop {
            if let Some(order) = state.waiting.pop_front() {
                return Next::Order(order);
            }
            if !state.open {
                return Next::Closed;
            }
            state = match patience {
                None => self
                    .more
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.more.wait_timeout(state, patience);
                    let (state, ended) = waited.unwrap_or_else(PoisonError::into_inner);
                    if ended.timed_out() && state.waiting.is_empty() && state.open {
                        return Next::Quiet;
                    }
                    state
                }
            };
        }
    }

    /// Moves at most `room` waiting orders into `into`. When the queue is empty then, the caller
    /// is taken to sleep in its ring until it calls `awake`.
    pub(crate) fn drain(&self, room: usize, into: &mut Vec<Order>) {
        let mut state = self.state();
        let count = room.min(state.waiting.len());
        into.extend(state.waiting.drain(..count));
        // With no room left only a completion can help, and it wakes the ring by itself.
        state.in_ring = count < room && state.open;
    }

    /// The ring's driver is awake.
    pub(crate) fn awake(&self) {
        self.state().in_ring = false;
    }

    /// What the ring reads while its driver sleeps.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests;
