//! The arena: one mapping a device, on huge pages where the kernel has them, from which all its
//! I/O buffers are cut.
//!
//! A device moves a megabyte that lies in one huge page as one segment instead of 256, which is
//! the largest single gain measured on this path. Memory is touched only as buffers need it and is
//! given back when the device has been idle.
//!
//! Invariants: a run of pages belongs to at most one buffer; the mapping lives as long as any
//! buffer of it (each holds the arena); pages are given back only while no buffer is alive.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::raw::c_void;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host_core::seams::DeviceBuf;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// Buffers begin at and are cut in multiples of this many bytes: a page, and the largest block a
/// direct device here asks for.
pub(crate) const PAGE: usize = 4096;
/// Bytes of a huge page on every machine served.
const HUGE: usize = 2 << 20;

/// Free runs by their first byte, and what was ever touched.
#[derive(Debug)]
struct Runs {
    free: BTreeMap<usize, usize>,
    alive: usize,
    touched: bool,
}

/// One device's buffer memory.
#[derive(Debug)]
pub(crate) struct Arena {
    base: NonNull<c_void>,
    /// Bytes mapped: the usable ones and room to begin at a huge page.
    mapped: usize,
    /// First usable byte, at a multiple of a huge page.
    start: usize,
    len: usize,
    runs: Mutex<Runs>,
}

// SAFETY: the mapping is plain memory without thread affinity; who may touch which part of it is
// decided by `runs`, which is behind a lock.
unsafe impl Send for Arena {}
// SAFETY: as above; shared access hands out disjoint runs only.
unsafe impl Sync for Arena {}

impl Arena {
    /// Maps an arena of at least `len` bytes. Nothing is touched yet.
    pub(crate) fn map(len: usize) -> std::io::Result<Arc<Self>> {
        let len = len.max(HUGE).next_multiple_of(HUGE);
        let mapped = len + HUGE;
        let size = NonZeroUsize::new(mapped).expect("at least a huge page");
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address the kernel chooses aliases nothing.
        let base = unsafe {
            mmap_anonymous(
                None,
                size,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                flags,
            )
        }?;
        let start = base.as_ptr().align_offset(HUGE);
        let runs = Runs {
            free: BTreeMap::from([(0, len)]),
            alive: 0,
            touched: false,
        };
        let arena = Self {
            base,
            mapped,
            start,
            len,
            runs: Mutex::new(runs),
        };
        arena.advise(MmapAdvise::MADV_HUGEPAGE);
        Ok(Arc::new(arena))
    }

    /// The address of byte `at` of the usable part.
    fn address(&self, at: usize) -> NonNull<u8> {
        debug_assert!(at <= self.len);
        // SAFETY: `start + at` lies inside the mapping: `start < HUGE`, `at <= len`, and
        // `mapped = len + HUGE`.
        unsafe { self.base.cast::<u8>().add(self.start + at) }
    }

    /// Tells the kernel something about the usable part; advice that is refused is no loss.
    fn advise(&self, advice: MmapAdvise) {
        // SAFETY: the range is our own mapping; MADV_DONTNEED, which drops content, is only used
        // while no buffer is alive (see `rest`).
        let _ = unsafe { madvise(self.address(0).cast(), self.len, advice) };
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The usable part, for registration with a ring.
    pub(crate) fn extent(&self) -> (*mut u8, usize) {
        (self.address(0).as_ptr(), self.len)
    }

    /// Cuts a buffer of `len` bytes, the lowest that fits, so that little memory is ever touched.
    /// None when the arena is full.
    pub(crate) fn cut(self: &Arc<Self>, len: usize) -> Option<Buffer> {
        let size = len.max(1).next_multiple_of(PAGE);
        let mut runs = self.runs();
        let (at, run) = runs
            .free
            .iter()
            .find(|(_, run)| **run >= size)
            .map(|(a, r)| (*a, *r))?;
        runs.free.remove(&at);
        if run > size {
            runs.free.insert(at + size, run - size);
        }
        runs.alive += 1;
        runs.touched = true;
        drop(runs);
        Some(Buffer {
            arena: Some(Arc::clone(self)),
            at,
            size,
            len,
        })
    }

    fn give(&self, at: usize, size: usize) {
        let mut runs = self.runs();
        let (mut start, mut end) = (at, at + size);
        if let Some((before, len)) = runs.free.range(..at).next_back().map(|(a, l)| (*a, *l))
            && before + len == start
        {
            runs.free.remove(&before);
            start = before;
        }
        if let Some(after) = runs.free.remove(&end) {
            end += after;
        }
        runs.free.insert(start, end - start);
        runs.alive -= 1;
    }

    /// Gives the memory back to the kernel when no buffer is alive; called when a device idles.
    pub(crate) fn rest(&self) {
        let mut runs = self.runs();
        if runs.alive == 0 && std::mem::take(&mut runs.touched) {
            // The lock is held: no buffer can be cut while the pages go.
            self.advise(MmapAdvise::MADV_DONTNEED);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone and no buffer is alive, since each holds the arena.
        let _ = unsafe { munmap(self.base, self.mapped) };
    }
}

/// An aligned buffer. Sent to a driver it is moved, not copied; dropped, its pages are free again.
#[derive(Debug)]
pub struct Buffer {
    arena: Option<Arc<Arena>>,
    at: usize,
    size: usize,
    len: usize,
}

impl Buffer {
    /// A buffer of nothing, given back when a device has stopped.
    pub(crate) const fn empty() -> Self {
        Self {
            arena: None,
            at: 0,
            size: 0,
            len: 0,
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(arena) = &self.arena {
            arena.give(self.at, self.size);
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        let Some(arena) = &self.arena else { return &[] };
        let start = arena.address(self.at).as_ptr();
        // SAFETY: the run `at..at + size` is this buffer's alone until it is dropped, lies inside
        // the mapping, and is initialised (the kernel zeroes fresh pages).
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        let Some(arena) = &self.arena else {
            return &mut [];
        };
        let start = arena.address(self.at).as_ptr();
        // SAFETY: as in `as_ref`, and `&mut self` excludes every other reference to the run.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}

impl DeviceBuf for Buffer {}

#[cfg(test)]
mod tests;
