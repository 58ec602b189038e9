//! Shards that move between extents, and shards that are fenced.
//!
//! Invariants: a move takes the new extent, gives the old one back and changes the placement in
//! one transaction, so a crash finds the shard in exactly one place. Only the ring of the new
//! volume gets the move: were it taken out of the old volume's ring too, a cut between the flushes
//! of the two could leave it in neither. The older word in the old ring is overtaken by number and
//! goes with that ring's next snapshot. A fence goes with the placement it is about.

use host_core::ShardId;

use crate::error::Error;
use crate::row::{FencedRow, PlacementRow};
use crate::space;
use crate::tables::{Place, Tables};

/// The bytes of a shard were copied and flushed; from now on they lie at `to`.
pub(crate) fn moved(
    tables: &mut Tables<'_>,
    shard: &ShardId,
    from: &PlacementRow,
    to: &PlacementRow,
) -> Result<(), Error> {
    let kept: Option<PlacementRow> = tables.read(Place::Placements, &shard.0)?;
    if kept.as_ref() != Some(from) || from.len != to.len {
        return Err(Error::NoShard { shard: *shard });
    }
    space::take(tables, to.volume, to.offset, to.size)?;
    let value = host_core::codec::to_bytes(to);
    tables.put(Place::Placements, &shard.0, &value, Some(to.volume))?;
    tables.remove(Place::Fenced, &shard.0, None)?;
    space::give(tables, from.volume, from.offset, from.size)?;
    let totals = tables.totals();
    totals.used = totals
        .used
        .saturating_sub(from.size)
        .saturating_add(to.size);
    Ok(())
}

/// A shard is never served again from where it lies.
pub(crate) fn fence(tables: &mut Tables<'_>, shard: &ShardId, why: &str) -> Result<(), Error> {
    let gone = Error::NoShard { shard: *shard };
    let kept: PlacementRow = tables.read(Place::Placements, &shard.0)?.ok_or(gone)?;
    if tables.get(Place::Fenced, &shard.0)?.is_some() {
        return Ok(());
    }
    let (volume, why) = (kept.volume, why.to_owned());
    tables.write(Place::Fenced, &shard.0, &FencedRow { volume, why })
}
