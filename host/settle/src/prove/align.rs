//! Which of the ledger's batches the chain has: told by the name of the newest list of peaks and
//! the period it was made in, both from the chain, so that neither a crash after a broadcast nor a
//! reorganisation leaves anything to guess.
//!
//! Pure. Does not: believe what the ledger wrote down about it earlier where the chain says
//! otherwise.

use host_core::Digest32;
use host_ledger::BatchRow;
use host_proof::dataset::{Batch, Entry, History};

use crate::error::Error;

/// Batches at the end of the list that a reorganisation may have taken away.
const UNSURE: usize = 8;

/// The batches the chain has, all in periods known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aligned {
    /// How many of the ledger's batches.
    pub(crate) on_chain: usize,
    /// The period of the last of them, when it differs from what the ledger knew.
    pub(crate) moved: Option<u64>,
}

/// A batch as the dataset's rules take it.
pub(crate) fn batch_of(row: &BatchRow, period: u64) -> Batch {
    let root = Entry {
        node: row.node,
        sum: row.sum,
        end: row.end,
    };
    Batch {
        period,
        root: Some(root),
    }
}

/// The merged batches that were committed in or before `period`.
/// Errors: Proof when sums leave their range.
pub(crate) fn history_at(rows: &[BatchRow], period: u64) -> Result<History, Error> {
    let mut history = History::default();
    for row in rows {
        match row.period {
            Some(at) if at <= period => history.append(&batch_of(row, at))?,
            _ => break,
        }
    }
    Ok(history)
}

/// Finds the longest run of batches whose peaks have the name `current`, the last of them taken in
/// period `committed_next - 1`. None when no run has: the chain knows another dataset.
/// Cost: replays the batches once, and the last few again.
/// Errors: Proof when sums leave their range.
pub(crate) fn align(
    rows: &[BatchRow],
    current: &Digest32,
    committed_next: u64,
) -> Result<Option<Aligned>, Error> {
    let nothing = current.0 == [0; 32];
    if committed_next == 0 {
        return Ok(nothing.then(Aligned::default));
    }
    let period = committed_next - 1;
    let sure = rows.len().saturating_sub(UNSURE);
    let mut history = History::default();
    let mut found = None;
    for (index, row) in rows.iter().enumerate() {
        if index >= sure {
            let mut tried = history.clone();
            tried.append(&batch_of(row, period))?;
            if tried.peaks().commitment() == *current {
                found = Some(Aligned {
                    on_chain: index + 1,
                    moved: (row.period != Some(period)).then_some(period),
                });
            }
        }
        let Some(known) = row.period else { break };
        history.append(&batch_of(row, known))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
