//! The way of orders from callers to threads that serve them: moves where there is no ring, and
//! every flush.
//!
//! Enters: an order. Leaves: the same order, on a serving thread. Pushing never blocks, since
//! callers are tasks of a runtime. The queue needs no bound of its own: a move owns a buffer of
//! the device's bounded arena, and a flush is one a caller.
//!
//! Invariants: an order is answered, handed back, or dropped with its answer's channel (which the
//! caller sees as a stopped driver); all that waits in a closed queue is still served.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use host_core::seams::DeviceError;

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
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Order>,
    open: bool,
}

impl Queue {
    /// An empty, open queue.
    pub(crate) fn new() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            open: true,
        };
        Self {
            state: Mutex::new(state),
            more: Condvar::new(),
        }
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
        drop(state);
        self.more.notify_one();
        Ok(())
    }

    /// Takes no more orders; what waits is still served.
    pub(crate) fn close(&self) {
        self.state().open = false;
        self.more.notify_all();
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
}

#[cfg(test)]
mod tests;
