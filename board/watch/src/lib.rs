//! The machine watching itself: neighbour tables, memory, and the evidence a hang leaves. Readings
//! of this kernel enter; a [`Level`], its named cause, readings and recommended actions leave.
//!
//! Every judgement is a pure function of samples and of the caller's monotonic clock, so that it is
//! tested over recorded traces; sampling stands apart and needs no privilege. What cannot be read
//! is a named gap, never a panic and never a false alarm. Deliberately absent: a runtime, a log, a
//! thread, and every act that changes the machine. The daemon drives the clock, `board-net` acts.

pub mod error;
pub mod gap;
pub mod level;
pub mod memory;
pub mod neighbour;

pub use error::{Blame, Error};
pub use gap::Gap;
pub use level::Level;
