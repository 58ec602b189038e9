//! Space in memory: which runs of the volumes are reserved by writers or held by readers.
//!
//! The ledger's free map is the truth; this subtracts from it. A reservation ends when its writer
//! gives up or its commit is seen; a hold ends with its reader. Two cases are easy to miss and are
//! kept here: a writer dropped while the device still moves its buffers keeps its run until the
//! device is done, and one dropped while its commit may be under way keeps it until the ledger has
//! answered everything that was queued by then.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use host_core::VolumeId;
use host_ledger::Ledger;

use crate::layout::Parts;

/// A run of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) volume: VolumeId,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

#[derive(Default)]
struct Runs {
    /// By volume: first byte to bytes and how many hold it. Runs never overlap each other.
    busy: HashMap<VolumeId, BTreeMap<u64, (u64, usize)>>,
    reserved: u64,
    unsettled: Vec<(Extent, u64)>,
}

/// What is reserved and held.
pub(crate) struct Space {
    ledger: Ledger,
    runs: Mutex<Runs>,
    moving: Mutex<Vec<BoxFuture<'static, ()>>>,
}

impl Runs {
    fn add(&mut self, extent: Extent) {
        let runs = self.busy.entry(extent.volume).or_default();
        runs.entry(extent.offset).or_insert((extent.size, 0)).1 += 1;
    }

    fn remove(&mut self, extent: Extent) {
        let Some(runs) = self.busy.get_mut(&extent.volume) else {
            return;
        };
        if let Some((_, count)) = runs.get_mut(&extent.offset) {
            *count -= 1;
            if *count == 0 {
                runs.remove(&extent.offset);
            }
        }
    }

    /// Where the run that overlaps `offset..offset + size` ends, if one does.
    fn overlap(&self, volume: &VolumeId, offset: u64, size: u64) -> Option<u64> {
        let runs = self.busy.get(volume)?;
        let (start, (len, _)) = runs.range(..offset + size).next_back()?;
        (start + len > offset).then_some(start + len)
    }
}

impl Space {
    pub(crate) fn new(ledger: Ledger) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            runs: Mutex::default(),
            moving: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a run for `parts` on the first of `volumes` that has one.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        volumes: &[VolumeId],
        parts: Parts,
    ) -> Result<Option<Reservation>, host_ledger::Error> {
        self.sweep();
        let size = parts.size;
        let mut runs = self.lock();
        // Read under the lock: a run freed by a later commit is not in this snapshot, and one
        // that a reader took hold of before is in `busy`.
        let snapshot = self.ledger.read()?;
        for volume in volumes {
            let taken = |offset, size| runs.overlap(volume, offset, size);
            let Some(offset) = snapshot.find_free(volume, size, taken)? else {
                continue;
            };
            let extent = Extent {
                volume: *volume,
                offset,
                size,
            };
            runs.add(extent);
            runs.reserved += size;
            return Ok(Some(Reservation {
                space: Arc::clone(self),
                extent,
                parts,
            }));
        }
        Ok(None)
    }

    /// Keeps a run from being reserved while a reader uses it.
    pub(crate) fn hold(self: &Arc<Self>, extent: Extent) -> Hold {
        self.lock().add(extent);
        Hold {
            space: Arc::clone(self),
            extent,
        }
    }

    /// Bytes reserved and not committed.
    pub(crate) fn reserved(&self) -> u64 {
        self.lock().reserved
    }

    /// Bytes reserved on one volume, and held by its readers.
    pub(crate) fn busy(&self, volume: &VolumeId) -> u64 {
        self.lock()
            .busy
            .get(volume)
            .map_or(0, |runs| runs.values().map(|(size, _)| size).sum())
    }

    /// Takes over what a dropped writer left: its buffers on their way, then its reservation.
    pub(crate) fn abandon(&self, moving: BoxFuture<'static, ()>) {
        self.moving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(moving);
        self.sweep();
    }

    /// Lets go of everything that waits for the device.
    pub(crate) fn forget(&self) {
        let moving =
            std::mem::take(&mut *self.moving.lock().unwrap_or_else(PoisonError::into_inner));
        drop(moving);
    }

    /// Ends reservations whose reason to outlive their writer is past.
    fn sweep(&self) {
        // Taken out while polled: a future that completes drops its reservation, which locks.
        let moving =
            std::mem::take(&mut *self.moving.lock().unwrap_or_else(PoisonError::into_inner));
        let mut left: Vec<_> = moving
            .into_iter()
            .filter_map(|mut moved| match (&mut moved).now_or_never() {
                Some(()) => None,
                None => Some(moved),
            })
            .collect();
        self.moving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(&mut left);
        let (_, answered) = self.ledger.progress();
        let mut runs = self.lock();
        let unsettled = std::mem::take(&mut runs.unsettled);
        for (extent, entered) in unsettled {
            if answered >= entered {
                runs.remove(extent);
                runs.reserved = runs.reserved.saturating_sub(extent.size);
            } else {
                runs.unsettled.push((extent, entered));
            }
        }
    }
}

/// A run of a volume nobody else gets; given back when dropped.
pub struct Reservation {
    space: Arc<Space>,
    extent: Extent,
    parts: Parts,
}

impl Reservation {
    /// The parts of the extent it was made for.
    pub(crate) const fn parts(&self) -> Parts {
        self.parts
    }

    /// The run.
    pub(crate) const fn extent(&self) -> Extent {
        self.extent
    }

    /// What keeps the books.
    pub(crate) const fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Gives the run back only when every commit queued by now was answered.
    pub(crate) fn unsettle(self) {
        let (entered, _) = self.space.ledger.progress();
        let extent = self.extent;
        let mut runs = self.space.lock();
        // The drop of `self` ends one count; this one takes its place.
        runs.add(extent);
        runs.reserved += extent.size;
        runs.unsettled.push((extent, entered));
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut runs = self.space.lock();
        runs.remove(self.extent);
        runs.reserved = runs.reserved.saturating_sub(self.extent.size);
    }
}

/// A run a reader uses; let go when dropped.
pub(crate) struct Hold {
    space: Arc<Space>,
    extent: Extent,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.space.lock().remove(self.extent);
    }
}
