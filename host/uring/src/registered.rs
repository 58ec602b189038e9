//! Which huge pages of an arena a ring knows by number, so that the kernel need not pin their
//! memory anew for every operation.
//!
//! A page is registered when first used, because registering touches and pins all of it: a whole
//! arena at start would make an idle device cost its bound. Where the memlock limit refuses
//! (8 MiB a user is common), buffers are passed by address, which costs a tenth more CPU.
//!
//! Invariant: a registered page is the memory the process sees at its address. The owner calls
//! `forget` for every page the arena gives back, before it submits anything else.

use io_uring::IoUring;
use tracing::debug;

use crate::arena::Arena;

/// The ring's table of buffers, an entry a huge page.
#[derive(Debug)]
pub(crate) struct Registered {
    known: Vec<bool>,
    /// Whether the kernel still takes pages.
    open: bool,
    /// Whether the ring has a table at all.
    table: bool,
}

impl Registered {
    /// An empty table for `chunks` pages; kernels before 5.19 have none.
    pub(crate) fn none_yet(ring: &IoUring, chunks: usize) -> Self {
        let count = u32::from(u16::try_from(chunks).unwrap_or(u16::MAX));
        let table = count > 0 && ring.submitter().register_buffers_sparse(count).is_ok();
        Self {
            known: vec![false; usize::try_from(count).unwrap_or(0)],
            open: table,
            table,
        }
    }

    /// The number under which the ring knows a page, registering it if that is still possible.
    pub(crate) fn number(
        &mut self,
        ring: &IoUring,
        arena: &Arena,
        chunk: usize,
        path: &str,
    ) -> Option<u16> {
        let known = self.known.get_mut(chunk)?;
        if !*known && self.open {
            match set(ring, chunk, arena.chunk(chunk)) {
                Ok(()) => *known = true,
                Err(error) => {
                    self.open = false;
                    debug!(path, err = %error, chunk, "buffers are not registered");
                }
            }
        }
        if *known {
            u16::try_from(chunk).ok()
        } else {
            None
        }
    }

    /// Takes a page off the table, since its memory was given back.
    pub(crate) fn forget(&mut self, ring: &IoUring, chunk: usize) {
        let Some(known) = self.known.get_mut(chunk).filter(|known| **known) else {
            return;
        };
        // Were this refused, the number would name old memory: then it is never used again.
        match set(ring, chunk, (std::ptr::null_mut(), 0)) {
            Ok(()) => {
                *known = false;
                self.open = self.table;
            }
            Err(_) => self.known.clear(),
        }
    }
}

/// Puts memory, or nothing, into an entry of the table.
fn set(ring: &IoUring, chunk: usize, (start, len): (*mut u8, usize)) -> std::io::Result<()> {
    let part = libc::iovec {
        iov_base: start.cast(),
        iov_len: len,
    };
    let entry = u32::try_from(chunk).unwrap_or(u32::MAX);
    // SAFETY: the range is a huge page of the arena, whose mapping the driver keeps until after
    // the ring, or nothing at all.
    unsafe {
        ring.submitter()
            .register_buffers_update(entry, &[part], None)
    }
}
