//! The store on simulated disks. The machine under test is in `machine`, the power cuts in
//! `crash`.

/// Seeds of power cuts in the unit tier; the crash tier runs the same file with thousands.
const SEEDS: u64 = 150;

mod asked;
mod crash;
mod drives;
mod machine;
mod volumes;
