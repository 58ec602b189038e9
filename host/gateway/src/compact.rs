//! Shared objects that are mostly unused are packed anew: what is still used is read, verified,
//! stored together, and each entry's piece is moved in a commit of its own; the old object is
//! given back when its last use is gone.
//!
//! A shared object is due when less than half of it is used, or when it is small and old enough
//! that others like it can be joined. Runs are moved sealed: their keys stay where they are.

use std::collections::BTreeMap;

use host_core::ObjectId;
use host_ledger::catalogue::RowChange;

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::pack::{SHARED_LEN, TAG_LEN};
use crate::rows::{self, Entry, Part, Piece, Shared};
use crate::uses;

/// Shared objects looked at in one round.
const LOOKS: usize = 4096;
/// A shared object below this is joined with others.
const SMALL: u64 = (SHARED_LEN as u64) / 2;
/// Fewest small ones that are worth the reading.
const JOIN_MIN: usize = 4;

/// A run in use: the row that names it.
struct Run {
    row: Vec<u8>,
    piece: Piece,
}

/// Where a use leads: an entry's row is its current or its older one, a part's is its own.
enum Named {
    Entry { row: Vec<u8>, value: Vec<u8> },
    Part { row: Vec<u8>, value: Vec<u8> },
}

/// Bucket and key of an entry's use.
fn parts_of(row: &[u8]) -> Option<(String, String)> {
    let names = row.get(1..row.len().checked_sub(9)?)?;
    let at = names.iter().position(|byte| *byte == 0)?;
    let text = |run: &[u8]| String::from_utf8(run.to_vec()).ok();
    Some((text(names.get(..at)?)?, text(names.get(at + 1..)?)?))
}

impl Gateway {
    /// One round: joins what is due. Returns how many shared objects were emptied.
    pub(crate) async fn compact(&self, small_after_ms: u64) -> Result<usize, Error> {
        let end = rows::after(rows::SHARED);
        let found = self.inner.rows.scan(rows::SHARED, &end, LOOKS)?;
        let now = self.now_ms();
        let (mut sparse, mut small) = (Vec::new(), Vec::new());
        for (key, value) in found {
            let Some(object) = key.get(1..).and_then(|id| id.try_into().ok()).map(ObjectId) else {
                continue;
            };
            if !self.keeps(&object)? {
                continue;
            }
            let shared: Shared = rows::of_bytes(&key, &value)?;
            let runs = self.runs(object)?;
            let used: u64 = runs.iter().map(|run| run.piece.len + TAG_LEN).sum();
            if runs.is_empty() {
                continue;
            }
            if used * 2 < shared.len {
                sparse.push((object, runs));
            } else if used < SMALL && shared.closed_ms + small_after_ms <= now {
                small.push((object, runs));
            }
        }
        if small.len() >= JOIN_MIN {
            sparse.extend(small);
        }
        let emptied = sparse.len();
        self.repack(sparse).await?;
        Ok(emptied)
    }

    /// The runs of a shared object that are in use.
    fn runs(&self, object: ObjectId) -> Result<Vec<Run>, Error> {
        let uses = rows::use_of(&object, &[]);
        let found = self
            .inner
            .rows
            .scan(&uses, &rows::after(&uses), usize::MAX)?;
        let mut runs = Vec::new();
        for (key, _) in found {
            let row = key.get(uses.len()..).unwrap_or_default().to_vec();
            for piece in self.pieces_of(&row)? {
                if piece.object == object && piece.key.is_some() {
                    runs.push(Run {
                        row: row.clone(),
                        piece,
                    });
                }
            }
        }
        Ok(runs)
    }

