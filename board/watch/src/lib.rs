//! The machine watching itself: neighbour tables, memory, and the evidence a hang leaves. Readings
//! of this kernel enter; a [`Level`], its named cause, readings and recommended actions leave.
//!
//! Every judgement is a pure function of samples and of the caller's monotonic clock, so that it is
//! tested over recorded traces; sampling stands apart and needs no privilege. What cannot be read
//! is a named gap, never a panic and never a false alarm. Deliberately absent: a runtime, a log,
//! and every act that changes the machine. The daemon drives the clock, `board-net` acts; one
//! thread writes the black box, so that a drive that hangs does not stop the watch.

pub mod blackbox;
pub mod boot;
mod checksum;
pub mod error;
pub mod gap;
pub mod history;
pub mod level;
pub mod machine;
pub mod memory;
pub mod neighbour;
pub mod notify;
pub mod pstore;
mod scribe;
pub mod ticks;
pub mod watch;

pub use error::{Blame, Error};
pub use gap::Gap;
pub use level::Level;
pub use watch::{Cause, Now, Options, Past, Said, Step, Watch};
