//! Aligned buffers: memory a direct device can move. A buffer is a slice of its own allocation
//! that begins at a multiple of 4096 bytes; no unsafe code is needed to find that place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host_core::seams::DeviceBuf;

/// Every direct device here takes buffers aligned to this many bytes.
pub(crate) const ALIGN: usize = 4096;

/// Bytes of buffers of one device that are alive, against its bound.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    bound: usize,
}

impl Budget {
    pub(crate) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            bound,
        })
    }
}

/// An aligned buffer.
#[derive(Debug)]
pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
    budget: Option<Arc<Budget>>,
}

impl Buffer {
    /// A zeroed buffer within the budget, or none when the budget is spent.
    pub(crate) fn within(budget: &Arc<Budget>, len: usize) -> Option<Self> {
        let before = budget.used.fetch_add(len, Ordering::AcqRel);
        if before + len > budget.bound {
            budget.used.fetch_sub(len, Ordering::AcqRel);
            return None;
        }
        let memory = vec![0; len + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN).min(ALIGN);
        Some(Self {
            memory,
            start,
            len,
            budget: Some(Arc::clone(budget)),
        })
    }

    /// A buffer of nothing, given back when a device has stopped.
    pub(crate) const fn empty() -> Self {
        Self {
            memory: Vec::new(),
            start: 0,
            len: 0,
            budget: None,
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.used.fetch_sub(self.len, Ordering::AcqRel);
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.memory
            .get(self.start..self.start + self.len)
            .unwrap_or_default()
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.memory
            .get_mut(self.start..self.start + self.len)
            .unwrap_or_default()
    }
}

impl DeviceBuf for Buffer {}
