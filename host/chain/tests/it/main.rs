//! What `host-chain` does against contracts that run and endpoints that misbehave: one binary, so
//! that it is linked once.
#![allow(clippy::unwrap_used)]

mod deployment;
mod endpoints;
mod network;
mod support;
