//! The vocabulary of Holdfast: identifiers, money, geometry, agreements, cheques, wire words,
//! limits and the seams where drivers plug in.
//!
//! Everything here is pure: no I/O, no clock, no runtime, no logging. Every other room speaks in
//! these types, so a fact means the same on the wire, in the ledger and on the chain. What this
//! room deliberately does not do: decide anything that needs state (that is `agreement`,
//! `settle`, `session`) or name a network, chain or storage vendor.

pub mod agreement;
pub mod amount;
pub mod announce;
pub mod blame;
pub mod btfs;
pub mod challenge;
pub mod cheque;
pub mod codec;
pub mod eip712;
pub mod epoch;
pub mod error;
pub mod geometry;
pub mod identity;
pub mod ids;
pub mod keeper;
pub mod limits;
pub mod neighbourhood;
pub mod network;
pub mod object;
pub mod pressure;
pub mod receipt;
pub mod records;
pub mod repair;
pub mod seams;
pub mod signed;
pub mod tx;
pub mod wire;
pub mod witness;

pub use amount::Amount;
pub use blame::Blame;
pub use error::Error;
pub use ids::{
    Address, AgreementDigest, AgreementId, Digest32, NetworkId, ObjectId, PeerId, ShardId, VolumeId,
};
