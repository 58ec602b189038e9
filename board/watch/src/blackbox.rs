//! The black box: one line every ten seconds, so that a machine that hung can say how it was.
//!
//! Enters: lines of readings. Leaves: after an unclean boot, the last lines. Layout: see
//! docs/formats/blackbox.md. Invariants: the file never grows, each line stands in its own sector
//! with its own checksum, and what cannot be read is passed over.

mod line;
mod ring;

pub use line::{Line, Mark, Tables};
pub use ring::{BlackBox, LastEnd};
