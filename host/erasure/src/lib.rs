//! From a segment to shards and back: where each byte of a segment lies, and the parity that
//! makes any `data` of `data + parity` shards enough.
//!
//! Ciphertext enters and pieces leave, or pieces enter and ciphertext leaves; `Stripes` says
//! which bytes of which shard belong together, `Coder` does the arithmetic for one stripe at a
//! time. Memory is a few hundred kilobytes of working space plus the caller's own buffers,
//! whatever the segment's length. The layout is in docs/formats/erasure.md.
//!
//! Invariants: a geometry is checked before anything is allocated for it; how the arithmetic is
//! cut into runs never shows in the bytes; old stripes are read by the code that their geometry
//! names (`Matrix8` for new ones up to 256 shards, `Leopard16` for wider and older ones). What this
//! room deliberately does not do: check that a piece is the piece it claims to be. Pieces come from
//! verified units (see `host-proof`); the code itself would decode a forged piece into garbage
//! without a word.
#![deny(missing_docs)]

mod coder;
mod error;
mod leopard;
mod locator;
mod matrix;
mod matrix8;
mod stripes;

pub use coder::{Coder, Pieces};
pub use error::Error;
pub use stripes::{Run, Span, Stripe, Stripes};
