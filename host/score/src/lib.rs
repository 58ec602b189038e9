//! How good a host is, in thousandths of a point, from what observers signed
//! (docs/formats/score.md).
//!
//! What enters: counts of observers (`host_core::witness`), the network's rules and a moment. What
//! leaves: facts, a score of five parts, and for each missing point its cause and what mends it.
//! Invariants: pure and in integers, so that two programs never differ; an observer moves a merged
//! fact by its own weight and no more. What this room deliberately does not do: read anything,
//! check signatures (the types of core do), or choose hosts.

mod bands;
mod explain;
mod facts;
mod lane;
mod speed;

pub use bands::{PARTS, POINTS, Part, Score, score};
pub use explain::{Missing, explain};
pub use facts::{Facts, facts, merge};
pub use lane::{Lane, lane};
pub use speed::{Line, OWN_GROUP, middle};
