//! The hub: hosts announce themselves, anyone reads the list and what the hub counted.
//! `directory` and `witness` are the pure parts (the clock is passed in), `serve` holds the
//! conversations, `snapshot` keeps lists on disk.

pub mod days;
pub mod directory;
pub mod serve;
pub mod snapshot;
pub mod witness;

pub use days::Days;
pub use directory::{Directory, Page};
pub use serve::{Hub, serve};
pub use witness::{Caller, Witness};
