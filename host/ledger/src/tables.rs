//! The tables and the one way a row changes. Every put and removal is noted twice: as the row it
//! replaced, so that a refused set can be taken back inside the transaction, and as a `Change`, so
//! that the fact rings get exactly what the ledger got.

use host_core::VolumeId;
use host_core::codec;
use minicbor::{Decode, Encode};
use redb::{ReadableTable, StorageError, Table, TableDefinition, WriteTransaction};

use crate::error::Error;
use crate::journal::Change;
use crate::row::Totals;

/// A table: keys and values are byte strings, keys in big-endian order.
pub(crate) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Rows<'t> = Table<'t, &'static [u8], &'static [u8]>;
type Guards<'a> = (
    redb::AccessGuard<'a, &'static [u8]>,
    redb::AccessGuard<'a, &'static [u8]>,
);

/// The tables, each with the number its rows carry in a fact ring (numbers never move).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    Meta = 0,
    Agreements = 1,
    Closed = 2,
    Placements = 3,
    Leases = 4,
    Expiry = 5,
    Renters = 6,
    Cheques = 7,
    Outbox = 8,
    OutboxVaults = 9,
    OutboxDone = 10,
    Records = 11,
    RecordCounts = 12,
    Peers = 13,
    Notes = 14,
    Volumes = 15,
    FreeByOffset = 16,
    FreeBySize = 17,
    Rings = 18,
    Events = 19,
    Uncommitted = 20,
    Leaves = 21,
    LeafPlaces = 22,
    Batches = 23,
    Releases = 24,
    Periods = 25,
    Fenced = 26,
}