    /// The row a use names, as it stands.
    fn named(&self, row: &[u8]) -> Result<Option<Named>, Error> {
        if row.first() == Some(&b'p') {
            let value = self.inner.rows.get(row)?;
            let row = row.to_vec();
            return Ok(value.map(|value| Named::Part { row, value }));
        }
        let Some((bucket, key)) = parts_of(row) else {
            return Ok(None);
        };
        if let Some(value) = self.inner.rows.get(row)? {
            let row = row.to_vec();
            return Ok(Some(Named::Entry { row, value }));
        }
        let current = rows::current(&bucket, &key);
        let Some(value) = self.inner.rows.get(&current)? else {
            return Ok(None);
        };
        let entry: Entry = rows::of_bytes(&current, &value)?;
        let is_it = rows::older(&bucket, &key, Some(entry.seq)) == row;
        Ok(is_it.then_some(Named::Entry {
            row: current,
            value,
        }))
    }

    /// Where the bytes of what a use names are; nowhere when it is no more.
    pub(crate) fn pieces_of(&self, row: &[u8]) -> Result<Vec<Piece>, Error> {
        Ok(match self.named(row)? {
            None => Vec::new(),
            Some(Named::Entry { row, value }) => rows::of_bytes::<Entry>(&row, &value)?.pieces,
            Some(Named::Part { row, value }) => rows::of_bytes::<Part>(&row, &value)?.pieces,
        })
    }

    async fn repack(&self, sparse: Vec<(ObjectId, Vec<Run>)>) -> Result<(), Error> {
        let mut waiting: Vec<Run> = Vec::new();
        let mut bytes: Vec<u8> = Vec::new();
        let mut moves: Vec<(Run, u64)> = Vec::new();
        for (_, runs) in sparse {
            waiting.extend(runs);
        }
        for run in waiting {
            let sealed = self.sealed(&run.piece).await?;
            if bytes.len() + sealed.len() > SHARED_LEN && !bytes.is_empty() {
                let (full, moved) = (std::mem::take(&mut bytes), std::mem::take(&mut moves));
                self.move_runs(full, moved).await?;
            }
            moves.push((run, bytes.len() as u64));
            bytes.extend_from_slice(&sealed);
        }
        if moves.is_empty() {
            return Ok(());
        }
        self.move_runs(bytes, moves).await
    }

    /// Stores some runs together and moves each use, unless its row changed meanwhile.
    async fn move_runs(&self, bytes: Vec<u8>, moves: Vec<(Run, u64)>) -> Result<(), Error> {
        let object = self.store_shared(bytes.into()).await?;
        let mut by_row: BTreeMap<Vec<u8>, Vec<(Piece, u64)>> = BTreeMap::new();
        for (run, offset) in moves {
            by_row.entry(run.row).or_default().push((run.piece, offset));
        }
        for (row, pieces) in by_row {
            self.move_row(&row, &pieces, object).await?;
        }
        self.inner.garbage.notify_one();
        Ok(())
    }

    async fn move_row(
        &self,
        row: &[u8],
        moves: &[(Piece, u64)],
        object: ObjectId,
    ) -> Result<(), Error> {
        let moved = |pieces: &mut Vec<Piece>| {
            for piece in pieces {
                let to = moves.iter().find(|(from, _)| from == piece);
                if let Some((_, offset)) = to {
                    (piece.object, piece.offset) = (object, *offset);
                }
            }
        };
        let mut change = RowChange::default();
        let pieces = match self.named(row)? {
            None => return Ok(()),
            Some(Named::Entry { row, value }) => {
                let mut entry: Entry = rows::of_bytes(&row, &value)?;
                moved(&mut entry.pieces);
                change.expect.push((row.clone(), Some(value)));
                change.write.insert(row, Some(rows::to_bytes(&entry)));
                entry.pieces
            }
            Some(Named::Part { row, value }) => {
                let mut part: Part = rows::of_bytes(&row, &value)?;
                moved(&mut part.pieces);
                change.expect.push((row.clone(), Some(value)));
                change.write.insert(row, Some(rows::to_bytes(&part)));
                part.pieces
            }
        };
        let now = self.now_ms();
        for (from, _) in moves {
            let old = from.object;
            if !pieces.iter().any(|piece| piece.object == old) {
                uses::leave(&mut change, &old, row, now);
            }
        }
        uses::take(self.inner.rows.as_ref(), &mut change, &object, row)?;
        // Outrun: the row is another one by now, and its own change said what it uses.
        commit(&self.inner.rows, change).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
