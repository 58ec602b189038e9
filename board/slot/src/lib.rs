//! Two slots of a system disk: which one runs, which one is tried, which one is kept.
//!
//! Enters: firmware variables, the command line of the image, blocks of the slot partitions.
//! Leaves: decisions, and the exact sequence of writes that carries them out. What is written is
//! ordered so that a power cut between any two steps leaves a machine that starts a good version;
//! `plan` is the pure half and is tested exhaustively, `efivars` and `slots` touch the machine.
//! Deliberately absent: networks, signatures and health (image/update), file systems, a runtime.

pub mod cmdline;
pub mod counter;
pub mod efivars;
pub mod entry;
pub mod error;
mod flags;
pub mod names;
pub mod plan;
pub mod slots;
pub mod table;

pub use error::{Blame, Error};
pub use names::Slot;
