//! Money on the host's side: which cheque is good, what it must cover, how it is cashed; and the
//! proofs that keep the stake.
//!
//! Invariants: a cheque is durable in the ledger before its acceptance is told; a cashing
//! transaction is durable (raw bytes and nonce) before its first broadcast; sums never fall. The
//! chain is asked through the `Chain` seam; when it does not answer, nothing is accepted on trust
//! and nothing already accepted is lost.

pub mod cash;
pub mod defend;
pub mod error;
pub mod exposure;
pub mod judge;
pub mod outbox;
pub mod policy;
pub mod prove;
pub mod reader;
pub mod release;

pub use cash::Cashier;
pub use defend::{Defender, DefenderParts};
pub use error::Error;
pub use exposure::Exposure;
pub use judge::{Accepted, Claim, Paper, judge, judge_reads};
pub use outbox::{Bounds, Outbox, Purse, Round, Waiting};
pub use policy::{Policy, Verdict};
pub use prove::Prover;
pub use reader::{Reader, Reading};
pub use release::Releaser;
