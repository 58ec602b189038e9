//! Ordered rows of a renter's gateway in a redb file of its own: keys and values are bytes, and
//! what they mean is the gateway's (docs/formats/catalogue.md).
//!
//! A change enters whole with what it expects to find; it leaves as done or as outrun by another
//! change. Invariants: a change is recorded whole or not at all; when `commit` answers, it is
//! durable; opening is not a walk, however the last run ended. What this does not do: know keys,
//! count, or keep a row's history.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, TableError,
    WriteTransaction,
};

use crate::error::Error;

/// The one table.
const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// A key and its value.
pub type RowPair = (Vec<u8>, Vec<u8>);

/// Rows to write, and what must be true for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowChange {
    /// Keys and the values they must have; none means that there must be no row.
    pub expect: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Keys and their new values; none removes the row. The last word about a key counts.
    pub write: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Keys and what is added to the two counters in the row, as two big-endian i64; a row that
    /// is not there counts as zeros.
    pub add: BTreeMap<Vec<u8>, (i64, i64)>,
}

/// Two counters of a row; anything else reads as zeros.
#[must_use]
pub fn counters(value: &[u8]) -> (i64, i64) {
    let half = |at: usize| {
        let bytes = value.get(at..at + 8).and_then(|run| run.try_into().ok());
        bytes.map_or(0, i64::from_be_bytes)
    };
    (half(0), half(8))
}

/// The bytes of two counters.
#[must_use]
pub fn counter_bytes(counts: (i64, i64)) -> Vec<u8> {
    [counts.0.to_be_bytes(), counts.1.to_be_bytes()].concat()
}

/// The open file; clones share it.
#[derive(Clone)]
pub struct Catalogue {
    database: Arc<Database>,
}

fn absent(error: &TableError) -> bool {
    matches!(error, TableError::TableDoesNotExist(_))
}

impl Catalogue {
    /// Opens the file, making it when it is not there. Errors: Locked when another program has
    /// it open, File.
    pub fn open(path: &Path, cache_len: usize) -> Result<Self, Error> {
        let file = |why: &dyn std::fmt::Display| Error::File {
            path: path.display().to_string(),
            why: why.to_string(),
        };
        let open = |path: &Path| {
            let opened = Database::builder().set_cache_size(cache_len).create(path);
            opened.map_err(|error| match error {
                redb::DatabaseError::DatabaseAlreadyOpen => Error::Locked {
                    path: path.display().to_string(),
                },
                other => file(&other),
            })
        };
        if !path.try_exists().map_err(|error| file(&error))? {
            // Made beside its place: one that was cut off while it was made is no database.
            let fresh = path.with_extension("new");
            let _none_there = std::fs::remove_file(&fresh);
            drop(open(&fresh)?);
            std::fs::rename(&fresh, path).map_err(|error| file(&error))?;
            let dir = path.parent().unwrap_or(Path::new("."));
            let dir = std::fs::File::open(dir).and_then(|dir| dir.sync_all());
            dir.map_err(|error| file(&error))?;
        }
        Ok(Self {
            database: Arc::new(open(path)?),
        })
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let read = self.database.begin_read().map_err(Error::database)?;
        let table = match read.open_table(ROWS) {
            Err(error) if absent(&error) => return Ok(None),
            opened => opened.map_err(Error::database)?,
        };
        let found = table.get(key).map_err(Error::database)?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    /// Up to `limit` rows from `from` on and before `until`, in the order of their keys.
    pub fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<RowPair>, Error> {
        let read = self.database.begin_read().map_err(Error::database)?;
        let table = match read.open_table(ROWS) {
            Err(error) if absent(&error) => return Ok(Vec::new()),
            opened => opened.map_err(Error::database)?,
        };
        if from >= until {
            return Ok(Vec::new());
        }
        let rows = table.range(from..until).map_err(Error::database)?;
        let rows = rows.take(limit).map(|row| {
            let (key, value) = row.map_err(Error::database)?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        });
        rows.collect()
    }

    /// Writes a change; false, and nothing written, when a row is not as it expects. Durable when
    /// it returns true.
    pub fn commit(&self, change: &RowChange) -> Result<bool, Error> {
        let mut write = self.database.begin_write().map_err(Error::database)?;
        write
            .set_durability(Durability::Immediate)
            .map_err(Error::database)?;
        write.set_quick_repair(true);
        if !apply(&write, change)? {
            write.abort().map_err(Error::database)?;
            return Ok(false);
        }
        write.commit().map_err(Error::database)?;
        Ok(true)
    }
}

fn apply(write: &WriteTransaction, change: &RowChange) -> Result<bool, Error> {
    let mut table = write.open_table(ROWS).map_err(Error::database)?;
    for (key, wanted) in &change.expect {
        let found = table.get(key.as_slice()).map_err(Error::database)?;
        if found.as_ref().map(|value| value.value()) != wanted.as_deref() {
            return Ok(false);
        }
    }
    for (key, value) in &change.write {
        match value {
            Some(value) => table.insert(key.as_slice(), value.as_slice()).map(|_| ()),
            None => table.remove(key.as_slice()).map(|_| ()),
        }
        .map_err(Error::database)?;
    }
    for (key, (first, second)) in &change.add {
        let now = table.get(key.as_slice()).map_err(Error::database)?;
        let now = now.map_or((0, 0), |value| counters(value.value()));
        let sum = (now.0.saturating_add(*first), now.1.saturating_add(*second));
        let sum = counter_bytes(sum);
        table
            .insert(key.as_slice(), sum.as_slice())
            .map_err(Error::database)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
