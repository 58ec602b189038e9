//! The life of a storage agreement on the host's side: which terms are admitted, when an
//! agreement has ended, and which one frees its bytes.
//!
//! Everything here judges values: the current epoch and the host's policy come in, a verdict goes
//! out. Time is the chain's (epochs); the wall clock never ends an agreement. What this room does
//! not do: talk to peers (`session`), move money (`settle`) or touch bytes (`store`).

pub mod admit;
pub mod error;
pub mod expire;
pub mod forget;

pub use admit::{Policy, START_SLACK, check_terms};
pub use error::Error;
