//! The tier `gateway`: clients that others wrote against the S3 service of a renter, over a town
//! of real hosts. The clients come from the system's packages; `cargo verify gateway` installs
//! them where they are missing.

#[path = "../support/stage.rs"]
#[allow(dead_code, unused_imports, reason = "other test programs use the rest")]
mod stage;

mod acts;
mod bills;
mod classed;
mod clients;
mod database;
mod deleting;
mod early;
mod engines;
mod faults;
mod fellows;
mod lasting;
mod local;
mod mirroring;
mod page;
mod pages;
mod served;

/// Blocks of an epoch. Long: transactions make blocks, and a term must not begin in an epoch
/// already gone.
const EPOCH_BLOCKS: u64 = 200;
