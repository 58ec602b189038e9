//! Moving a shard to another volume of the same host. Enters: a shard's name. Leaves: the shard in
//! a new extent, its old one free.
//!
//! Order: the old bytes are read verified; the new extent is written and flushed; one transaction
//! changes the placement and frees the old run. A crash before it leaves the shard where it was and
//! the new run free; after it, where it is. A reader of the old extent keeps it from being used
//! again until it ends. The walk over a volume needs no cursor: what moved is no longer there.

use host_core::seams::Device;
use host_core::{ShardId, VolumeId};

use crate::error::Error;
use crate::store::Store;

/// Bytes read at a time.
const STEP: u64 = 1 << 20;
/// Placements looked at in one read of the ledger.
const PAGE: usize = 1024;

/// How a move ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// So many bytes of the shard lie elsewhere now.
    Done(u64),
    /// It is not kept here any more, or went while it moved.
    Gone,
}

impl<D: Device> Store<D> {
    /// Moves a shard to the volume with the most space besides its own. Durable when it returns.
    /// Errors: NoSpace when no other volume takes it; Damaged, Device when it does not read; those
    /// of the ledger.
    pub async fn move_away(&self, shard: &ShardId) -> Result<Moved, Error> {
        let view = self.shared.ledger.read()?;
        let Some(from) = view.placement(shard)? else {
            return Ok(Moved::Gone);
        };
        let Some(agreement) = view.leases(shard)?.first().copied() else {
            return Ok(Moved::Gone);
        };
        let lease = view.agreement(&agreement)?;
        let end_epoch = lease.map_or(0, |row| row.signed.terms.end_epoch);
        drop(view);
        let Some(mut reader) = self.open_any(shard).await? else {
            return Ok(Moved::Gone);
        };
        let reservation = self.reserve_beside(from.len, Some(from.volume))?;
        let mut writer = self.writer(reservation, *shard)?;
        let mut at = 0;
        while at < from.len {
            let run = reader.read(at, STEP.min(from.len - at)).await?;
            writer.append(run.as_ref()).await?;
            at += run.as_ref().len() as u64;
        }
        let sealed = writer.seal(agreement, end_epoch).await?;
        let fact = sealed.moved(from);
        match self.shared.ledger.commit(vec![fact]).await {
            Ok(()) => {
                sealed.committed();
                Ok(Moved::Done(from.len))
            }
            Err(host_ledger::Error::NoShard { .. }) => Ok(Moved::Gone),
            Err(error) => Err(error.into()),
        }
    }

    /// Shards that lie on a volume and are not fenced, of those after `after`: at most a page, and
    /// where the next one begins. Cost: a page of placements.
    pub fn shards_on(
        &self,
        volume: &VolumeId,
        after: Option<&ShardId>,
    ) -> Result<(Vec<ShardId>, Option<ShardId>), Error> {
        let view = self.shared.ledger.read()?;
        let page = view.placements(after, PAGE)?;
        let next = page.last().map(|(shard, _)| *shard);
        let mut found = Vec::new();
        for (shard, row) in page {
            if row.volume == *volume && view.fenced(&shard)?.is_none() {
                found.push(shard);
            }
        }
        Ok((found, next))
    }
}
