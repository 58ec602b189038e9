//! The road to the chain: outbox, endpoints, contracts, and every fault they must survive. Nothing
//! may be sent twice, nothing lost, and what waits says why.

#![allow(clippy::unwrap_used)]

mod accusing;
mod anvil;
mod batching;
mod cashing;
mod disputing;
mod faults;
mod guard;
mod killing;
mod kills;
mod model;
mod outbox;
mod promised;
mod proofs;
mod proving;
mod reading;
mod resolver;
mod scripted;
mod stage;
