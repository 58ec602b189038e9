//! The free map: free extents of every volume, once by offset (to merge neighbours) and once by
//! size (to find the best fit). It changes only in the transaction that places or frees a shard;
//! reservations in memory belong to `store`.

use host_core::VolumeId;

use crate::error::Error;
use crate::row::VolumeRow;
use crate::tables::{Place, Tables};

/// Key of a free extent by offset: volume, offset.
pub(crate) fn by_offset(volume: VolumeId, offset: u64) -> [u8; 24] {
    let mut key = [0; 24];
    let (head, tail) = key.split_at_mut(16);
    head.copy_from_slice(&volume.0);
    tail.copy_from_slice(&offset.to_be_bytes());
    key
}

/// Key of a free extent by size: volume, size, offset.
pub(crate) fn by_size(volume: VolumeId, size: u64, offset: u64) -> [u8; 32] {
    let mut key = [0; 32];
    let (head, tail) = key.split_at_mut(16);
    head.copy_from_slice(&volume.0);
    let (size_bytes, offset_bytes) = tail.split_at_mut(8);
    size_bytes.copy_from_slice(&size.to_be_bytes());
    offset_bytes.copy_from_slice(&offset.to_be_bytes());
    key
}

/// The number in the last eight bytes of a key or value.
pub(crate) fn tail_number(bytes: &[u8]) -> u64 {
    bytes
        .last_chunk::<8>()
        .map_or(0, |tail| u64::from_be_bytes(*tail))
}

fn insert(tables: &mut Tables<'_>, volume: VolumeId, offset: u64, size: u64) -> Result<(), Error> {
    tables.put(
        Place::FreeByOffset,
        &by_offset(volume, offset),
        &size.to_be_bytes(),
        None,
    )?;
    tables.put(Place::FreeBySize, &by_size(volume, size, offset), &[], None)
}

fn delete(tables: &mut Tables<'_>, volume: VolumeId, offset: u64, size: u64) -> Result<(), Error> {
    tables.remove(Place::FreeByOffset, &by_offset(volume, offset), None)?;
    tables.remove(Place::FreeBySize, &by_size(volume, size, offset), None)
}

/// The free extent that begins at or before `offset`, if any.
fn at_or_before(
    tables: &Tables<'_>,
    volume: VolumeId,
    offset: u64,
) -> Result<Option<(u64, u64)>, Error> {
    let (from, to) = (by_offset(volume, 0), by_offset(volume, offset));
    let row = tables.last(Place::FreeByOffset, &from, &to)?;
    Ok(row.map(|(key, value)| (tail_number(&key), tail_number(&value))))
}

fn volume_row(tables: &Tables<'_>, volume: VolumeId) -> Result<VolumeRow, Error> {
    tables
        .read(Place::Volumes, &volume.0)?
        .ok_or(Error::NoVolume { volume })
}

/// Takes `offset..offset + size` out of the free map. Errors: NoVolume; ExtentTaken when any of
/// it is not free.
pub(crate) fn take(
    tables: &mut Tables<'_>,
    volume: VolumeId,
    offset: u64,
    size: u64,
) -> Result<(), Error> {
    let mut row = volume_row(tables, volume)?;
    let taken = Error::ExtentTaken {
        volume,
        offset,
        size,
    };
    let (Some(end), Some((start, len))) = (
        offset.checked_add(size),
        at_or_before(tables, volume, offset)?,
    ) else {
        return Err(taken);
    };
    let free_end = start.saturating_add(len);
    if size == 0 || free_end < end {
        return Err(taken);
    }
    delete(tables, volume, start, len)?;
    if start < offset {
        insert(tables, volume, start, offset - start)?;
    }
    if end < free_end {
        insert(tables, volume, end, free_end - end)?;
    }
    row.used = row.used.saturating_add(size);
    tables.write(Place::Volumes, &volume.0, &row)
}

/// Gives `offset..offset + size` back, merged with free neighbours.
pub(crate) fn give(
    tables: &mut Tables<'_>,
    volume: VolumeId,
    offset: u64,
    size: u64,
) -> Result<(), Error> {
    let mut row = volume_row(tables, volume)?;
    row.used = row.used.saturating_sub(size);
    tables.write(Place::Volumes, &volume.0, &row)?;
    merge(tables, volume, offset, size)
}

fn merge(tables: &mut Tables<'_>, volume: VolumeId, offset: u64, size: u64) -> Result<(), Error> {
    let (mut start, mut end) = (offset, offset.saturating_add(size));
    if let Some((before, len)) = at_or_before(tables, volume, offset)?
        && before.saturating_add(len) == start
    {
        delete(tables, volume, before, len)?;
        start = before;
    }
    if let Some(value) = tables.get(Place::FreeByOffset, &by_offset(volume, end))? {
        let len = tail_number(&value);
        delete(tables, volume, end, len)?;
        end = end.saturating_add(len);
    }
    insert(tables, volume, start, end - start)
}

/// Makes the row of a new volume, all of it free. The same volume again changes nothing.
/// Errors: VolumeKnown with another data region.
pub(crate) fn add_volume(tables: &mut Tables<'_>, row: &VolumeRow) -> Result<(), Error> {
    let volume = row.volume;
    if let Some(known) = tables.read::<VolumeRow>(Place::Volumes, &volume.0)? {
        if (known.start, known.size) == (row.start, row.size) {
            return Ok(());
        }
        return Err(Error::VolumeKnown {
            volume,
            have: known.size,
            need: row.size,
        });
    }
    tables.write(Place::Volumes, &volume.0, row)?;
    insert(tables, volume, row.start, row.size)
}

/// Makes a volume's data region longer. Errors: NoVolume; VolumeKnown when it would shrink.
pub(crate) fn grow(tables: &mut Tables<'_>, volume: VolumeId, size: u64) -> Result<(), Error> {
    let mut row = volume_row(tables, volume)?;
    let (have, need) = (row.size, size);
    let Some(more) = need.checked_sub(have) else {
        return Err(Error::VolumeKnown { volume, have, need });
    };
    if more == 0 {
        return Ok(());
    }
    let end = row.start.saturating_add(have);
    row.size = need;
    tables.write(Place::Volumes, &volume.0, &row)?;
    merge(tables, volume, end, more)
}

/// Forgets an empty volume, its free extents and its ring's place. Errors: VolumeBusy.
pub(crate) fn remove_volume(tables: &mut Tables<'_>, volume: VolumeId) -> Result<(), Error> {
    let Some(row) = tables.read::<VolumeRow>(Place::Volumes, &volume.0)? else {
        return Ok(());
    };
    if row.used > 0 {
        let used = row.used;
        return Err(Error::VolumeBusy { volume, used });
    }
    let last = by_offset(volume, u64::MAX);
    // Empty, so its free extents have merged into one; the loop is for a map that is not.
    while let Some((key, value)) =
        tables.first(Place::FreeByOffset, &by_offset(volume, 0), &last)?
    {
        delete(tables, volume, tail_number(&key), tail_number(&value))?;
    }
    tables.remove(Place::Rings, &volume.0, None)?;
    tables.remove(Place::Volumes, &volume.0, None)
}
