//! The newest block this host knows, remembered across silence of the chain: a dead endpoint must
//! not stop uploads, and an old head only makes expiry later, never earlier.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last block number seen; 0 until the chain answered once.
#[derive(Debug, Default)]
pub struct HeadMemory {
    block: AtomicU64,
}

impl HeadMemory {
    /// Starts from a block remembered in the ledger, 0 when none is.
    #[must_use]
    pub const fn from_block(block: u64) -> Self {
        Self {
            block: AtomicU64::new(block),
        }
    }

    /// Remembers a block; an older one is ignored. Returns the newest.
    pub fn saw(&self, block: u64) -> u64 {
        self.block.fetch_max(block, Ordering::Relaxed).max(block)
    }

    /// The newest block known, or none when the chain never answered.
    #[must_use]
    pub fn block(&self) -> Option<u64> {
        match self.block.load(Ordering::Relaxed) {
            0 => None,
            block => Some(block),
        }
    }
}
