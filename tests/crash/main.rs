//! The tier `crash`: nothing acknowledged is lost and no space leaks, whatever ends the program.
//!
//! `crash` cuts the power of simulated disks (the room's own file, here with thousands of seeds);
//! `kill` ends real processes on real files with SIGKILL; `devices` fails real descriptors.

#![allow(clippy::unwrap_used)]

/// Seeds of power cuts, three lives each. `HOLDFAST_SEEDS` asks for another number.
const SEEDS: u64 = 3000;

#[path = "../../host/store/src/tests/crash.rs"]
mod crash;
mod devices;
#[path = "../../host/store/src/tests/drives.rs"]
mod drives;
mod kill;
#[path = "../../host/store/src/tests/machine.rs"]
mod machine;
