//! Group commit: one thread, one write transaction a group.
//!
//! Order, the reason this file exists: apply every set of the group in one transaction; append
//! the changed rows to the fact rings and flush those; commit durably; only then answer. A set
//! that contradicts the facts is taken back inside the transaction and answered alone; the others
//! go on.

use std::sync::Arc;

use futures::channel::oneshot;
use redb::{Database, Durability, WriteTransaction};
use tracing::error;

use crate::apply::apply;
use crate::backup;
use crate::error::Error;
use crate::fact::Fact;
use crate::queue::{Order, Queue};
use crate::restore;
use crate::rings::Rings;
use crate::tables::{Place, SEQUENCE, Tables};

type Answer = oneshot::Sender<Result<(), Error>>;

/// The committer's own state.
pub(crate) struct Committer {
    pub(crate) database: Arc<Database>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) rings: Arc<Rings>,
}

/// Ends the queue when the committer's thread ends, however it does.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Bytes by which a set about money may make the live rows more: below those of an agreement.
const SMALL_GROWTH: u64 = 400;

/// Begins a write transaction that, once committed, is durable and opens again without a walk.
pub(crate) fn begin(database: &Database) -> Result<WriteTransaction, Error> {
    let mut txn = database.begin_write().map_err(Error::database)?;
    txn.set_durability(Durability::Immediate)
        .map_err(Error::database)?;
    txn.set_quick_repair(true);
    Ok(txn)
}

impl Committer {
    /// Serves until the queue is closed and empty. Should the database panic, the queue ends with
    /// this thread, and everyone waiting is told that the ledger is closed.
    pub(crate) fn run(self) {
        let _end = End(Arc::clone(&self.queue));
        while let Some(orders) = self.queue.take() {
            self.serve(orders);
        }
        self.rings.clear();
    }

    /// Decides what stands in the queue now; for a ledger without a thread.
    pub(crate) fn turn(&self) {
        while let Some(orders) = self.queue.take_now() {
            self.serve(orders);
        }
    }

    fn serve(&self, orders: Vec<Order>) {
        let mut group = Vec::new();
        for order in orders {
            match order {
                Order::Facts(facts, answer) => group.push((facts, answer)),
                Order::Restore(found, answer) => {
                    self.commit(std::mem::take(&mut group));
                    let restored = restore::restore(&self.database, found);
                    self.queue.answered(1);
                    let _ = answer.send(restored);
                }
            }
        }
        self.commit(group);
    }

    fn commit(&self, group: Vec<(Vec<Fact>, Answer)>) {
        if group.is_empty() {
            return;
        }
        let verdicts = self.write(&group);
        if let Err(err) = &verdicts {
            error!(err = %err, "group commit failed, nothing of it is recorded");
        }
        // Counted before it is told: who was told may rely on the count.
        self.queue.answered(group.len());
        for (index, (_, answer)) in group.into_iter().enumerate() {
            let verdict = match &verdicts {
                Ok(refused) => refused.get(index).cloned().flatten().map_or(Ok(()), Err),
                Err(error) => Err(error.clone()),
            };
            let _ = answer.send(verdict);
        }
    }

    /// Applies and commits the group; returns why a set was refused, for each. Errors when the
    /// device is at fault: then nothing of the group is recorded.
    fn write(&self, group: &[(Vec<Fact>, Answer)]) -> Result<Vec<Option<Error>>, Error> {
        let txn = begin(&self.database)?;
        let mut refused = Vec::with_capacity(group.len());
        {
            let mut tables = Tables::open(&txn)?;
            for (facts, _) in group {
                refused.push(self.apply_set(&mut tables, facts)?);
            }
            let changes = tables.finish()?;
            if !changes.is_empty() {
                let sequence = backup::sequence(&tables)? + 1;
                tables.write(Place::Meta, SEQUENCE, &sequence)?;
                self.rings.append(&mut tables, sequence, &changes)?;
            }
        }
        if refused.iter().all(Option::is_some) {
            txn.abort().map_err(Error::database)?;
        } else {
            txn.commit().map_err(Error::database)?;
        }
        Ok(refused)
    }

    /// Applies one set whole or not at all; returns why it was refused. Errors when the device
    /// is at fault.
    fn apply_set(&self, tables: &mut Tables<'_>, facts: &[Fact]) -> Result<Option<Error>, Error> {
        let applied = facts.iter().try_for_each(|fact| apply(tables, fact));
        match applied.and_then(|()| self.check_room(tables)) {
            Ok(()) => {
                tables.keep();
                Ok(None)
            }
            Err(error @ Error::Database { .. }) => Err(error),
            Err(error) => {
                tables.undo()?;
                Ok(Some(error))
            }
        }
    }

    /// A set may not make the live rows outgrow the smallest ring. New agreements and records end
    /// at three quarters of a half, so that money about what is kept has the next eighth; a set
    /// that makes the rows fewer is never refused.
    fn check_room(&self, tables: &Tables<'_>) -> Result<(), Error> {
        let Some((volume, half_len)) = self.rings.room() else {
            return Ok(());
        };
        let eighths = |count| half_len / 8 * count;
        let fits = match tables.live() {
            (_, 0) => true,
            (live, 1..SMALL_GROWTH) => live <= eighths(7),
            (live, _) => live <= eighths(6),
        };
        let need = tables.live().0;
        if fits {
            Ok(())
        } else {
            Err(Error::RingFull { volume, need })
        }
    }
}
