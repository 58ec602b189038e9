//! What was read from blocks: the cursor and its effects change together, and what a
//! reorganisation takes back goes together too.

use host_core::seams::ChequePaid;
use host_core::{Address, Amount};

use super::money;
use crate::error::Error;
use crate::row::{Cursor, EventRow};
use crate::space::tail_number;
use crate::tables::{Place, Tables};

/// Name of the cursor among the notes.
pub(crate) const CURSOR: &[u8] = b"chain.cursor";
/// Blocks behind the cursor whose events are kept: deeper than any reorganisation a network
/// survives.
const KEPT_BLOCKS: u64 = 4096;
/// Events dropped with one reading.
const DROPPED_MAX: usize = 64;

/// Key of an event: block, place in the block.
pub(crate) fn event_key(block: u64, index: u64) -> [u8; 16] {
    let mut key = [0; 16];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&block.to_be_bytes());
    tail.copy_from_slice(&index.to_be_bytes());
    key
}

pub(super) fn read(
    tables: &mut Tables<'_>,
    cursor: &Cursor,
    paid: &[ChequePaid],
) -> Result<(), Error> {
    for one in paid {
        match money::cashed(tables, &one.vault, one.paid_out) {
            // Not about a cheque of ours.
            Err(Error::NoCheque { .. }) => continue,
            other => other?,
        }
        money::bounced(tables, &one.vault, one.missing)?;
        let row = EventRow {
            vault: one.vault,
            tx: one.tx,
            paid_out: one.paid_out,
            missing: one.missing,
        };
        tables.write(Place::Events, &event_key(one.block, one.index), &row)?;
    }
    let oldest = cursor.block().unwrap_or(0).saturating_sub(KEPT_BLOCKS);
    drop_events(tables, 0, oldest)?;
    tables.write(Place::Notes, CURSOR, cursor)
}

pub(super) fn lost(
    tables: &mut Tables<'_>,
    cursor: &Cursor,
    paid_out: &[(Address, Amount)],
) -> Result<(), Error> {
    let above = cursor.block().map_or(0, |block| block.saturating_add(1));
    while drop_events(tables, above, u64::MAX)? {}
    for (vault, sum) in paid_out {
        money::set_paid(tables, vault, *sum)?;
    }
    tables.write(Place::Notes, CURSOR, cursor)
}

/// Removes some events of the blocks `from..until`; whether there may be more.
fn drop_events(tables: &mut Tables<'_>, from: u64, until: u64) -> Result<bool, Error> {
    let (first, end) = (event_key(from, 0), event_key(until, 0));
    for _ in 0..DROPPED_MAX {
        let Some((key, _)) = tables.first(Place::Events, &first, &end)? else {
            return Ok(false);
        };
        if key.get(..8).map_or(0, tail_number) >= until {
            return Ok(false);
        }
        tables.remove(Place::Events, &key, None)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
