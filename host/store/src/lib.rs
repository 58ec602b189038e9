//! Shard bytes on volumes: extents in, verified units out, and the fact rings of the ledger.
//!
//! Generic over the `Device` seam. Invariants: nothing is overwritten in place; an allocation is
//! a reservation in memory until the shard's commit; an extent's header is written last; space of
//! a removed shard is used again only after that commit and not while a reader holds it; no byte
//! leaves that does not verify against the shard's name. What this room does not do: decide who
//! may store (agreement), remember facts (ledger), name a driver (uring).
#![deny(missing_docs)]

mod asked;
mod block;
pub mod drive;
mod error;
mod evacuate;
mod extent;
mod label;
mod layout;
pub mod pace;
mod read;
mod ring;
mod scrub;
pub mod simulated;
mod space;
mod store;
mod volume;
mod write;

pub use asked::AskedLeaves;
pub use error::Error;
pub use evacuate::Moved;
pub use label::{Label, format, grow, label, length};
pub use read::{Run, ShardReader};
pub use scrub::{Checked, Outcome};
pub use space::Reservation;
pub use store::Store;
pub use write::{Sealed, Writer};

#[cfg(test)]
extern crate self as host_store;
#[cfg(test)]
mod tests;
