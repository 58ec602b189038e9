//! The dataset of a host: one append-only Merkle structure over all its agreements, with the byte
//! sum and the last end epoch of every subtree in its parent. The byte rules stand in
//! docs/formats/dataset.md; the contract on the chain computes the same from the same bytes.
//!
//! Leaves and batches enter, what the host sends to the chain leaves: batch roots, lists of
//! peaks, inclusion proofs, and the answers to a period's draws (`prove_draws`). `judge` is the
//! contract's verdict on such answers, so that a host never sends a proof that would be refused.
//!
//! Invariants: everything is pure; memory is a few hashes for each batch and each asked leaf, never
//! one for each leaf of the dataset, because leaves are streamed; what came from outside is
//! measured before anything is believed or allocated.
//!
//! What this room deliberately does not do: keep anything, know who signed an agreement, read
//! shards or chains.

mod answer;
mod batch;
mod entry;
mod history;
mod inclusion;
mod path;
mod peaks;

pub use answer::{Answer, Asked, Drawn, Shelves, draw, draws, judge, prove_draws, prove_inclusion};
pub use batch::{Batch, Found, batch_root, trace};
pub use entry::{ENTRY_LEN, Entry, LEAF_BODY_LEN, Leaf, SUM_MAX};
pub use history::History;
pub use inclusion::Inclusion;
pub use path::{Path, STEPS_MAX, Step};
pub use peaks::{PEAKS_MAX, Peaks};
