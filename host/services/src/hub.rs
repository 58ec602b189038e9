//! The hub: hosts announce themselves, anyone reads the list. `directory` is the pure part (the
//! clock is passed in), `serve` holds the conversations, `snapshot` keeps the list on disk.

pub mod directory;
pub mod serve;
pub mod snapshot;

pub use directory::{Directory, Page};
pub use serve::{Hub, serve};
