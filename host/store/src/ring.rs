//! The fact ring of a volume: records of whole blocks, one after another, in two halves.
//!
//! ```text
//! record := magic (8) | kind (1) | zero (7) | generation (8) | index (8) | group (8) | len (8)
//!         | checksum (32) | payload (len) | zero padding to 4096
//! ```
//!
//! The checksum covers the volume's id, the fields before it and the payload. A record counts
//! when its half, generation and index follow the one before: a torn or older record ends the
//! ring there, which is where the next one goes. Nothing is read at an ordinary start.

use std::sync::{Arc, Mutex, PoisonError};

use host_core::VolumeId;
use host_core::seams::{BoxFuture, Device, DeviceError};
use host_ledger::{FoundRing, Journal, JournalError, RecordKind, RingPlace};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::layout::{BLOCK_LEN, HALF_STEP, aligned};
use crate::volume::Volume;

const MAGIC: [u8; 8] = *b"HFRING01";
/// Bytes of a record before its payload.
const HEAD_LEN: usize = 80;
/// Bytes the checksum covers of the head.
const SUMMED_LEN: usize = 48;
/// Bytes of the longest record.
const RECORD_LEN_MAX: usize = HALF_STEP as usize;
/// Buffers kept for appending, so that a group never waits for uploads to give theirs back.
const BUFFER_LENS: [usize; 3] = [RECORD_LEN_MAX, RECORD_LEN_MAX / 4, BLOCK_LEN];

/// The ring of an open volume.
pub(crate) struct Ring<D: Device> {
    volume: Arc<Volume<D>>,
    buffers: Mutex<Vec<D::Buf>>,
}

impl<D: Device> Ring<D> {
    /// Opens the ring and takes its buffers. Errors: Buffers.
    pub(crate) fn open(volume: Arc<Volume<D>>) -> Result<Self, DeviceError> {
        let buffers = BUFFER_LENS.into_iter().map(|len| volume.device.buffer(len));
        let buffers = Mutex::new(buffers.collect::<Result<Vec<_>, _>>()?);
        Ok(Self { volume, buffers })
    }

    fn half_start(&self, half: u8) -> u64 {
        let regions = &self.volume.regions;
        regions.ring_start + u64::from(half & 1) * regions.half_len
    }

    /// Takes back what a cut left behind the ledger: a group or a snapshot that was written and
    /// never committed. Cost: two blocks read; written and flushed only where there is one.
    pub(crate) async fn take_back(&self, place: RingPlace) -> Result<(), DeviceError> {
        let mut at = Window::new(&self.volume, self.half_start(place.half), BLOCK_LEN);
        let behind = Head::decode(at.bytes(place.offset, BLOCK_LEN).await?);
        let next = (place.generation, place.index);
        if behind.is_some_and(|head| (head.generation, head.index) == next) {
            self.erase(self.half_start(place.half) + place.offset)
                .await?;
        }
        let other = self.half_start(place.other_half().half);
        let generation = Window::new(&self.volume, other, BLOCK_LEN)
            .generation()
            .await?;
        if generation > place.generation {
            self.erase(other).await?;
        }
        Ok(())
    }

    async fn erase(&self, offset: u64) -> Result<(), DeviceError> {
        let mut buf = self.volume.device.buffer(BLOCK_LEN)?;
        buf.as_mut().fill(0);
        self.volume.device.write(offset, buf).await.1?;
        self.volume.flush().await
    }

    /// Takes out the longest buffer that `left` bytes fill.
    fn take_buffer(&self, left: usize) -> Result<D::Buf, DeviceError> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = buffers.iter().position(|buf| buf.as_ref().len() <= left);
        match fits {
            Some(index) => Ok(buffers.remove(index)),
            None => self.volume.device.buffer(BLOCK_LEN),
        }
    }

    fn give_buffer(&self, buf: D::Buf) {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.push(buf);
        buffers.sort_by_key(|buf| std::cmp::Reverse(buf.as_ref().len()));
        buffers.truncate(BUFFER_LENS.len());
    }

    async fn append(
        &self,
        place: RingPlace,
        kind: RecordKind,
        sequence: u64,
        payload: &[u8],
    ) -> Result<RingPlace, JournalError> {
        let record = encode(&self.volume.id, place, kind, sequence, payload);
        let (need, half_len) = (record.len() as u64, self.volume.regions.half_len);
        if place.offset.saturating_add(need) > half_len {
            return Err(JournalError::Full { half_len, need });
        }
        let mut at = self.half_start(place.half) + place.offset;
        let mut rest = record.as_slice();
        while !rest.is_empty() {
            let mut buf = self.take_buffer(rest.len())?;
            let (now, later) = rest.split_at(buf.as_ref().len().min(rest.len()));
            buf.as_mut().copy_from_slice(now);
            let (buf, done) = self.volume.device.write(at, buf).await;
            self.give_buffer(buf);
            done?;
            at += now.len() as u64;
            rest = later;
        }
        let (offset, index) = (place.offset + need, place.index + 1);
        Ok(RingPlace {
            offset,
            index,
            ..place
        })
    }
}

