//! The tier `it`: real programs as separate processes on loopback, asked as people ask them.
//!
//! Each file is one subject, each test one fact. Towns that nothing breaks are shared; a test that
//! kills, cuts or corrupts builds its own. All children end with this process and the directory
//! goes with it.

#[path = "../support/stage.rs"]
mod stage;

mod absent;
mod accusing;
mod alerts;
mod behind;
mod capture;
mod cheques;
mod claiming;
mod coming;
#[cfg(feature = "containers")]
mod containers;
mod copies;
mod costs;
mod drives;
mod elsewhere;
mod escrow;
mod firsts;
mod fleets;
mod gets;
mod guarding;
mod homes;
mod leases;
mod leasing;
mod leaving;
mod liars;
mod losses;
mod memory;
mod mirroring;
mod money;
mod objects;
mod operator;
mod prices;
mod private;
mod reads;
mod recovery;
mod releases;
mod rooms;
mod sessions;
mod sharing;
mod signer;
mod silence;
mod startup;
mod telling;
mod uploads;
mod watching;

/// Blocks of an epoch. Long: transactions make blocks, and a term must not begin in an epoch
/// already gone.
const EPOCH_BLOCKS: u64 = 200;
