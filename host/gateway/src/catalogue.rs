//! The seam of the catalogue: ordered rows with changes that say what they expect. One engine
//! is the ledger room's; another one has to keep the same promises.

use std::sync::Arc;

use host_ledger::catalogue::{Catalogue, RowChange, RowPair};

use crate::error::Error;

/// Rows of a gateway. Calls may block for the time of a flush.
pub trait Rows: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// Up to `limit` rows from `from` on and before `until`, in order.
    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<RowPair>, Error>;
    /// Writes a change whole and durably; false when a row is not as it expects.
    fn commit(&self, change: &RowChange) -> Result<bool, Error>;
}

impl Rows for Catalogue {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(Catalogue::get(self, key)?)
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<RowPair>, Error> {
        Ok(Catalogue::scan(self, from, until, limit)?)
    }

    fn commit(&self, change: &RowChange) -> Result<bool, Error> {
        Ok(Catalogue::commit(self, change)?)
    }
}

/// Commits away from the threads that serve.
pub(crate) async fn commit(rows: &Arc<dyn Rows>, change: RowChange) -> Result<bool, Error> {
    let rows = Arc::clone(rows);
    let done = tokio::task::spawn_blocking(move || rows.commit(&change)).await;
    done.map_err(|_| Error::Worker)?
}
