//! One open volume: its device, its regions, and the flush its writers share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use host_core::limits::{UNIT_LEN, WRITE_LEN};
use host_core::seams::{Device, DeviceError};
use host_core::{ShardId, VolumeId};

use crate::label::Written;
use crate::layout::Regions;

/// Shards remembered as doubtful at most; a volume with more fails by its count.
const DOUBTS_MAX: usize = 1024;

type Flush = Shared<BoxFuture<'static, Result<(), DeviceError>>>;

/// The flush under way and the one that waits for it.
#[derive(Default)]
struct Flushes {
    last: Option<Flush>,
    last_started: bool,
    number: u64,
}

/// An open volume.
pub(crate) struct Volume<D: Device> {
    pub(crate) id: VolumeId,
    pub(crate) regions: Regions,
    pub(crate) device: D,
    flushes: Mutex<Flushes>,
    movers: AtomicUsize,
    /// Shards whose reading failed since they were last looked at.
    doubts: Mutex<Vec<ShardId>>,
}

/// One of those who move bytes; the more there are, the smaller everyone's buffers.
pub(crate) struct Mover<D: Device> {
    volume: Arc<Volume<D>>,
}

impl<D: Device> Drop for Mover<D> {
    fn drop(&mut self) {
        self.volume.movers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<D: Device> Mover<D> {
    /// Counts one more on `volume`.
    pub(crate) fn new(volume: Arc<Volume<D>>) -> Self {
        volume.movers.fetch_add(1, Ordering::AcqRel);
        Self { volume }
    }

    /// The volume.
    pub(crate) const fn volume(&self) -> &Arc<Volume<D>> {
        &self.volume
    }

    /// Bytes of one buffer while so many share the volume: 1 MiB for up to four, 128 KiB for more
    /// than sixteen, so that 64 uploads with three buffers each stay within 24 MiB.
    fn share(&self) -> usize {
        match self.volume.movers.load(Ordering::Acquire) {
            0..=4 => WRITE_LEN,
            5..=8 => WRITE_LEN / 2,
            9..=16 => WRITE_LEN / 4,
            _ => WRITE_LEN / 8,
        }
    }

    /// A buffer of at most `len` bytes (whole blocks): as long as the share allows and the arena
    /// has, one unit at least. Errors: Buffers when not even that is left.
    pub(crate) fn buffer(&self, len: usize) -> Result<D::Buf, DeviceError> {
        let mut wanted = len.min(self.share());
        loop {
            match self.volume.device.buffer(wanted) {
                Err(DeviceError::Buffers { .. }) if wanted > UNIT_LEN => {
                    wanted = (wanted / 2 / UNIT_LEN * UNIT_LEN).max(UNIT_LEN);
                }
                other => return other,
            }
        }
    }
}

impl<D: Device> Volume<D> {
    /// A volume whose label was read.
    pub(crate) fn new(device: D, written: &Written) -> Self {
        Self {
            id: written.label.volume,
            regions: written.regions,
            device,
            flushes: Mutex::default(),
            movers: AtomicUsize::new(0),
            doubts: Mutex::default(),
        }
    }

    /// Remembers that reading a shard failed: the scrub looks at it next.
    pub(crate) fn doubt(&self, shard: ShardId) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        if doubts.len() < DOUBTS_MAX && !doubts.contains(&shard) {
            doubts.push(shard);
        }
    }

    /// A shard was looked at: the doubt is settled, whatever was found.
    pub(crate) fn settle_doubt(&self, shard: &ShardId) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        doubts.retain(|one| one != shard);
    }

    /// Takes the doubtful shards out.
    pub(crate) fn take_doubts(&self) -> Vec<ShardId> {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut doubts)
    }

    /// Makes every write that completed before this call durable. Callers that come while a flush
    /// runs share the next one.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<(), DeviceError> {
        self.next_flush().await
    }

    /// The flush that has not started yet; a new one behind the last when there is none.
    fn next_flush(self: &Arc<Self>) -> Flush {
        let mut flushes = self.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = flushes.last.as_ref().filter(|_| !flushes.last_started) {
            return waiting.clone();
        }
        let before = flushes.last.take();
        let number = flushes.number + 1;
        let volume = Arc::clone(self);
        let flush = async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            volume.started(number);
            volume.device.flush().await
        };
        let flush = flush.boxed().shared();
        flushes.number = number;
        flushes.last_started = false;
        flushes.last = Some(flush.clone());
        flush
    }

    /// Flush `number` covers nothing that completes from now on.
    fn started(&self, number: u64) {
        let mut flushes = self.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        if flushes.number == number {
            flushes.last_started = true;
        }
    }
}
