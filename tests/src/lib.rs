//! What the tiers share: finding our programs, starting them, ending them whatever happens.
//!
//! Enters: names of programs and arguments. Leaves: running processes that die with the test that
//! started them. The tiers themselves are programs beside this library (`tests/it/main.rs`,
//! `tests/crash/main.rs`, `tests/chain/main.rs`, `tests/vectors/main.rs`); each is named in
//! Cargo.toml. A test that finds out that it cannot run here prints `skipped: why` at the start of
//! a line and returns: `cargo verify` counts it as skipped, not as passed.

mod program;

pub use program::{Running, program};
