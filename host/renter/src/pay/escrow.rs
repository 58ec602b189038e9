//! What the escrow gives back: the price of missed epochs, and everything left of agreements that
//! are over, also of those that were made and never used.
//!
//! Looked at once an epoch in a run; the chain alone remembers what came back, so a run that was
//! cut off loses nothing. Does not: pay anybody.

use std::sync::atomic::Ordering;

use futures::stream::{self, StreamExt, TryStreamExt};
use host_core::Amount;
use host_core::agreement::Agreement;

use crate::Inner;
use crate::error::Error;

/// Agreements looked at side by side.
const LOOKS_AT_ONCE: usize = 8;

/// Takes back what `locked` agreements give back at `epoch`. Returns the sum.
pub(super) async fn take_back(
    inner: &Inner,
    locked: &[Agreement],
    epoch: u64,
) -> Result<Amount, Error> {
    if locked.is_empty() || inner.escrow_looked.load(Ordering::Acquire) > epoch {
        return Ok(Amount::ZERO);
    }
    let escrow = inner.escrow()?;
    // Made before they are polled: a closure held over an await would bind the future to a thread.
    let looks = locked.iter().map(|terms| escrow.take_back(terms, epoch));
    let looks: Vec<_> = looks.collect();
    let looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
    let sum = looks
        .map_err(Error::from)
        .try_fold(
            Amount::ZERO,
            |sum, one| async move { Ok(sum.plus(one.amount)?) },
        );
    let sum = sum.await?;
    inner.escrow_looked.store(epoch + 1, Ordering::Release);
    Ok(sum)
}
