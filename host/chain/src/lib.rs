//! The door to EVM chains: contract codec, endpoints, signed transactions, and the chain seam.
//!
//! This is the only crate that names ethers (core, signers and abigen; its provider crate stays
//! out, the transport is ours over one HTTP client). Enters: options, host-core values, a key.
//! Leaves: host-core values. Invariants: no ethers type crosses this face; a dead or foreign
//! endpoint is an error value, never an exit; money reads go through two endpoints where there are
//! two. Deliberately absent: the outbox and the event cursor (settle over ledger), policies about
//! money, contract sources (host/solidity).

mod assume;
mod batch;
mod bindings;
mod chain;
pub mod codec;
mod deploy;
mod disputes;
mod endpoint;
mod endpoints;
mod error;
mod escrow;
mod facts;
mod fault;
mod govern;
mod health;
mod json;
mod known;
mod money;
mod names;
mod prices;
mod proofs;
mod quote;
mod reads;
mod rewards;
mod seam;
mod send;
mod sign;
mod translate;
mod watch;

pub use assume::{Assumption, Expected, Fact, Queued, Readings, expected_of, judge};
pub use batch::Step;
pub use chain::{EvmChain, Options};
pub use deploy::{
    AirdropRules, DemandRules, DeployParams, NetworkContracts, Plan, Planned, ProofRules,
    StakeRules,
};
pub use disputes::Disputes;
pub use endpoints::{EndpointReport, Guard, Timing, chain_id_at};
pub use error::Error;
pub use escrow::Escrows;
pub use facts::{AirdropFacts, StakeFacts};
pub use govern::{Governance, Proposal};
pub use known::{KNOWN_NETWORKS, KnownNetwork};
pub use money::PATIENCE;
pub use prices::{PriceFacts, SpaceFacts};
pub use proofs::Proofs;
pub use quote::Quote;
pub use reads::{Block, LogFilter, Receipt};
pub use rewards::{Counted, Counting};
pub use send::Intent;
pub use sign::hash_of_raw;
