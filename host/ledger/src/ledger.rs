//! The ledger's front: open, commit, read, close.

use std::path::Path;
use std::sync::Arc;

use host_core::VolumeId;

use crate::error::Error;
use crate::fact::Fact;
use crate::journal::Journal;
use crate::snapshot::Snapshot;

/// What the root decides about the ledger.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of database pages kept in memory.
    pub cache_len: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_len: 8 << 20 }
    }
}

/// The ledger; clones share it.
#[derive(Clone)]
pub struct Ledger {}

impl Ledger {
    /// Opens or makes the ledger in the directory `dir`.
    pub fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        let _ = (dir, options);
        Ok(Self {})
    }

    /// Makes a set of facts true together.
    pub async fn commit(&self, facts: Vec<Fact>) -> Result<(), Error> {
        let _ = facts;
        std::future::ready(Err(Error::Closed)).await
    }

    /// The rows of this moment; later commits do not show in it.
    pub fn read(&self) -> Result<Snapshot, Error> {
        Err(Error::Closed)
    }

    /// Gives the ledger a volume's fact ring.
    pub fn attach(&self, volume: VolumeId, journal: Arc<dyn Journal>) -> Result<(), Error> {
        let _ = (volume, journal);
        Ok(())
    }

    /// Commits what is queued and closes the file; later commits are refused.
    pub async fn close(&self) {
        std::future::ready(()).await;
    }
}
