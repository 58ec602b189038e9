//! Reading: verified units of a stored shard. The footer is checked against the shard's name once,
//! then each 64 KiB unit against the footer before a byte of it leaves.

use std::ops::Range;
use std::sync::Arc;

use host_core::limits::UNIT_LEN;
use host_core::seams::{Device, DeviceBuf};
use host_core::{Digest32, ShardId};
use host_ledger::PlacementRow;
use host_proof::{check_unit, check_units};

use crate::error::Error;
use crate::extent::Header;
use crate::layout::{BLOCK_LEN, Parts, aligned};
use crate::space::Hold;
use crate::volume::{Mover, Volume};

const UNIT: u64 = UNIT_LEN as u64;
/// Bytes one `read` gives at most: one buffer.
const RUN_LEN_MAX: u64 = 1 << 20;

/// An open shard; its extent is not used again while this lives.
pub struct ShardReader<D: Device> {
    mover: Mover<D>,
    _hold: Hold,
    shard: ShardId,
    row: PlacementRow,
    parts: Parts,
    units: Vec<Digest32>,
}

/// Verified bytes, still in the device's buffers.
pub struct Run<B> {
    pieces: Pieces<B>,
}

enum Pieces<B> {
    One(B, Range<usize>),
    Joined(Vec<u8>),
}

impl<B: DeviceBuf> AsRef<[u8]> for Run<B> {
    fn as_ref(&self) -> &[u8] {
        match &self.pieces {
            Pieces::One(buf, range) => buf.as_ref().get(range.clone()).unwrap_or_default(),
            Pieces::Joined(bytes) => bytes,
        }
    }
}

/// Reads and checks the footer.
pub(crate) async fn open<D: Device>(
    volume: Arc<Volume<D>>,
    hold: Hold,
    shard: ShardId,
    row: PlacementRow,
) -> Result<ShardReader<D>, Error> {
    let parts = Parts::of_len(row.len)?;
    let len = usize::try_from(parts.footer_size).unwrap_or(usize::MAX);
    let buf = volume.device.buffer(len)?;
    let offset = row.offset + parts.footer;
    let (buf, done) = volume.device.read(offset, buf).await;
    done?;
    let count = usize::try_from(row.len.div_ceil(UNIT)).unwrap_or(usize::MAX);
    let (hashes, _) = buf.as_ref().as_chunks::<32>();
    let units: Vec<Digest32> = hashes.iter().take(count).copied().map(Digest32).collect();
    check_units(&shard, row.len, &units).map_err(|_| Error::Damaged {
        shard,
        volume: row.volume,
        offset,
        why: "its footer is not the shard's",
    })?;
    Ok(ShardReader {
        mover: Mover::new(volume),
        _hold: hold,
        shard,
        row,
        parts,
        units,
    })
}

impl<D: Device> ShardReader<D> {
    /// Bytes of the shard.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.parts.len
    }

    /// Never: a shard has at least one byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The node of each 64 KiB unit, checked against the shard's name.
    #[must_use]
    pub fn units(&self) -> &[Digest32] {
        &self.units
    }

    /// Checks the header and every unit, as a scrub does. Errors: Damaged, Device.
    /// Cost: reads the whole extent once.
    pub async fn verify(&mut self) -> Result<(), Error> {
        let volume = Arc::clone(self.mover.volume());
        let buf = volume.device.buffer(BLOCK_LEN)?;
        let (buf, done) = volume.device.read(self.row.offset, buf).await;
        done?;
        let told = Header::decode(buf.as_ref());
        let needed = (volume.id, self.row.offset, self.shard, self.parts.len);
        if told.map(|told| (told.volume, told.offset, told.shard, told.len)) != Some(needed) {
            let (shard, offset) = (self.shard, self.row.offset);
            let why = "its header does not tell of it";
            return Err(Error::Damaged {
                shard,
                volume: volume.id,
                offset,
                why,
            });
        }
        drop(buf);
        let mut at = 0;
        while at < self.parts.len {
            at += self.piece(at, self.parts.len).await?.1;
        }
        Ok(())
    }

    /// Verified bytes `offset..offset + len` of the shard. Cost: whole units are read and checked
    /// around the run. Errors: Run outside the shard; Damaged; Device.
    pub async fn read(&mut self, offset: u64, len: u64) -> Result<Run<D::Buf>, Error> {
        let shard_len = self.parts.len;
        let end = offset
            .checked_add(len)
            .filter(|end| len > 0 && *end <= shard_len);
        let end = end.ok_or(Error::Run {
            offset,
            len,
            shard_len,
        })?;
        let start = offset / UNIT * UNIT;
        let window_end = end.next_multiple_of(UNIT).min(shard_len);
        if window_end - start <= RUN_LEN_MAX {
            let (buf, have) = self.piece(start, window_end).await?;
            if start + have == window_end {
                let from = usize::try_from(offset - start).unwrap_or(usize::MAX);
                let to = usize::try_from(end - start).unwrap_or(usize::MAX);
                return Ok(Run {
                    pieces: Pieces::One(buf, from..to),
                });
            }
        }
        self.joined(start, offset..end).await
    }

    /// Reads whole units from `start` towards `end`, as many as one buffer takes; how many bytes
    /// of the shard it holds, all of them verified.
    async fn piece(&self, start: u64, end: u64) -> Result<(D::Buf, u64), Error> {
        let read = self.read_units(start, end).await;
        if matches!(read, Err(Error::Damaged { .. } | Error::Device(_))) {
            self.mover.volume().doubt(self.shard);
        }
        read
    }

    async fn read_units(&self, start: u64, end: u64) -> Result<(D::Buf, u64), Error> {
        let wanted = aligned(end - start);
        let wanted = usize::try_from(wanted.min(RUN_LEN_MAX)).unwrap_or(usize::MAX);
        let buf = self.mover.buffer(wanted)?;
        let offset = self.row.offset + self.parts.body + start;
        let (buf, done) = self.mover.volume().device.read(offset, buf).await;
        done?;
        let have = (end - start).min(buf.as_ref().len() as u64);
        let bytes = buf
            .as_ref()
            .get(..usize::try_from(have).unwrap_or(usize::MAX));
        let first = usize::try_from(start / UNIT).unwrap_or(usize::MAX);
        for (index, unit) in (first..).zip(bytes.unwrap_or_default().chunks(UNIT_LEN)) {
            check_unit(self.parts.len, &self.units, index, unit).map_err(|_| Error::Damaged {
                shard: self.shard,
                volume: self.row.volume,
                offset: self.row.offset + self.parts.body + index as u64 * UNIT,
                why: "a unit is not what its footer says",
            })?;
        }
        Ok((buf, have))
    }

    async fn joined(&self, start: u64, run: Range<u64>) -> Result<Run<D::Buf>, Error> {
        let end = run.end.next_multiple_of(UNIT).min(self.parts.len);
        let (mut at, mut bytes) = (start, Vec::new());
        while at < end {
            let (buf, have) = self.piece(at, end).await?;
            let from = usize::try_from(run.start.saturating_sub(at)).unwrap_or(usize::MAX);
            let to = usize::try_from((run.end - at).min(have)).unwrap_or(usize::MAX);
            bytes.extend_from_slice(buf.as_ref().get(from..to).unwrap_or_default());
            at += have;
        }
        Ok(Run {
            pieces: Pieces::Joined(bytes),
        })
    }
}
