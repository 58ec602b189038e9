//! The ledger's rows out of a running host and into an empty ledger elsewhere.
//!
//! Leaves: batches, each a run of `Change`s, rows of one snapshot in the order of the tables.
//! Enters: the same batches, into a directory that holds no ledger. A ledger made so has rows but
//! no group number: it counts as fresh, so the store asks the volumes' fact rings at its first
//! start, and those that are newer than the backup win (`join`). Without that, a host whose
//! volumes went on after the backup would give their newest shards' space away. What this file
//! does not do: write or check the file around the batches.

use std::path::Path;

use host_core::codec;
use redb::Database;

use crate::apply::dataset;
use crate::apply::outbox::put_by_intent;
use crate::commit::begin;
use crate::error::Error;
use crate::journal::{Change, FoundRing, RecordKind};
use crate::ledger::{self, Options};
use crate::rings::volume_of;
use crate::row::{Totals, VolumeRow};
use crate::snapshot::Snapshot;
use crate::tables::{BACKUP, Place, SCHEMA, SEQUENCE, TOTALS, Tables, decode};

/// Tables whose rows are not derived from others and not told by rings either: they outlive the
/// rows that newer rings replace.
const KEPT: [Place; 4] = [
    Place::Closed,
    Place::OutboxDone,
    Place::Peers,
    Place::Periods,
];

/// A walk over every row of a snapshot.
pub struct Dump {
    snapshot: Snapshot,
    at: usize,
    after: Option<Vec<u8>>,
}

impl Dump {
    pub(crate) const fn new(snapshot: Snapshot) -> Self {
        let (at, after) = (0, None);
        Self {
            snapshot,
            at,
            after,
        }
    }

