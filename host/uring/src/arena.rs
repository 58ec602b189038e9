//! The arena: one mapping a device, on huge pages where the kernel has them, from which all its
//! I/O buffers are cut.
//!
//! A device moves a megabyte that lies in one huge page as one segment instead of 256, which is
//! the largest single gain measured on this path. Memory is touched only as buffers need it and is
//! given back huge page by huge page once no buffer has used one for a while: a host that keeps
//! two small buffers for ever still returns what an hour of uploads took.
//!
//! Invariants: a run of pages belongs to at most one buffer; the mapping lives as long as any
//! buffer of it (each holds the arena); a huge page is given back only while no buffer lies in
//! it, and who registered it with a kernel object forgets that before the next operation (`rest`
//! names the pages; a registration keeps pointing at the memory from before).

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::raw::c_void;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use host_core::seams::DeviceBuf;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// Buffers begin at and are cut in multiples of this many bytes: a page, and the largest block a
/// direct device here asks for.
pub(crate) const PAGE: usize = 4096;
/// Bytes of a huge page on every machine served.
const HUGE: usize = 2 << 20;

/// Free runs by their first byte, and the state of every huge page.
#[derive(Debug)]
struct Runs {
    free: BTreeMap<usize, usize>,
    chunks: Vec<Chunk>,
    rested: Instant,
}

/// One huge page of the arena.
#[derive(Debug, Default, Clone)]
struct Chunk {
    /// Buffers that lie in it.
    alive: usize,
    /// Whether it may hold memory.
    touched: bool,
    /// Whether a buffer was cut or dropped here since the last rest.
    used: bool,
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
    /// How long a huge page stays unused before it is given back.
    patience: Duration,
    runs: Mutex<Runs>,
}

// SAFETY: the mapping is plain memory without thread affinity; who may touch which part of it is
// decided by `runs`, which is behind a lock.
unsafe impl Send for Arena {}
// SAFETY: as above; shared access hands out disjoint runs only.
unsafe impl Sync for Arena {}

impl Arena {
    /// Maps an arena of at least `len` bytes, whose pages are given back after `patience` (and at
    /// most twice that) without use. Nothing is touched yet.
    pub(crate) fn map(len: usize, patience: Duration) -> std::io::Result<Arc<Self>> {
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
            chunks: vec![Chunk::default(); len / HUGE],
            rested: Instant::now(),
        };
        let arena = Self {
            base,
            mapped,
            start,
            len,
            patience,
            runs: Mutex::new(runs),
        };
        arena.advise(0, len, MmapAdvise::MADV_HUGEPAGE);
        Ok(Arc::new(arena))
    }

    /// The address of byte `at` of the usable part.
    fn address(&self, at: usize) -> NonNull<u8> {
        debug_assert!(at <= self.len);
        // SAFETY: `start + at` lies inside the mapping: `start < HUGE`, `at <= len`, and
        // `mapped = len + HUGE`.
        unsafe { self.base.cast::<u8>().add(self.start + at) }
    }

    /// Tells the kernel something about a part; advice that is refused is no loss.
    fn advise(&self, at: usize, len: usize, advice: MmapAdvise) {
        // SAFETY: the range lies in our own mapping; MADV_DONTNEED, which drops content, is only
        // used while no buffer lies in it (see `rest`).
        let _ = unsafe { madvise(self.address(at).cast(), len, advice) };
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Huge pages of the usable part.
    pub(crate) const fn chunks(&self) -> usize {
        self.len / HUGE
    }

    /// Address and length of a huge page, for registration with a ring.
    pub(crate) fn chunk(&self, index: usize) -> (*mut u8, usize) {
        debug_assert!(index < self.chunks());
        (self.address(index * HUGE).as_ptr(), HUGE)
    }

    /// How long an unused huge page is kept.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Cuts a buffer of `len` bytes, the lowest that fits, so that little memory is ever touched;
    /// inside one huge page wherever there is room for that. None when the arena is full.
    pub(crate) fn cut(self: &Arc<Self>, len: usize) -> Option<Buffer> {
        let size = len.max(1).next_multiple_of(PAGE);
        let mut runs = self.runs();
        let at = runs.place(size)?;
        runs.take(at, size);
        runs.mark(at, size, |chunk| chunk.alive += 1);
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
        runs.put(at, size);
        runs.mark(at, size, |chunk| chunk.alive -= 1);
    }

    /// Gives back, when a rest is due, the huge pages that no buffer has used since the last one,
    /// and returns their numbers. A caller that registered one forgets it before its next
    /// operation, or the kernel would move the old memory.
    pub(crate) fn rest(&self) -> Vec<usize> {
        let mut runs = self.runs();
        if runs.rested.elapsed() < self.patience {
            return Vec::new();
        }
        runs.rested = Instant::now();
        let mut given = Vec::new();
        for (index, chunk) in runs.chunks.iter_mut().enumerate() {
            let used = std::mem::take(&mut chunk.used);
            if chunk.touched && !used && chunk.alive == 0 {
                // The lock is held: no buffer can be cut while the page goes.
                self.advise(index * HUGE, HUGE, MmapAdvise::MADV_DONTNEED);
                chunk.touched = false;
                given.push(index);
            }
        }
        given
    }

    /// Huge pages that may hold memory.
    #[cfg(test)]
    pub(crate) fn touched(&self) -> usize {
        let runs = self.runs();
        runs.chunks.iter().filter(|chunk| chunk.touched).count()
    }
}

