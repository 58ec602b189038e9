//! When a host has had long enough: a pure rule over what the other shards of the segment took.
//!
//! A host is left when nothing moved for a while, or when enough shards are complete and it takes
//! a multiple of what half of them took. The first protects against the dead, the second against
//! the slow, and it is relative, because only the others can tell what a fair time is here and
//! today. Whoever holds a cheque of ours is never judged.

use std::time::Duration;

use crate::fault::Fault;

/// Longest time without a frame, a receipt or an answer while another host could take the shard.
const STALL: Duration = Duration::from_secs(12);
/// The same when no other host is left.
const STALL_ALONE: Duration = Duration::from_secs(30);
/// A host may take this many times what half of the others took.
const TIMES: u32 = 3;
/// And this much more: on a fast network a multiple of nearly nothing says nothing.
const FLOOR: Duration = Duration::from_secs(2);

/// What the shards of one segment took so far.
#[derive(Debug)]
pub(super) struct Pace {
    taken: Vec<Duration>,
    enough: usize,
}

impl Pace {
    /// `enough` shards must be complete before anybody is called slow.
    pub(super) const fn new(enough: usize) -> Self {
        Self {
            taken: Vec::new(),
            enough,
        }
    }

    /// A shard is complete after `span`.
    pub(super) fn note(&mut self, span: Duration) {
        let at = self.taken.partition_point(|known| *known <= span);
        self.taken.insert(at, span);
    }

    /// Why a host that has worked for `elapsed` and moved nothing for `idle` is to be left, if it
    /// is. `spare` says that another one could take the shard.
    pub(super) fn judge(&self, elapsed: Duration, idle: Duration, spare: bool) -> Option<Fault> {
        let stall = if spare { STALL } else { STALL_ALONE };
        if idle >= stall {
            return Some(Fault::Stalled { idle });
        }
        let median = *self.taken.get(self.taken.len() / 2)?;
        let behind = elapsed >= median.saturating_mul(TIMES).saturating_add(FLOOR);
        let known = self.taken.len() >= self.enough.max(1);
        (spare && known && behind).then_some(Fault::Slow { elapsed, median })
    }
}

#[cfg(test)]
mod tests;
