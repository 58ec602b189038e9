//! Arithmetic on many lanes at once: SHA-256 of many equal messages, and products of matrices
//! over GF(2^8) with long rows of bytes.
//!
//! Byte slices enter, byte slices are filled. What the machine can do is asked once; each job has
//! a portable way, which is the specification, and faster ones that give the same bytes. No I/O,
//! no threads, no runtime, no memory beyond what a call needs. What this room deliberately does
//! not do: know leaves, shards or geometries (see `host-proof`, `host-erasure`).
//!
//! Unsafe code is of three kinds only, and nothing else here is unsafe:
//!
//! | invariant | kept in |
//! |---|---|
//! | a kernel runs only where its instructions exist: detection alone makes one | both `Kernel` |
//! | a vector is read from and written to an array of exactly its size | every `load`, `store` |
//! | an announced read is a hint about an address that a reference names | `machine::will_read` |
#![deny(missing_docs)]

pub mod gf256;
mod machine;
pub mod sha256;
