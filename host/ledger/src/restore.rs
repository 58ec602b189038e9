//! A ledger made again from what the fact rings kept. The one place that walks rows: it runs when
//! the state device was lost, never at an ordinary start.

use std::collections::BTreeMap;

use redb::Database;

use crate::apply::dataset;
use crate::apply::outbox::put_by_intent;
use crate::apply::{count, expiry_key, lease_key, step};
use crate::backup::{self, Joined};
use crate::commit::begin;
use crate::error::Error;
use crate::journal::{Change, FoundRing, RecordKind};
use crate::rings::RingRow;
use crate::row::{AgreementRow, AgreementState, ChequeRow, PlacementRow, VolumeRow, VolumeState};
use crate::space;
use crate::tables::{Place, Reach, SEQUENCE, Tables, decode};

/// What was found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Shards placed again.
    pub shards: u64,
    /// Agreements that run again.
    pub agreements: u64,
    /// Agreements whose shard is on no volume that was given.
    pub failed: u64,
    /// Cheques.
    pub cheques: u64,
}

type Key = (u8, Vec<u8>);

/// A row and the number of the group that wrote it.
struct Latest {
    sequence: u64,
    value: Vec<u8>,
}

/// What one ring tells.
struct Told {
    sequence: u64,
    rows: BTreeMap<Key, Latest>,
}

/// Rebuilds an empty ledger, or joins the rows of a backup with rings (see `backup`).
/// Errors: NotEmpty, Row, Database.
pub(crate) fn restore(database: &Database, found: Vec<FoundRing>) -> Result<Restored, Error> {
    let txn = begin(database)?;
    let mut restored = Restored::default();
    {
        let mut tables = Tables::open(&txn)?;
        if tables.read::<u64>(Place::Meta, SEQUENCE)?.is_some() {
            return Err(Error::NotEmpty);
        }
        let found = match backup::join(&mut tables, &found)? {
            Joined::NoBackup => Some(found),
            Joined::Replaced(found) => Some(found),
            Joined::Kept => {
                let totals = *tables.totals();
                restored.shards = totals.shards;
                restored.agreements = totals.active;
                restored.cheques = totals.cheques;
                tables.finish()?;
                None
            }
        };
        if let Some(found) = found {
            tell(&mut tables, &found, &mut restored)?;
            tables.finish()?;
        }
    }
    txn.commit().map_err(Error::database)?;
    Ok(restored)
}

/// Writes into empty tables what the rings tell.
fn tell(
    tables: &mut Tables<'_>,
    found: &[FoundRing],
    restored: &mut Restored,
) -> Result<(), Error> {
    let mut told = Vec::with_capacity(found.len());
    for ring in found {
        told.push(replay(ring)?);
        add_volume(tables, ring)?;
    }
    let sequence = told.iter().map(|ring| ring.sequence).max().unwrap_or(0);
    tables.write(Place::Meta, SEQUENCE, &sequence)?;
    placements(tables, &told, restored)?;
    if let Some(newest) = told.iter().max_by_key(|ring| ring.sequence) {
        for ((table, key), row) in &newest.rows {
            common(tables, *table, key, &row.value, restored)?;
        }
    }
    unleased(tables, restored)
}

/// The rows a ring ends with. A part of a group whose end is missing does not count.
fn replay(ring: &FoundRing) -> Result<Told, Error> {
    let mut told = Told {
        sequence: 0,
        rows: BTreeMap::new(),
    };
    let mut whole = Vec::new();
    for (kind, sequence, payload) in &ring.records {
        whole.extend_from_slice(payload);
        if matches!(kind, RecordKind::SnapshotEnd | RecordKind::GroupEnd) {
            replay_group(&mut told.rows, *sequence, &whole)?;
            told.sequence = *sequence;
            whole.clear();
        }
    }
    Ok(told)
}

fn replay_group(
    rows: &mut BTreeMap<Key, Latest>,
    sequence: u64,
    payload: &[u8],
) -> Result<(), Error> {
    let mut decoder = minicbor::Decoder::new(payload);
    while decoder.position() < payload.len() {
        let change: Change = decoder.decode().map_err(|_| Error::Row { table: "ring" })?;
        let key = (change.table, change.key);
        match change.value {
            Some(value) => rows.insert(key, Latest { sequence, value }),
            None => rows.remove(&key),
        };
    }
    Ok(())
}

