//! Bodies that were read or written lately, bounded in bytes; the one unused longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use host_core::ObjectId;

/// A run of a stored object: which, from where.
pub(crate) type Run = (ObjectId, u64);

#[derive(Default)]
struct Shelf {
    len: usize,
    tick: u64,
    runs: HashMap<Run, (Bytes, u64)>,
    order: BTreeMap<u64, Run>,
}

/// The bodies.
pub(crate) struct Cache {
    len_max: usize,
    shelf: Mutex<Shelf>,
}

impl Cache {
    /// Keeps at most `len_max` bytes.
    pub(crate) fn new(len_max: usize) -> Self {
        Self {
            len_max,
            shelf: Mutex::new(Shelf::default()),
        }
    }

    /// A run, if it is here.
    pub(crate) fn get(&self, run: &Run) -> Option<Bytes> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.tick += 1;
        let tick = shelf.tick;
        let (bytes, at) = shelf.runs.get_mut(run)?;
        let (bytes, before) = (bytes.clone(), std::mem::replace(at, tick));
        shelf.order.remove(&before);
        shelf.order.insert(tick, *run);
        Some(bytes)
    }

    /// Keeps a run, and lets others go for it.
    pub(crate) fn keep(&self, run: Run, bytes: Bytes) {
        if bytes.len() > self.len_max {
            return;
        }
        self.forget(&run);
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.tick += 1;
        let tick = shelf.tick;
        shelf.len += bytes.len();
        shelf.runs.insert(run, (bytes, tick));
        shelf.order.insert(tick, run);
        while shelf.len > self.len_max {
            let Some((_, oldest)) = shelf.order.pop_first() else {
                break;
            };
            if let Some((bytes, _)) = shelf.runs.remove(&oldest) {
                shelf.len -= bytes.len();
            }
        }
    }

    /// Lets a run go: its key is destroyed, or its bytes moved.
    pub(crate) fn forget(&self, run: &Run) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((bytes, tick)) = shelf.runs.remove(run) {
            shelf.len -= bytes.len();
            shelf.order.remove(&tick);
        }
    }
}

#[cfg(test)]
mod tests;
