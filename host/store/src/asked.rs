//! Reading the few leaves a period's draws ask for, on a way of its own.
//!
//! Enters: devices opened for this alone, with their own ring and buffers, so that neither uploads
//! nor a scrub can use up its depth; the ledger. Leaves: a leaf's proof, checked against the
//! shard's name. Of a shard two runs are read, together: the unit list and one unit of 64 KiB.
//! Does not: hold extents; a shard that moves in between is looked up again, and one that goes
//! shows as damaged.

use futures::future::join;
use host_core::limits::UNIT_LEN;
use host_core::seams::{Device, DeviceError};
use host_core::{Digest32, ShardId, VolumeId};
use host_ledger::{Ledger, PlacementRow};
use host_proof::{LEAVES_PER_UNIT, LeafProof, prove};

use crate::error::Error;
use crate::label;
use crate::layout::{Parts, aligned};

/// Looks at the ledger before a shard that keeps moving is given up.
const TRIES: usize = 3;

/// The volumes, for reading asked leaves.
pub struct AskedLeaves<D: Device> {
    ledger: Ledger,
    volumes: Vec<(VolumeId, D)>,
}

impl<D: Device> AskedLeaves<D> {
    /// Reads the labels of `devices`, named as in the log; gives back those that do not read.
    /// Cost: a block a device.
    pub async fn open(devices: Vec<(String, D)>, ledger: Ledger) -> (Self, Vec<(String, Error)>) {
        let (mut volumes, mut left_out) = (Vec::new(), Vec::new());
        for (name, device) in devices {
            match label::read(&device).await {
                Ok(written) => volumes.push((written.label.volume, device)),
                Err(error) => left_out.push((name, error)),
            }
        }
        (Self { ledger, volumes }, left_out)
    }

    /// The proof of leaf `index` of a stored shard; none when the shard is not kept here.
    /// Cost: reads the shard's unit list (at most 32 KiB) and one unit.
    /// Errors: VolumeAway; Damaged when the bytes are not the shard's; Device; Ledger.
    pub async fn leaf(&self, shard: &ShardId, index: u64) -> Result<Option<LeafProof>, Error> {
        let mut told = None;
        for _ in 0..TRIES {
            let Some(row) = self.ledger.read()?.placement(shard)? else {
                return Ok(None);
            };
            match self.read(shard, row, index).await {
                Ok(proof) => return Ok(Some(proof)),
                // The same place again: the bytes are bad, not moved.
                Err(error) if told == Some(row) => return Err(error),
                Err(_) => told = Some(row),
            }
        }
        let row = self.ledger.read()?.placement(shard)?;
        match row {
            Some(row) => self.read(shard, row, index).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(
        &self,
        shard: &ShardId,
        row: PlacementRow,
        index: u64,
    ) -> Result<LeafProof, Error> {
        let (shard, volume) = (*shard, row.volume);
        let away = Error::VolumeAway { shard, volume };
        let found = self.volumes.iter().find(|(id, _)| *id == volume);
        let (_, device) = found.ok_or(away)?;
        let parts = Parts::of_len(row.len)?;
        let damaged = |why| Error::Damaged {
            shard,
            volume,
            offset: row.offset,
            why,
        };
        let (unit_len, leaves) = (UNIT_LEN as u64, LEAVES_PER_UNIT as u64);
        let start = (index / leaves).saturating_mul(unit_len);
        let have = row.len.saturating_sub(start).min(unit_len);
        if have == 0 {
            return Err(damaged("the asked leaf lies behind its end"));
        }
        let list = read_at(device, row.offset + parts.footer, parts.footer_size);
        let unit = read_at(device, row.offset + parts.body + start, aligned(have));
        let (list, unit) = join(list, unit).await;
        let (list, unit) = (list?, unit?);
        let count = usize::try_from(row.len.div_ceil(unit_len)).unwrap_or(usize::MAX);
        let (hashes, _) = list.as_ref().as_chunks::<32>();
        let units: Vec<Digest32> = hashes.iter().take(count).copied().map(Digest32).collect();
        let bytes = unit.as_ref();
        let bytes = bytes.get(..usize::try_from(have).unwrap_or(usize::MAX));
        let proof = prove(index, bytes.unwrap_or_default(), &units, row.len)
            .map_err(|_| damaged("a unit is not what its footer says"))?;
        host_proof::verify(&shard, row.len, index, &proof)
            .map_err(|_| damaged("its footer is not the shard's"))?;
        Ok(proof)
    }
}

async fn read_at<D: Device>(device: &D, offset: u64, len: u64) -> Result<D::Buf, DeviceError> {
    let buf = device.buffer(usize::try_from(len).unwrap_or(usize::MAX))?;
    let (buf, done) = device.read(offset, buf).await;
    done.map(|()| buf)
}
