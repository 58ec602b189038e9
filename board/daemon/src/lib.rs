//! The privileged programs of a box: `board-net` may change neighbour tables, `board-nvme` may
//! read health pages and open claimed drives.
//!
//! Enters: requests of `board-wire` from users named at the start. Leaves: acts within the verbs'
//! bounds, checked here again whatever the asker checked. Invariants: one thread, no runtime, one
//! capability, a list of system calls ([`filter`]); nothing a client says is a path, a device
//! number, an opcode or a number of the kernel that was not looked up here. Not done here: any
//! decision about when to act; that is the watch's.

pub mod claims;
pub mod error;
pub mod filter;
pub mod net;
pub mod netlink;
pub mod nvme;
mod pace;
pub mod privilege;
pub mod server;
pub mod start;

pub use error::{Blame, Error};
