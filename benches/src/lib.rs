//! Measurements: one question a module, its unit, peer and expectation in its head. Each module
//! gives a `rows::Report`; ratios of alternating rounds count, absolute rates do not. The program
//! `bench` runs them, prints the table and writes the baseline.

pub mod allocator;
pub mod btfs;
pub mod busy;
pub mod choose;
pub mod coding;
pub mod cpu;
pub mod detection;
pub mod device;
pub mod erasure;
pub mod flush;
pub mod health;
pub mod idle;
pub mod instructions;
pub mod ledger;
pub mod memory;
pub mod packing;
pub mod pairs;
pub mod proof;
pub mod prove;
pub mod publish;
pub mod put_limit;
pub mod put_network;
pub mod repair;
pub mod rounds;
pub mod rows;
pub mod runtime;
pub mod s3;
pub mod score;
mod standing;
pub mod start;
pub mod stream;
mod town;
pub mod tree;
pub mod verified;
pub mod volume;
pub mod watch;
