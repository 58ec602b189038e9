//! What a supported box is: drives, cores, memory, network ports, kernel thresholds.
//!
//! Enters: the text of a machine file (board/machines/*.toml) and a way to get the text of the one
//! it inherits from. Leaves: [`BoardSpec`], complete and checked. Pure: no file is opened here, no
//! machine is looked at; `holdfast doctor` and the image compare. A file's existence in
//! board/machines means that the box is supported.

mod board;
pub mod error;
mod load;
mod size;

pub use board::{
    BoardSpec, Bus, Cores, Drives, Firmware, Kernel, Memory, Neighbours, Nics, Watchdog,
};
pub use error::{Blame, Error};
pub use load::{INHERIT_MAX, parse};
pub use size::Size;