impl Place {
    pub(crate) const ALL: [Self; 27] = [
        Self::Meta,
        Self::Agreements,
        Self::Closed,
        Self::Placements,
        Self::Leases,
        Self::Expiry,
        Self::Renters,
        Self::Cheques,
        Self::Outbox,
        Self::OutboxVaults,
        Self::OutboxDone,
        Self::Records,
        Self::RecordCounts,
        Self::Peers,
        Self::Notes,
        Self::Volumes,
        Self::FreeByOffset,
        Self::FreeBySize,
        Self::Rings,
        Self::Events,
        Self::Uncommitted,
        Self::Leaves,
        Self::LeafPlaces,
        Self::Batches,
        Self::Releases,
        Self::Periods,
        Self::Fenced,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Agreements => "agreements",
            Self::Closed => "closed",
            Self::Placements => "placements",
            Self::Leases => "leases",
            Self::Expiry => "expiry",
            Self::Renters => "renters",
            Self::Cheques => "cheques",
            Self::Outbox => "outbox",
            Self::OutboxVaults => "outbox_vaults",
            Self::OutboxDone => "outbox_done",
            Self::Records => "records",
            Self::RecordCounts => "record_counts",
            Self::Peers => "peers",
            Self::Notes => "notes",
            Self::Volumes => "volumes",
            Self::FreeByOffset => "free_by_offset",
            Self::FreeBySize => "free_by_size",
            Self::Rings => "rings",
            Self::Events => "events",
            Self::Uncommitted => "uncommitted",
            Self::Leaves => "leaves",
            Self::LeafPlaces => "leaf_places",
            Self::Batches => "batches",
            Self::Releases => "releases",
            Self::Periods => "periods",
            Self::Fenced => "fenced",
        }
    }

    pub(crate) const fn definition(self) -> Definition {
        TableDefinition::new(self.name())
    }

    /// Which rings a row of this table goes to. Derived tables go to none: a restored ledger
    /// computes them again.
    pub(crate) const fn reach(self) -> Option<Reach> {
        match self {
            Self::Agreements
            | Self::Cheques
            | Self::Outbox
            | Self::Records
            | Self::Notes
            | Self::Events
            | Self::Leaves
            | Self::Batches
            | Self::Releases => Some(Reach::Every),
            Self::Placements => Some(Reach::Own),
            _ => None,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Which rings a row goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The ring of every healthy volume.
    Every,
    /// The ring of the volume the row is about.
    Own,
}

/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Bytes of rows read at a time.
const PAGE_BYTES: usize = 64 * 1024;
/// Bytes a row takes in a ring beyond its key and value.
const CHANGE_OVERHEAD: u64 = 24;

/// A row as it was before a change.
struct Before {
    place: Place,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// The tables of one write transaction.
pub(crate) struct Tables<'t> {
    tables: Vec<Rows<'t>>,
    before: Vec<Before>,
    changes: Vec<Change>,
    changes_kept: usize,
    totals: Totals,
    totals_kept: Totals,
}

impl<'t> Tables<'t> {
    /// Opens every table and reads the totals.
    pub(crate) fn open(txn: &'t WriteTransaction) -> Result<Self, Error> {
        let tables = Place::ALL
            .into_iter()
            .map(|place| txn.open_table(place.definition()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::database)?;
        let totals = Totals::default();
        let mut opened = Self {
            tables,
            before: Vec::new(),
            changes: Vec::new(),
            changes_kept: 0,
            totals,
            totals_kept: totals,
        };
        opened.totals = opened.read(Place::Meta, TOTALS)?.unwrap_or_default();
        opened.totals_kept = opened.totals;
        Ok(opened)
    }

    fn table(&self, place: Place) -> &Rows<'t> {
        self.tables
            .get(place as usize)
            .expect("every place has its table, in order")
    }

    fn table_mut(&mut self, place: Place) -> &mut Rows<'t> {
        self.tables
            .get_mut(place as usize)
            .expect("every place has its table, in order")
    }

    /// The counts and sums; changed in place, written by `finish`.
    pub(crate) const fn totals(&mut self) -> &mut Totals {
        &mut self.totals
    }

    /// A row's bytes.
    pub(crate) fn get(&self, place: Place, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let row = self.table(place).get(key).map_err(Error::database)?;
        Ok(row.map(|guard| guard.value().to_vec()))
    }

    /// A row read as its type.
    pub(crate) fn read<T>(&self, place: Place, key: &[u8]) -> Result<Option<T>, Error>
    where
        T: for<'b> Decode<'b, ()>,
    {
        self.get(place, key)?
            .map(|bytes| decode(place, &bytes))
            .transpose()
    }

    /// Writes a row of a table that goes to every ring or to none.
    pub(crate) fn write<T: Encode<()>>(
        &mut self,
        place: Place,
        key: &[u8],
        row: &T,
    ) -> Result<(), Error> {
        self.put(place, key, &codec::to_bytes(row), None)
    }

    /// Writes a row; `own` is the volume it is about, where the table's rows have one.
    pub(crate) fn put(
        &mut self,
        place: Place,
        key: &[u8],
        value: &[u8],
        own: Option<VolumeId>,
    ) -> Result<(), Error> {
        let old = self
            .table_mut(place)
            .insert(key, value)
            .map_err(Error::database)?;
        let old = old.map(|guard| guard.value().to_vec());
        self.note(place, key, old, Some(value), own);
        Ok(())
    }

    /// Removes a row.
    pub(crate) fn remove(
        &mut self,
        place: Place,
        key: &[u8],
        own: Option<VolumeId>,
    ) -> Result<(), Error> {
        let old = self.table_mut(place).remove(key).map_err(Error::database)?;
        let old = old.map(|guard| guard.value().to_vec());
        self.note(place, key, old, None, own);
        Ok(())
    }

    fn note(
        &mut self,
        place: Place,
        key: &[u8],
        old: Option<Vec<u8>>,
        new: Option<&[u8]>,
        own: Option<VolumeId>,
    ) {
        if place.reach().is_some() {
            let len = |value: &[u8]| (key.len() + value.len()) as u64 + CHANGE_OVERHEAD;
            let gone = old.as_deref().map_or(0, len);
            let live = self.totals.live_bytes + new.map_or(0, len);
            self.totals.live_bytes = live.saturating_sub(gone);
            self.changes.push(Change {
                table: place as u8,
                key: key.to_vec(),
                value: new.map(<[u8]>::to_vec),
                own,
            });
        }
        self.before.push(Before {
            place,
            key: key.to_vec(),
            value: old,
        });
    }

    /// Bytes the live rows take in a ring, and how many more the set under way made them.
    pub(crate) const fn live(&self) -> (u64, u64) {
        let (live, before) = (self.totals.live_bytes, self.totals_kept.live_bytes);
        (live, live.saturating_sub(before))
    }

    /// What was done since the last call of this or `undo` stays.
    pub(crate) fn keep(&mut self) {
        self.before.clear();
        self.changes_kept = self.changes.len();
        self.totals_kept = self.totals;
    }

    /// What was done since the last `keep` never happened.
    pub(crate) fn undo(&mut self) -> Result<(), Error> {
        while let Some(Before { place, key, value }) = self.before.pop() {
            let table = self.table_mut(place);
            match value {
                Some(value) => table
                    .insert(key.as_slice(), value.as_slice())
                    .map_err(Error::database)?,
                None => table.remove(key.as_slice()).map_err(Error::database)?,
            };
        }
        self.changes.truncate(self.changes_kept);
        self.totals = self.totals_kept;
        Ok(())
    }

    /// Writes the totals; the changes that stay are taken out.
    pub(crate) fn finish(&mut self) -> Result<Vec<Change>, Error> {
        let totals = self.totals;
        self.write(Place::Meta, TOTALS, &totals)?;
        self.keep();
        Ok(std::mem::take(&mut self.changes))
    }

    /// The rows after `after`: one at least if there is any, then up to `PAGE_BYTES`.
    pub(crate) fn page(&self, place: Place, after: Option<&[u8]>) -> Result<Vec<Row>, Error> {
        // The successor of a key in byte order is the key with a zero byte behind it.
        let from = after.map_or_else(Vec::new, |key| [key, &[0]].concat());
        let rows = self
            .table(place)
            .range(from.as_slice()..)
            .map_err(Error::database)?;
        let mut page = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let (key, value) = row.map_err(Error::database)?;
            bytes += key.value().len() + value.value().len();
            page.push((key.value().to_vec(), value.value().to_vec()));
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        Ok(page)
    }

    /// The first row at or after `from` and at or below `to`.
    pub(crate) fn first(&self, place: Place, from: &[u8], to: &[u8]) -> Result<Option<Row>, Error> {
        owned(
            self.table(place)
                .range(from..=to)
                .map_err(Error::database)?
                .next(),
        )
    }

    /// The last row at or after `from` and at or below `to`.
    pub(crate) fn last(&self, place: Place, from: &[u8], to: &[u8]) -> Result<Option<Row>, Error> {
        owned(
            self.table(place)
                .range(from..=to)
                .map_err(Error::database)?
                .next_back(),
        )
    }
}

/// Key of the totals row.
pub(crate) const TOTALS: &[u8] = b"totals";
/// Key of the schema row.
pub(crate) const SCHEMA: &[u8] = b"schema";
/// Key of the number of the last group.
pub(crate) const SEQUENCE: &[u8] = b"sequence";

/// Key of the number of the last group a backup holds; stands while there is no `SEQUENCE`.
pub(crate) const BACKUP: &[u8] = b"backup";

/// Reads a row's value.
pub(crate) fn decode<T>(place: Place, bytes: &[u8]) -> Result<T, Error>
where
    T: for<'b> Decode<'b, ()>,
{
    codec::from_bytes(place.name(), bytes).map_err(|_| Error::Row {
        table: place.name(),
    })
}

fn owned(row: Option<Result<Guards<'_>, StorageError>>) -> Result<Option<Row>, Error> {
    match row {
        None => Ok(None),
        Some(Ok((key, value))) => Ok(Some((key.value().to_vec(), value.value().to_vec()))),
        Some(Err(error)) => Err(Error::database(error)),
    }
}
