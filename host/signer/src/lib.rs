//! The signer: the identity key in a process of its own, with a policy about what it signs.
//!
//! Enters, over a unix socket: typed things to sign (docs/formats/signer.md). Leaves: signatures,
//! or a typed refusal. Invariants: what counts against a day is durable before the signature is
//! given; money leaves for the registered payout address alone, and that address changes only by
//! the policy file and after its delay; proofs have a budget of their own that nothing else uses
//! up; time never goes back. Does not: ask the chain anything, nor know what the daemon wants.
//!
//! The program is `holdfast-signer`; the daemon's side is [`Client`].

pub mod book;
pub mod calls;
pub mod client;
pub mod error;
pub mod judge;
pub mod memory;
pub mod policy;
pub mod server;
pub mod wire;

pub use client::Client;
pub use error::Error;
pub use judge::Judge;
pub use policy::Policy;
pub use wire::{Refusal, Standing};
