//! A development chain: an Ethereum-like ledger in one process, for demos, tests, local networks.
//!
//! This room is the door for revm. It executes the same contract bytecode as a real chain and
//! answers the same JSON-RPC methods over HTTP, so that everything else in Holdfast talks to it as
//! it would to any endpoint. It is not a chain for value: one process decides, nothing is ever
//! reorganised, and the chain ids of public networks are refused.
//!
//! Enters: options, HTTP requests. Leaves: answers. Invariant: what a receipt said stays true after
//! kill -9. Deliberately absent: consensus, peers, old states, accounts with keys, TLS.

mod blocklog;
mod chain;
mod error;
mod pool;
mod rlp;
mod rpc;
mod server;
mod tx;
mod world;

pub use error::Error;
pub use server::{Options, Running, start};
pub use tx::Unreadable;
