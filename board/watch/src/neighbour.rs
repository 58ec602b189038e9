//! The kernel's neighbour tables: one for IPv4, one for IPv6, shared by every network namespace.
//!
//! Enters: what RTM_GETNEIGHTBL says of the whole kernel and RTM_GETNEIGH of our own namespace,
//! once a second. Leaves: a [`Verdict`] with the level, the cause, who holds the table, and what to
//! do. A table that is full drops datagrams silently and breaks name resolution, while `arp` shows
//! nothing: its entries stand in other namespaces. Not done here: any change of a table.

mod actions;
mod dial;
mod judge;
mod kernels;
mod links;
mod sample;
mod socket;
mod wire;

use std::time::Duration;

use crate::Error;

pub use actions::{Action, WIDE, WIDEST};
pub use dial::{DialBudget, dial_ceiling, safe_rate};
pub use judge::{Alarm, Cause, FILL, Holder, Judge, Reading, Verdict, What};
pub use kernels::{Fault, kernel_faults};
pub use links::own_links;
pub use sample::{Drops, OwnEntries, Sample};
pub use socket::Sampler;
pub use wire::{Family, Stats, Table};

/// Own entries are counted at least this often; more often while a table fills.
const COUNT_PAUSE: Duration = Duration::from_secs(10);

/// Sampler and judge together: what a daemon steps once a second.
#[derive(Debug, Default)]
pub struct Neighbours {
    sampler: Sampler,
    judge: Judge,
    counted: Option<Duration>,
    /// What our namespace failed to send since boot, as last read.
    drops: Option<Drops>,
}

impl Neighbours {
    /// Looks and judges at `at`, monotonic. Cost: one dump, about 50 us; a second one while a table
    /// fills, about 1 us an entry of our own namespace.
    ///
    /// # Errors
    /// As [`Sampler::look`]; the next step begins anew.
    pub fn step(&mut self, at: Duration) -> Result<Verdict, Error> {
        let due = self
            .counted
            .is_none_or(|last| at.saturating_sub(last) >= COUNT_PAUSE);
        let mut sample = self.sampler.look(due)?;
        if !due && self.judge.wants_entries(&sample) {
            sample = self.sampler.look(true)?;
        }
        if sample.own.is_some() {
            self.counted = Some(at);
        }
        self.drops = sample.drops;
        Ok(self.judge.judge(at, &sample))
    }

    /// What our namespace failed to send since boot, as last read.
    #[must_use]
    pub const fn drops(&self) -> Option<Drops> {
        self.drops
    }
}

/// The name of an interface of our own namespace, by its index: what [`Holder::Ours`] names.
#[must_use]
pub fn interface_name(index: u32) -> Option<String> {
    let name = nix::net::if_::if_indextoname(index).ok()?;
    name.into_string().ok().filter(|name| !name.is_empty())
}
