//! The bounded queue between those who commit and the committer's thread. A set enters whole or
//! waits for room; what entered is answered, even when nobody waits for the answer any more.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use host_core::limits::COMMIT_QUEUE_MAX;

use crate::error::Error;
use crate::fact::Fact;
use crate::journal::FoundRing;
use crate::restore::Restored;

/// Bytes of record bodies taken into one group before it is closed.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// What the committer is asked to do.
pub(crate) enum Order {
    /// Commit a set of facts.
    Facts(Vec<Fact>, oneshot::Sender<Result<(), Error>>),
    /// Rebuild an empty ledger.
    Restore(Vec<FoundRing>, oneshot::Sender<Result<Restored, Error>>),
}

#[derive(Default)]
struct Line {
    orders: VecDeque<Order>,
    waiting: Vec<oneshot::Sender<()>>,
    entered: u64,
    answered: u64,
    closed: bool,
}

impl Line {
    /// What one group may hold, from the front.
    fn group(&mut self) -> Vec<Order> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while bytes < GROUP_BYTES_MAX
            && let Some(order) = self.orders.pop_front()
        {
            bytes += body_len(&order);
            group.push(order);
        }
        for waiting in self.waiting.drain(..) {
            let _ = waiting.send(());
        }
        group
    }
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    line: Mutex<Line>,
    filled: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters an order, waiting for room. Errors: Closed.
    pub(crate) async fn enter(&self, order: Order) -> Result<(), Error> {
        let mut order = Some(order);
        loop {
            let room = {
                let mut line = self.lock();
                if line.closed {
                    return Err(Error::Closed);
                }
                if line.orders.len() < COMMIT_QUEUE_MAX {
                    line.orders.extend(order.take());
                    line.entered += 1;
                    self.filled.notify_one();
                    return Ok(());
                }
                let (sender, room) = oneshot::channel();
                line.waiting.push(sender);
                room
            };
            let _ = room.await;
        }
    }

    /// Waits for orders and takes what one group may hold; none when closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Order>> {
        let mut line = self.lock();
        while line.orders.is_empty() {
            if line.closed {
                return None;
            }
            line = self
                .filled
                .wait(line)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Some(line.group())
    }

    /// Takes what one group may hold now; none when nothing waits.
    pub(crate) fn take_now(&self) -> Option<Vec<Order>> {
        let mut line = self.lock();
        (!line.orders.is_empty()).then(|| line.group())
    }

    /// Notes that `count` orders are decided.
    pub(crate) fn answered(&self, count: usize) {
        self.lock().answered += count as u64;
    }

    /// How many orders have entered, and how many were answered.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let line = self.lock();
        (line.entered, line.answered)
    }

    /// Lets nothing more in and drops what is left: their answers are Closed.
    pub(crate) fn end(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().orders);
        self.answered(left.len());
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        let mut line = self.lock();
        line.closed = true;
        line.waiting.clear();
        self.filled.notify_all();
    }
}

fn body_len(order: &Order) -> usize {
    let Order::Facts(facts, _) = order else {
        return 0;
    };
    let body = |fact: &Fact| match fact {
        Fact::RecordKept(signed) => signed.record.body.len(),
        Fact::MetaSet { bytes, .. } => bytes.len(),
        Fact::OutboxPut(row) | Fact::OutboxChanged(row) => 512 + row.raw.len(),
        Fact::BlocksRead { paid, .. } => 512 + 256 * paid.len(),
        _ => 512,
    };
    facts.iter().map(body).sum()
}
