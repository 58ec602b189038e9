//! The loop that forgets what ended long ago, one page at a time (`host_agreement::forget`).
//!
//! Invariant: it starts late and works in small commits, so neither a start nor an upload waits
//! for it. Without a known block nothing is forgotten.

use std::sync::Arc;
use std::time::Duration;

use host_agreement::forget::Walk;
use host_core::epoch::EpochRule;
use tracing::{info, warn};

use crate::assemble::HostDesk;
use crate::config::Storage;
use crate::supervise::Stopping;

/// Between two pages: a million ended agreements are walked in about three days.
const EVERY: Duration = Duration::from_secs(60);

/// The first end epoch that is kept at head `block`; none keeps everything.
fn first_kept(rule: &EpochRule, block: u64, keep: Duration) -> Option<u64> {
    if keep.is_zero() || block <= rule.genesis_block {
        return None;
    }
    let seconds = rule.epoch_blocks.saturating_mul(rule.block_seconds).max(1);
    let epochs = keep.as_secs().div_ceil(seconds);
    rule.epoch_of(block).checked_sub(epochs)
}

/// Forgets until told to end.
pub(crate) async fn keep(desk: Arc<HostDesk>, storage: Storage, mut stopping: Stopping) {
    let mut walk = Walk::default();
    while stopping.sleep(EVERY).await {
        if let Some(before) = first_kept(desk.epoch_rule(), desk.block_known(), storage.keep_ended)
        {
            match walk.agreements(desk.ledger(), before).await {
                Ok(0) => {}
                Ok(count) => info!(count, before, "ended agreements forgotten"),
                Err(err) => warn!(err = %err, "forgetting failed, will be repeated"),
            }
        }
        let span = u64::try_from(storage.keep_peers.as_millis()).unwrap_or(u64::MAX);
        if span > 0 {
            let before_ms = desk.clock().wall_ms().saturating_sub(span);
            if let Err(err) = walk.peers(desk.ledger(), before_ms).await {
                warn!(err = %err, "forgetting peers failed, will be repeated");
            }
        }
    }
}
