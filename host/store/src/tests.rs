//! The store on simulated disks. The machine under test is in `machine`, the power cuts in
//! `crash`.

mod crash;
mod machine;
mod volumes;
