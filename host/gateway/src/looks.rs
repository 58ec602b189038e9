//! What the last look at a stored object found, kept so that people are told how it is without
//! asking its hosts again.
//!
//! Enters: what a look found, what a repair placed. Leaves: a row of the catalogue for each stored
//! object in use. Invariant: a row says when it was found out; what was never looked at has none.
//! What this does not do: decide anything. Repairs go by a fresh look.

use host_core::ObjectId;
use host_ledger::catalogue::RowChange;
use host_renter::{Condition, Health};
use serde::{Deserialize, Serialize};

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::keep::MARGIN;
use crate::rows;
use crate::uses;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// When, milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// Shards that are known, and how many of them were in which state.
    pub(crate) shards: usize,
    pub(crate) alive: usize,
    pub(crate) leaving: usize,
    /// Missing there, or other bytes.
    pub(crate) gone: usize,
    pub(crate) silent: usize,
    pub(crate) unasked: usize,
    /// How many more hosts may die before bytes are lost.
    pub(crate) may_die: Option<usize>,
    /// Segments: all, asked for, not readable then.
    pub(crate) segments: usize,
    pub(crate) segments_asked: usize,
    pub(crate) segments_lost: usize,
    /// Days until bytes may be lost when nobody does anything.
    pub(crate) days_to_danger: Option<u32>,
    /// The last repair, milliseconds since 1970, and how many shards it placed anew.
    #[serde(default)]
    pub(crate) repaired_ms: Option<u64>,
    #[serde(default)]
    pub(crate) placed: usize,
}

impl Seen {
    fn of(health: &Health, at_ms: u64) -> Self {
        let count = |condition| health.count(condition);
        Self {
            at_ms,
            shards: health.shards.len(),
            alive: count(Condition::Alive),
            leaving: count(Condition::Leaving),
            gone: count(Condition::Missing) + count(Condition::Lied),
            silent: count(Condition::Unreachable),
            unasked: count(Condition::Unasked),
            may_die: health.may_die,
            segments: health.segments,
            segments_asked: health.segments_asked,
            segments_lost: health.segments_lost,
            days_to_danger: health.days_to_danger,
            repaired_ms: None,
            placed: 0,
        }
    }

    /// How it was, in one word: `lost`, `thin` where a repair is due, `well`.
    pub(crate) fn word(&self, parity: u16) -> &'static str {
        let margin = usize::from(MARGIN.min(parity));
        match self.may_die {
            _ if self.segments_lost > 0 => "lost",
            Some(left) if left >= margin => "well",
            Some(_) => "thin",
            None => "unknown",
        }
    }
}

impl Gateway {
    /// What the last look found.
    pub(crate) fn seen(&self, object: &ObjectId) -> Result<Option<Seen>, Error> {
        self.row(&rows::seen(object))
    }

    /// Writes down what a look found now; what is known of repairs stays.
    pub(crate) async fn note_look(&self, object: ObjectId, health: &Health) -> Result<Seen, Error> {
        let before = self.seen(&object)?.unwrap_or_default();
        let seen = Seen {
            repaired_ms: before.repaired_ms,
            placed: before.placed,
            ..Seen::of(health, self.now_ms())
        };
        self.write_seen(object, &seen).await?;
        Ok(seen)
    }

    /// Writes down that a repair placed so many shards anew.
    pub(crate) async fn note_repair(&self, object: ObjectId, placed: usize) -> Result<(), Error> {
        let seen = Seen {
            repaired_ms: Some(self.now_ms()),
            placed,
            ..self.seen(&object)?.unwrap_or_default()
        };
        self.write_seen(object, &seen).await
    }

    /// Only while some row uses the object: a row about one that was given back would stay.
    async fn write_seen(&self, object: ObjectId, seen: &Seen) -> Result<(), Error> {
        let Some((used, value)) = uses::some_use(self.inner.rows.as_ref(), &object)? else {
            return Ok(());
        };
        let mut change = RowChange::default();
        change.expect.push((used, Some(value)));
        let row = rows::to_bytes(seen);
        change.write.insert(rows::seen(&object), Some(row));
        // Outrun by a deletion: then nobody asks any more.
        commit(&self.inner.rows, change).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
