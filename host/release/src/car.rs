//! Trees as CAR files (content-addressed archives, version 1) of UnixFS, so that a release moves
//! between Holdfast and whatever speaks IPFS: docs/formats/car.md.
//!
//! Enters: files in the order of their paths, or an archive that nobody vouches for. Leaves: the
//! archive and its root, or the files, each block held to its CID. Invariants: the same files give
//! the same bytes and the same root; reading writes nothing outside its folder and no more bytes
//! than it is allowed. Does not: fetch blocks, speak to IPFS, keep empty folders or modes.

mod dag;
mod read;
mod write;

pub use read::{Unpacked, unpack as car_unpack};
pub(crate) use write::CarWriter;
pub use write::{CarStream, pack as car_pack};

/// Bytes of a leaf: the `unixfs-v1-2025` profile.
const LEAF: usize = 1 << 20;
/// Links of an inner node of a file.
const LINKS: usize = 1024;
/// Longest block that is written or read: what exchanges of blocks carry.
const BLOCK_MAX: usize = 2 << 20;

#[cfg(test)]
mod tests;
