//! Programs that run for a network, off the box: the hub, the status server and the guard.
//!
//! What enters: a network file, an identity key, conversations from `host_net`. What leaves: the
//! directory of hosts, page by page, and one file that keeps it across restarts. Invariant:
//! nothing is listed that its host did not sign for this network. What this room deliberately does
//! not do: vouch for a host. A hub's list is a claim that the renter recomputes.

pub mod clock;
pub mod error;
pub mod guard;
pub mod hub;
pub mod identity;
pub mod settings;
pub mod status;

pub use error::Error;
