//! Reading blocks: what vaults paid, also when somebody else presented the cheque or a
//! reorganisation
//! took the payment back.
//!
//! Enters: the chain's events about one beneficiary. Leaves: facts. Invariants: the cursor and the
//! effects of the blocks it passed are one commit; a block counts only while its hash stands, and
//! what a reorganisation took goes in one commit too, the sums then being the vaults' own word.
//! Does not: begin transactions.

use std::sync::Arc;

use host_core::seams::Chain;
use host_core::{Address, Digest32};
use host_ledger::{Cursor, Fact, Ledger};
use tracing::{info, warn};

use crate::error::Error;

/// Blocks of one commit.
const STEP: u64 = 2_000;
/// Commits of one round; a host that was away for long catches up over several.
const STEPS_MAX: usize = 64;
/// Newest marks that are all kept; older ones lie ever further apart.
const MARKS_NEAR: usize = 16;
/// Marks kept in all: with doubling distances they reach back further than any reorganisation.
const MARKS_MAX: usize = 80;
/// Vaults one reorganisation may touch; beyond them the next reading finds the rest.
const TOUCHED_MAX: usize = 4_096;

/// Reads blocks into the ledger.
pub struct Reader {
    ledger: Ledger,
    chain: Arc<dyn Chain>,
    beneficiary: Address,
    start: u64,
}

/// What one reading did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Payments found.
    pub paid: usize,
    /// Whether a reorganisation took blocks back.
    pub rewound: bool,
    /// The newest block read.
    pub block: u64,
}

impl Reader {
    /// A reader of payments to `beneficiary` from block `start` on.
    #[must_use]
    pub const fn new(
        ledger: Ledger,
        chain: Arc<dyn Chain>,
        beneficiary: Address,
        start: u64,
    ) -> Self {
        Self {
            ledger,
            chain,
            beneficiary,
            start,
        }
    }

    /// Reads up to the head, or as far as one round goes. Durability: every step is committed.
    pub async fn read(&self) -> Result<Reading, Error> {
        let mut reading = Reading::default();
        let head = self.chain.head().await?;
        let known = self.ledger.read()?.cursor()?.unwrap_or_default();
        let mut cursor = self.standing(&known).await?;
        if cursor.block() != known.block() {
            self.take_back(&known, &cursor).await?;
            reading.rewound = true;
        }
        for _ in 0..STEPS_MAX {
            let from = cursor.block().map_or(self.start, |block| block + 1);
            if from > head.block {
                break;
            }
            let to = head.block.min(from.saturating_add(STEP - 1));
            let Some(hash) = self.chain.block_hash(to).await? else {
                break;
            };
            let paid = self.chain.cheques_paid(self.beneficiary, from, to).await?;
            // Read between two histories, the events may belong to either: next time, then.
            if self.chain.block_hash(to).await? != Some(hash) {
                break;
            }
            cursor = passed(cursor, to, hash);
            reading.paid += paid.len();
            for one in &paid {
                info!(vault = %one.vault, amount = %one.paid_out, block = one.block, "vault paid");
            }
            let read = Fact::BlocksRead {
                cursor: cursor.clone(),
                paid,
            };
            self.ledger.commit(vec![read]).await?;
        }
        reading.block = cursor.block().unwrap_or(0);
        Ok(reading)
    }

    /// The part of the cursor whose newest mark is still in the chain.
    async fn standing(&self, cursor: &Cursor) -> Result<Cursor, Error> {
        let mut marks = cursor.marks.as_slice();
        while let Some(((block, hash), older)) = marks.split_first() {
            if self.chain.block_hash(*block).await? == Some(*hash) {
                break;
            }
            marks = older;
        }
        Ok(Cursor {
            marks: marks.to_vec(),
        })
    }

    /// Takes back what stood in blocks that are gone.
    async fn take_back(&self, known: &Cursor, cursor: &Cursor) -> Result<(), Error> {
        let (had, left) = (known.block().unwrap_or(0), cursor.block().unwrap_or(0));
        warn!(
            block = left,
            head = had,
            "a reorganisation took blocks back, reading them again"
        );
        let events = self.ledger.read()?.events_above(left, TOUCHED_MAX)?;
        let mut vaults: Vec<Address> = events.into_iter().map(|(_, event)| event.vault).collect();
        vaults.sort_unstable();
        vaults.dedup();
        let mut paid_out = Vec::with_capacity(vaults.len());
        for vault in vaults {
            let facts = self.chain.vault(vault, self.beneficiary).await?;
            paid_out.push((vault, facts.paid_out));
        }
        let lost = Fact::BlocksLost {
            cursor: cursor.clone(),
            paid_out,
        };
        Ok(self.ledger.commit(vec![lost]).await?)
    }
}

/// The cursor after block `block`: every near mark, and of far ones about four for each doubling of
/// the distance. Buckets are aligned to powers of two, so that growing older merges them in pairs.
fn passed(mut cursor: Cursor, block: u64, hash: Digest32) -> Cursor {
    cursor.marks.insert(0, (block, hash));
    let bucket = |mark: u64| {
        let width = (block.saturating_sub(mark) / 4).max(1).ilog2();
        (width, mark >> width)
    };
    let mut kept: Vec<(u64, Digest32)> = Vec::with_capacity(MARKS_MAX);
    for mark in cursor.marks {
        let near = kept.len() < MARKS_NEAR;
        match kept.last_mut() {
            Some(last) if !near && bucket(last.0) == bucket(mark.0) => *last = mark,
            _ => kept.push(mark),
        }
    }
    kept.truncate(MARKS_MAX);
    Cursor { marks: kept }
}

#[cfg(test)]
mod tests;
