//! The time of agreements: epochs counted in blocks of the chain. The wall clock never ends an
//! agreement, and without a chain nothing expires.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How blocks become epochs; stands in the network file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRule {
    /// The block at which epoch 0 begins.
    pub genesis_block: u64,
    /// Blocks of one epoch (one day on the public network, 20 in a demo).
    pub epoch_blocks: u64,
    /// Seconds one block takes on average; used only to turn days into epochs for a quote.
    pub block_seconds: u64,
    /// Epochs after the end during which bytes are still kept.
    pub grace_epochs: u64,
    /// Blocks after which a block is held final.
    pub depth: u64,
}

/// A span of epochs, both ends included in `start..end` fashion: the end epoch is not stored for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct EpochSpan {
    /// First epoch.
    #[n(0)]
    pub start: u64,
    /// First epoch after the span.
    #[n(1)]
    pub end: u64,
}

impl EpochRule {
    /// The epoch of a block: floor((block - genesis) / epoch_blocks); 0 before genesis.
    #[must_use]
    pub const fn epoch_of(&self, block: u64) -> u64 {
        let blocks = if self.epoch_blocks == 0 {
            1
        } else {
            self.epoch_blocks
        };
        block.saturating_sub(self.genesis_block) / blocks
    }

    /// Epochs that cover `days` days, at least 1. Errors when the product leaves 64 bits.
    pub fn epochs_of_days(&self, days: u64) -> Result<u64, Error> {
        let seconds = self
            .epoch_blocks
            .max(1)
            .saturating_mul(self.block_seconds.max(1));
        let wanted = days.checked_mul(86_400).ok_or(Error::Overflow {
            what: "term in days",
        })?;
        Ok(wanted.div_ceil(seconds).max(1))
    }

    /// Whether the bytes of an agreement ending at `end_epoch` may be given up at head `block`:
    /// a block at depth D must be past the end plus grace.
    #[must_use]
    pub const fn is_past(&self, end_epoch: u64, block: u64) -> bool {
        let settled = block.saturating_sub(self.depth);
        self.epoch_of(settled) >= end_epoch.saturating_add(self.grace_epochs)
    }
}
