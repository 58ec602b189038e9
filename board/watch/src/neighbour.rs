//! The kernel's neighbour tables: one for IPv4, one for IPv6, shared by every network namespace.
//!
//! Enters: what RTM_GETNEIGHTBL says of the whole kernel and RTM_GETNEIGH of our own namespace,
//! once a second. Leaves: a [`Verdict`] with the level, the cause, who holds the table, and what to
//! do. A table that is full drops datagrams silently and breaks name resolution, while `arp` shows
//! nothing: its entries stand in other namespaces. Not done here: any change of a table.

mod actions;
mod dial;
mod judge;
mod sample;
mod socket;
mod wire;

pub use actions::{Action, WIDE, WIDEST};
pub use dial::{DialBudget, dial_ceiling, safe_rate};
pub use judge::{Alarm, Cause, Holder, Judge, Reading, Verdict, What};
pub use sample::{Drops, OwnEntries, Sample};
pub use socket::Sampler;
pub use wire::{Family, Stats, Table};