impl<D: Device> Journal for Ring<D> {
    fn half_len(&self) -> u64 {
        self.volume.regions.half_len
    }

    fn payload_max(&self) -> usize {
        RECORD_LEN_MAX - HEAD_LEN
    }

    fn newest(&self) -> BoxFuture<'_, Result<Option<RingPlace>, JournalError>> {
        Box::pin(async move {
            let mut newest: Option<RingPlace> = None;
            for half in [0, 1] {
                let mut window = Window::new(&self.volume, self.half_start(half), BLOCK_LEN);
                let generation = window.generation().await?;
                let place = RingPlace {
                    half,
                    generation,
                    offset: 0,
                    index: 0,
                };
                let newer = newest.is_none_or(|newest| newest.generation < generation);
                if generation > 0 && newer {
                    newest = Some(place);
                }
            }
            Ok(newest)
        })
    }

    fn write<'a>(
        &'a self,
        place: RingPlace,
        kind: RecordKind,
        sequence: u64,
        payload: &'a [u8],
    ) -> BoxFuture<'a, Result<RingPlace, JournalError>> {
        Box::pin(self.append(place, kind, sequence, payload))
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(async move { Ok(self.volume.flush().await?) })
    }
}

fn encode(
    volume: &VolumeId,
    place: RingPlace,
    kind: RecordKind,
    sequence: u64,
    payload: &[u8],
) -> Vec<u8> {
    let len = aligned((HEAD_LEN + payload.len()) as u64) as usize;
    let mut record = Vec::with_capacity(len);
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&[kind as u8, 0, 0, 0, 0, 0, 0, 0]);
    for number in [
        place.generation,
        place.index,
        sequence,
        payload.len() as u64,
    ] {
        record.extend_from_slice(&number.to_be_bytes());
    }
    let sum = checksum(volume, &record, payload);
    record.extend_from_slice(&sum);
    record.extend_from_slice(payload);
    record.resize(len, 0);
    record
}

fn checksum(volume: &VolumeId, head: &[u8], payload: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(volume.0);
    hash.update(head);
    hash.update(payload);
    hash.finalize().into()
}

/// A record's head.
struct Head {
    kind: RecordKind,
    generation: u64,
    index: u64,
    sequence: u64,
    len: usize,
}

impl Head {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (kind, rest) = rest.split_first_chunk::<8>()?;
        let mut rest = rest;
        let mut number = || {
            let (field, tail) = rest.split_first_chunk::<8>()?;
            rest = tail;
            Some(u64::from_be_bytes(*field))
        };
        let (generation, index, sequence, len) = (number()?, number()?, number()?, number()?);
        let len = usize::try_from(len)
            .ok()
            .filter(|len| *len <= RECORD_LEN_MAX - HEAD_LEN)?;
        let kind = RecordKind::of_number(kind[0])?;
        (*magic == MAGIC).then_some(Self {
            kind,
            generation,
            index,
            sequence,
            len,
        })
    }
}

/// A part of a half in memory.
struct Window<'a, D: Device> {
    volume: &'a Volume<D>,
    half_start: u64,
    len: usize,
    loaded: Option<(u64, D::Buf)>,
}

impl<'a, D: Device> Window<'a, D> {
    const fn new(volume: &'a Volume<D>, half_start: u64, len: usize) -> Self {
        Self {
            volume,
            half_start,
            len,
            loaded: None,
        }
    }

