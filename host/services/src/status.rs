//! The status server: it remembers. What hosts say to it is what they say to hubs; beside the
//! counts it keeps a signed root a day, and a page, figures and roots anyone can read over HTTP.
//!
//! `door` serves HTTP, `page` draws, `metrics` writes OpenMetrics, `picture` is what all three are
//! made from. Nothing can be changed over HTTP.

pub mod door;
mod metrics;
mod page;
mod picture;

pub use picture::{Picture, SAMPLES_MAX, Sample};