impl Runs {
    /// Where `size` bytes are free, lowest first, preferring a place inside one huge page.
    fn place(&self, size: usize) -> Option<usize> {
        let within = |(start, run): (&usize, &usize)| {
            let left = HUGE - start % HUGE;
            let at = if size <= left { *start } else { start + left };
            (size <= HUGE && at + size <= start + run).then_some(at)
        };
        let across = |(start, run): (&usize, &usize)| (size <= *run).then_some(*start);
        let mut free = self.free.iter();
        free.find_map(within)
            .or_else(|| self.free.iter().find_map(across))
    }

    /// Takes `at..at + size` out of the free run it lies in.
    fn take(&mut self, at: usize, size: usize) {
        let run = self.free.range(..=at).next_back().map(|(a, l)| (*a, *l));
        let (start, len) = run.expect("place names a part of a free run");
        self.free.remove(&start);
        if at > start {
            self.free.insert(start, at - start);
        }
        if start + len > at + size {
            self.free.insert(at + size, start + len - at - size);
        }
    }

    /// Frees `at..at + size`, joining it with free neighbours.
    fn put(&mut self, at: usize, size: usize) {
        let (mut start, mut end) = (at, at + size);
        if let Some((before, len)) = self.free.range(..at).next_back().map(|(a, l)| (*a, *l))
            && before + len == start
        {
            self.free.remove(&before);
            start = before;
        }
        if let Some(after) = self.free.remove(&end) {
            end += after;
        }
        self.free.insert(start, end - start);
    }

    /// Notes a use of the huge pages under `at..at + size`.
    fn mark(&mut self, at: usize, size: usize, note: impl Fn(&mut Chunk)) {
        let (first, last) = (at / HUGE, (at + size - 1) / HUGE);
        for chunk in self.chunks.iter_mut().take(last + 1).skip(first) {
            note(chunk);
            (chunk.touched, chunk.used) = (true, true);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone and no buffer is alive, since each holds the arena.
        let _ = unsafe { munmap(self.base, self.mapped) };
    }
}

/// Has the C library give the pages back that its heap keeps free: what passed through a device
/// passed through the heap before, and 64 uploads leave 28 MiB there for good otherwise. Cost: a
/// walk over the heap, some milliseconds at most. Other C libraries keep less and have no such
/// call.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes a number alone, locks the heap itself and may be made by any thread.
    unsafe {
        libc::malloc_trim(0)
    };
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

    /// The huge page the buffer lies in, if it lies in one alone.
    pub(crate) const fn chunk(&self) -> Option<usize> {
        let inside = self.size > 0 && self.at % HUGE + self.size <= HUGE;
        if inside { Some(self.at / HUGE) } else { None }
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