    /// The half from `offset`, `need` bytes at least unless the half ends before.
    async fn bytes(&mut self, offset: u64, need: usize) -> Result<&[u8], DeviceError> {
        let inside = self.loaded.as_ref().is_some_and(|(start, buf)| {
            *start <= offset && offset + need as u64 <= start + buf.as_ref().len() as u64
        });
        if !inside {
            let left = self.volume.regions.half_len.saturating_sub(offset);
            let len = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.len.max(need));
            self.loaded = None;
            if len == 0 {
                return Ok(&[]);
            }
            let buf = self.volume.device.buffer(len)?;
            let (buf, done) = self.volume.device.read(self.half_start + offset, buf).await;
            done?;
            self.loaded = Some((offset, buf));
        }
        let Some((start, buf)) = &self.loaded else {
            return Ok(&[]);
        };
        let skip = usize::try_from(offset - start).unwrap_or(usize::MAX);
        Ok(buf.as_ref().get(skip..).unwrap_or_default())
    }

    /// The generation of the half's first record, 0 when there is none.
    async fn generation(&mut self) -> Result<u64, DeviceError> {
        let bytes = self.bytes(0, BLOCK_LEN).await?;
        let first = Head::decode(bytes).filter(|head| head.index == 0);
        Ok(first.map_or(0, |head| head.generation))
    }

    /// The record at `place`, when there is a whole one.
    async fn record(&mut self, place: RingPlace) -> Result<Option<(Head, Vec<u8>)>, DeviceError> {
        let volume = self.volume.id;
        let bytes = self.bytes(place.offset, BLOCK_LEN).await?;
        let Some(head) = Head::decode(bytes) else {
            return Ok(None);
        };
        if (head.generation, head.index) != (place.generation, place.index) {
            return Ok(None);
        }
        let end = HEAD_LEN + head.len;
        let bytes = self
            .bytes(place.offset, aligned(end as u64) as usize)
            .await?;
        let (Some(summed), Some(sum), Some(payload)) = (
            bytes.get(..SUMMED_LEN),
            bytes.get(SUMMED_LEN..HEAD_LEN),
            bytes.get(HEAD_LEN..end),
        ) else {
            return Ok(None);
        };
        if checksum(&volume, summed, payload) != *sum {
            return Ok(None);
        }
        let payload = payload.to_vec();
        Ok(Some((head, payload)))
    }
}

/// Bytes of a ring read at once.
const WINDOW_LEN: usize = 4 * RECORD_LEN_MAX;

/// Reads what a volume's ring holds: the records of the newest half whose snapshot is whole.
/// Cost: reads that half once.
pub(crate) async fn find<D: Device>(volume: &Volume<D>) -> Result<FoundRing, Error> {
    let regions = &volume.regions;
    let mut halves = Vec::new();
    for half in [0u8, 1] {
        let start = regions.ring_start + u64::from(half) * regions.half_len;
        let generation = Window::new(volume, start, BLOCK_LEN).generation().await?;
        halves.push(RingPlace {
            half,
            generation,
            offset: 0,
            index: 0,
        });
    }
    halves.sort_by_key(|place| std::cmp::Reverse(place.generation));
    let mut found = FoundRing {
        volume: volume.id,
        start: regions.data_start,
        size: regions.data_size,
        place: None,
        records: Vec::new(),
    };
    for first in halves.into_iter().filter(|place| place.generation > 0) {
        if let Some((place, records)) = read_half(volume, first).await? {
            found.place = Some(place);
            found.records = records;
            break;
        }
    }
    Ok(found)
}

type Records = Vec<(RecordKind, u64, Vec<u8>)>;

/// The records of a half in order and the place after the last whole group; none when its
/// snapshot is not whole.
async fn read_half<D: Device>(
    volume: &Volume<D>,
    first: RingPlace,
) -> Result<Option<(RingPlace, Records)>, Error> {
    let regions = &volume.regions;
    let start = regions.ring_start + u64::from(first.half) * regions.half_len;
    let mut window = Window::new(volume, start, WINDOW_LEN);
    let (mut at, mut records) = (first, Records::new());
    let mut whole: Option<(RingPlace, usize, u64)> = None;
    while let Some((head, payload)) = window.record(at).await? {
        let is_snapshot = matches!(head.kind, RecordKind::Snapshot | RecordKind::SnapshotEnd);
        let follows = whole.is_none_or(|(_, _, last)| head.sequence > last);
        if is_snapshot != whole.is_none() || !follows {
            break;
        }
        let offset = at.offset + aligned((HEAD_LEN + head.len) as u64);
        at = RingPlace {
            offset,
            index: at.index + 1,
            ..at
        };
        records.push((head.kind, head.sequence, payload));
        if matches!(head.kind, RecordKind::SnapshotEnd | RecordKind::GroupEnd) {
            whole = Some((at, records.len(), head.sequence));
        }
    }
    Ok(whole.map(|(place, count, _)| {
        records.truncate(count);
        (place, records)
    }))
}
