//! The client halves of every conversation with a host or a hub: what renter, guard and gateway
//! share. Each file is one conversation and takes the network through the `Peers` seam.
//!
//! Invariants: nothing a peer says is believed before it is checked here (signatures on
//! agreements and receipts, unit roots against the shard id, every unit against its root); every
//! wait is bounded by the link's own silence bound. What this room does not do: choose peers,
//! keep facts, or decide what to pay.

pub mod challenge;
pub mod delete;
pub mod download;
pub mod error;
pub mod guard;
pub mod hub;
pub mod inclusion;
pub mod info;
mod link;
pub mod pay;
pub mod records;
pub mod upload;

pub use error::Error;