    /// The next rows: about `len` bytes of them, at most one row more; none after the last one.
    /// Errors: Database.
    pub fn next_batch(&mut self, len: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut batch = Vec::new();
        while let Some(place) = Place::ALL.get(self.at).copied() {
            // Where a ring stands is a fact of the volume, which may go on after the backup.
            if place != Place::Rings {
                self.fill(place, &mut batch, len)?;
            }
            if batch.len() >= len {
                break;
            }
            (self.at, self.after) = (self.at + 1, None);
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    fn fill(&mut self, place: Place, batch: &mut Vec<u8>, len: usize) -> Result<(), Error> {
        let table = self.snapshot.table(place)?;
        // The successor of a key in byte order is the key with a zero byte behind it.
        let from = self.after.take();
        let from = from.map_or_else(Vec::new, |key| [&key[..], &[0]].concat());
        for row in table.range(from.as_slice()..).map_err(Error::database)? {
            let (key, value) = row.map_err(Error::database)?;
            let change = Change {
                table: place as u8,
                key: key.value().to_vec(),
                value: Some(value.value().to_vec()),
                own: None,
            };
            batch.extend(codec::to_bytes(&change));
            self.after = Some(change.key);
            if batch.len() >= len {
                break;
            }
        }
        Ok(())
    }
}

/// A ledger being made from a backup's batches.
pub struct Loading {
    database: Database,
}

impl Loading {
    /// Begins an empty ledger in the directory `dir`. Errors: File, Locked, NotEmpty, Database.
    pub fn begin(dir: &Path) -> Result<Self, Error> {
        let database = ledger::create(dir, Options::default())?;
        ledger::prepare(&database)?;
        let txn = begin(&database)?;
        {
            let tables = Tables::open(&txn)?;
            for place in Place::ALL.into_iter().filter(|place| *place != Place::Meta) {
                if !tables.page(place, None)?.is_empty() {
                    return Err(Error::NotEmpty);
                }
            }
        }
        txn.abort().map_err(Error::database)?;
        Ok(Self { database })
    }

    /// Takes one batch. Durability: it is durable when this returns.
    /// Errors: Row, Schema, Database.
    pub fn put_batch(&mut self, batch: &[u8]) -> Result<(), Error> {
        let txn = begin(&self.database)?;
        {
            let mut tables = Tables::open(&txn)?;
            let mut decoder = minicbor::Decoder::new(batch);
            while decoder.position() < batch.len() {
                let wrong = |_| Error::Row { table: "backup" };
                let change: Change = decoder.decode().map_err(wrong)?;
                put(&mut tables, &change)?;
            }
            tables.finish()?;
        }
        txn.commit().map_err(Error::database)
    }
}

fn put(tables: &mut Tables<'_>, change: &Change) -> Result<(), Error> {
    let wrong = Error::Row { table: "backup" };
    let place = Place::of_number(change.table).ok_or(wrong.clone())?;
    let value = change.value.as_deref().ok_or(wrong)?;
    let key = change.key.as_slice();
    match (place, key) {
        (Place::Meta, TOTALS) => {
            // Bytes of live rows and what waits are counted anew, row by row.
            let totals: Totals = decode(place, value)?;
            let kept = *tables.totals();
            *tables.totals() = Totals {
                live_bytes: kept.live_bytes,
                uncommitted: kept.uncommitted,
                ..totals
            };
            Ok(())
        }
        (Place::Meta, SCHEMA) => match decode(place, value)? {
            1..=ledger::SCHEMA_VERSION => Ok(()),
            have => Err(Error::Schema {
                have,
                newest: ledger::SCHEMA_VERSION,
            }),
        },
        // Absent, it makes the ledger fresh; see the head of this file.
        (Place::Meta, SEQUENCE | BACKUP) => tables.put(place, BACKUP, value, None),
        (Place::Meta, _) | (Place::Rings | Place::OutboxVaults, _) => Ok(()),
        (Place::Outbox, _) => put_by_intent(tables, value),
        // Counted and written as agreements and leaves pass by.
        (Place::Uncommitted | Place::LeafPlaces, _) => Ok(()),
        _ => {
            tables.put(place, key, value, None)?;
            dataset::derive(tables, place, key, value)
        }
    }
}

/// What to do with the rings found beside the rows of a backup.
pub(crate) enum Joined {
    /// There are no rows of a backup: the rings are all there is.
    NoBackup,
    /// The backup knows everything the rings do.
    Kept,
    /// The rings are newer: the tables are empty but for `KEPT`, and these rings tell the rest,
    /// among them one for each volume that only the backup knows.
    Replaced(Vec<FoundRing>),
}

/// Decides between the rows of a backup and the rings. Errors: Row, Database.
pub(crate) fn join(tables: &mut Tables<'_>, found: &[FoundRing]) -> Result<Joined, Error> {
    let Some(backup) = tables.read::<u64>(Place::Meta, BACKUP)? else {
        return Ok(Joined::NoBackup);
    };
    let newest = found.iter().flat_map(|ring| &ring.records);
    let newest = newest.map(|(_, sequence, _)| *sequence).max().unwrap_or(0);
    tables.remove(Place::Meta, BACKUP, None)?;
    if newest <= backup {
        tables.write(Place::Meta, SEQUENCE, &backup)?;
        for ring in found {
            crate::restore::add_volume(tables, ring)?;
        }
        return Ok(Joined::Kept);
    }
    let mut away = away(tables, found, backup)?;
    away.extend(found.iter().cloned());
    for place in Place::ALL {
        if place != Place::Meta && !KEPT.contains(&place) {
            clear(tables, place)?;
        }
    }
    let old = *tables.totals();
    *tables.totals() = Totals {
        expired: old.expired,
        released: old.released,
        failed: old.failed,
        forgotten: old.forgotten,
        live_bytes: old.live_bytes,
        ..Totals::default()
    };
    Ok(Joined::Replaced(away))
}

/// Volumes of the backup that are not among the found ones, as rings that hold their placements.
fn away(tables: &Tables<'_>, found: &[FoundRing], sequence: u64) -> Result<Vec<FoundRing>, Error> {
    let mut away = Vec::new();
    for (_, row) in all(tables, Place::Volumes)? {
        let row: VolumeRow = decode(Place::Volumes, &row)?;
        if found.iter().all(|ring| ring.volume != row.volume) {
            away.push(FoundRing {
                volume: row.volume,
                start: row.start,
                size: row.size,
                place: None,
                records: vec![(RecordKind::SnapshotEnd, sequence, Vec::new())],
            });
        }
    }
    if away.is_empty() {
        return Ok(away);
    }
    for (key, value) in all(tables, Place::Placements)? {
        let volume = volume_of(&value)?;
        let ring = away.iter_mut().find(|ring| ring.volume == volume);
        let Some((_, _, payload)) = ring.and_then(|ring| ring.records.first_mut()) else {
            continue;
        };
        payload.extend(codec::to_bytes(&Change {
            table: Place::Placements as u8,
            key,
            value: Some(value),
            own: Some(volume),
        }));
    }
    Ok(away)
}

fn all(tables: &Tables<'_>, place: Place) -> Result<Vec<crate::tables::Row>, Error> {
    let mut rows: Vec<crate::tables::Row> = Vec::new();
    loop {
        let after = rows.last().map(|(key, _)| key.clone());
        let page = tables.page(place, after.as_deref())?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn clear(tables: &mut Tables<'_>, place: Place) -> Result<(), Error> {
    loop {
        let page = tables.page(place, None)?;
        if page.is_empty() {
            return Ok(());
        }
        for (key, _) in page {
            tables.remove(place, &key, None)?;
        }
        tables.keep();
    }
}

/// A group's number is one more than this.
pub(crate) fn sequence(tables: &Tables<'_>) -> Result<u64, Error> {
    match tables.read(Place::Meta, SEQUENCE)? {
        Some(sequence) => Ok(sequence),
        None => Ok(tables.read(Place::Meta, BACKUP)?.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests;
