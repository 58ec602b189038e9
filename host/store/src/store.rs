//! The store's front: open volumes, reserve space, begin writers and readers.

use std::marker::PhantomData;
use std::sync::Arc;

use host_core::seams::Device;
use host_core::{NetworkId, PeerId, ShardId};
use host_ledger::Ledger;

use crate::error::Error;
use crate::read::ShardReader;
use crate::write::Writer;

/// All volumes of a host; clones share them.
pub struct Store<D: Device> {
    shared: Arc<PhantomData<D>>,
}

impl<D: Device> Clone for Store<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// A run of a volume nobody else gets; given back when dropped.
pub struct Reservation {}

impl<D: Device> Store<D> {
    /// Opens volumes (description and device each); gives back those left out and why.
    pub async fn open(
        volumes: Vec<(String, D)>,
        ledger: Ledger,
        owner: PeerId,
        network: NetworkId,
    ) -> Result<(Self, Vec<(String, Error)>), Error> {
        let _ = (volumes, ledger, owner, network);
        std::future::ready(Err(Error::Unformatted)).await
    }

    /// Volumes that are open.
    #[must_use]
    pub fn volume_count(&self) -> usize {
        0
    }

    /// Bytes free and bytes used on the open volumes.
    pub fn space(&self) -> Result<(u64, u64), Error> {
        Ok((0, 0))
    }

    /// Reserves an extent for a shard of `len` bytes.
    pub fn reserve(&self, len: u64) -> Result<Reservation, Error> {
        Err(Error::NoSpace { need: len, free: 0 })
    }

    /// Begins to write the shard `expected` into a reservation.
    pub fn writer(&self, reservation: Reservation, expected: ShardId) -> Result<Writer<D>, Error> {
        let _ = (reservation, expected);
        Err(Error::NoSpace { need: 0, free: 0 })
    }

    /// Opens a stored shard; none when it is not kept here.
    pub async fn open_shard(&self, shard: &ShardId) -> Result<Option<ShardReader<D>>, Error> {
        let _ = shard;
        std::future::ready(Ok(None)).await
    }
}
