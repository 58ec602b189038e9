//! The proof tree of a shard: one SHA-256 tree over leaves of 256 bytes, whose root and length
//! together are the shard's name.
//!
//! Shard bytes and lists of hashes enter, verdicts leave. Three parties use the same few
//! functions: a writer builds the tree while bytes pass (`TreeBuilder`), a reader checks the list
//! of unit nodes against the name and then each 64 KiB unit against the list (`check_units`,
//! `check_unit`), and a judge checks one leaf against the name (`verify`), which is also what the
//! contract on the chain computes. The byte rules stand in docs/formats/proof.md.
//!
//! Invariants: depth follows from the length, so a node can never be shown where a leaf belongs;
//! memory is one hash a unit and at most 256 leaf hashes, whatever the shard's size; every length
//! that came from outside is checked before anything is allocated for it.
//!
//! The same `verify` judges challenges off chain (`judge`), and whoever checks a guard's verdict.
//!
//! Over the shards of one host stands its `dataset`: what the chain keeps of them, which leaves a
//! period's seed draws, and the answers (docs/formats/dataset.md).
//!
//! What this room deliberately does not do: read files or talk to a chain.
#![deny(missing_docs)]

pub mod dataset;
mod error;
mod judge;
mod leaf;
mod node;
mod shape;
mod tree;
mod unit;

pub use error::Error;
pub use judge::{check_verdict, draw, judge};
pub use leaf::{LeafProof, prove, verify};
pub use shape::{LEAVES_PER_UNIT, UNIT_LEVEL, depth, leaf_count, unit_count, unit_len};
pub use tree::{Tree, TreeBuilder, shard_id};
pub use unit::{check_unit, check_units, unit_node};