pub(crate) fn add_volume(tables: &mut Tables<'_>, ring: &FoundRing) -> Result<(), Error> {
    let (volume, start, size) = (ring.volume, ring.start, ring.size);
    let state = VolumeState::Healthy;
    space::add_volume(
        tables,
        &VolumeRow {
            volume,
            start,
            size,
            used: 0,
            state,
        },
    )?;
    // Group number 0 is older than any: the next commit begins the other half with a snapshot
    // and leaves the half that was read as it is until then.
    match ring.place {
        Some(place) => tables.write(Place::Rings, &volume.0, &RingRow { place, sequence: 0 }),
        None => Ok(()),
    }
}

/// Places shards again, the newest word first: an older one about the same shard or the same
/// bytes was overtaken on a volume whose ring had stopped.
fn placements(
    tables: &mut Tables<'_>,
    told: &[Told],
    restored: &mut Restored,
) -> Result<(), Error> {
    let is_placement = |table: u8| table == Place::Placements as u8;
    let mut rows: Vec<_> = told
        .iter()
        .flat_map(|ring| &ring.rows)
        .filter(|((table, _), _)| is_placement(*table))
        .collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.sequence));
    for ((_, key), latest) in rows {
        if tables.get(Place::Placements, key)?.is_some() {
            continue;
        }
        let row: PlacementRow = decode(Place::Placements, &latest.value)?;
        match space::take(tables, row.volume, row.offset, row.size) {
            Err(Error::ExtentTaken { .. } | Error::NoVolume { .. }) => continue,
            other => other?,
        }
        tables.put(Place::Placements, key, &latest.value, Some(row.volume))?;
        let totals = tables.totals();
        totals.shards += 1;
        totals.bytes += row.len;
        totals.used += row.size;
        restored.shards += 1;
    }
    Ok(())
}

/// Writes one row that stands in every ring, and what is derived from it.
fn common(
    tables: &mut Tables<'_>,
    table: u8,
    key: &[u8],
    value: &[u8],
    restored: &mut Restored,
) -> Result<(), Error> {
    let Some(place) = Place::of_number(table) else {
        return Ok(());
    };
    if place.reach() != Some(Reach::Every) {
        return Ok(());
    }
    if place == Place::Agreements {
        return agreement(tables, decode(place, value)?, restored);
    }
    if place == Place::Outbox {
        return put_by_intent(tables, value);
    }
    tables.put(place, key, value, None)?;
    dataset::derive(tables, place, key, value)?;
    match place {
        Place::Cheques => {
            let row: ChequeRow = decode(place, value)?;
            let totals = tables.totals();
            totals.cheques += 1;
            totals.received = totals.received.plus(row.cheque.cheque.cumulative)?;
            totals.cashed = totals.cashed.plus(row.cashed)?;
            totals.reads_paid = totals.reads_paid.plus(row.reads_paid)?;
            totals.read_bytes = totals.read_bytes.saturating_add(row.read_bytes);
            restored.cheques += 1;
        }
        Place::Records => {
            count(
                tables,
                Place::RecordCounts,
                key.get(..20).unwrap_or_default(),
                1,
            )?;
            tables.totals().records += 1;
        }
        _ => (),
    }
    Ok(())
}

fn agreement(
    tables: &mut Tables<'_>,
    mut row: AgreementRow,
    restored: &mut Restored,
) -> Result<(), Error> {
    let terms = &row.signed.terms;
    let kept = tables.get(Place::Placements, &terms.shard.0)?.is_some();
    let digest = row.digest;
    if row.state == AgreementState::Active && !kept {
        row.state = AgreementState::Failed;
        step(tables.totals(), None, AgreementState::Failed);
        restored.failed += 1;
        return tables.write(Place::Closed, &digest.0, &row);
    }
    tables.write(Place::Agreements, &digest.0, &row)?;
    tables.put(
        Place::Expiry,
        &expiry_key(terms.end_epoch, &digest),
        &[],
        None,
    )?;
    step(tables.totals(), None, row.state);
    if row.state == AgreementState::Active {
        tables.put(Place::Leases, &lease_key(&terms.shard, &digest), &[], None)?;
        count(tables, Place::Renters, &terms.renter.0, 1)?;
        dataset::wait(tables, &row)?;
        tables.totals().leases += 1;
        restored.agreements += 1;
    }
    Ok(())
}

/// Gives back the extents of shards that no agreement keeps any more.
fn unleased(tables: &mut Tables<'_>, restored: &mut Restored) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = tables.page(Place::Placements, after.as_deref())?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (shard, _) in page {
            let (from, to) = (
                [&shard[..], &[0; 32]].concat(),
                [&shard[..], &[0xff; 32]].concat(),
            );
            if tables.first(Place::Leases, &from, &to)?.is_none() {
                crate::apply::free(tables, &host_core::ShardId::from_slice(&shard)?)?;
                restored.shards -= 1;
            }
        }
    }
}
