//! How often something may happen: a bucket of tokens, and a pause between two acts.
//!
//! Enters: the monotonic clock. Leaves: a yes, or how long to wait. Pure.

use std::time::Duration;

/// At most `most` at once, one more each `every`.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    every: Duration,
    most: u32,
    spent: Duration,
}

impl Bucket {
    pub(crate) const fn new(most: u32, every: Duration) -> Self {
        Self {
            every,
            most,
            spent: Duration::ZERO,
        }
    }

    /// Takes one at `at`. Errors with the time until there is one.
    pub(crate) fn take(&mut self, at: Duration) -> Result<(), Duration> {
        // `spent` is the moment at which the bucket is full again.
        let next = self.spent.max(at) + self.every;
        let full = at + self.every * self.most;
        if next > full {
            return Err(next.saturating_sub(full));
        }
        self.spent = next;
        Ok(())
    }
}

/// Once in `pause`.
pub(crate) fn once(last: &mut Option<Duration>, at: Duration, pause: Duration) -> Option<Duration> {
    if let Some(last) = *last {
        let since = at.saturating_sub(last);
        if since < pause {
            return Some(pause.saturating_sub(since));
        }
    }
    *last = Some(at);
    None
}

#[cfg(test)]
mod tests;
