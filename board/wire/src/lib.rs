//! The privileged verbs of a box: what `board-net` and `board-nvme` may be asked over their
//! sockets, and nothing else exists to ask.
//!
//! Enters: typed requests. Leaves: frames of bounded length with one deterministic encoding
//! (docs/formats/board-wire.md), typed replies, and with one verb a descriptor. Invariants: bytes
//! that are not the only encoding of a request are refused; every bound is checked by the asker
//! here and by the privileged side again ([`bounds`]). Not done here: the acts, and any log.

pub mod bounds;
pub mod client;
pub mod codec;
pub mod error;
pub mod frame;
pub mod net;
pub mod nvme;
mod parcel;
pub mod refusal;

pub use client::{NetClient, NvmeClient};
pub use error::{Blame, Error};
pub use parcel::{send, user_of};
pub use refusal::Refusal;

/// Where `board-net` listens.
pub const NET_SOCKET: &str = "/run/holdfast/board-net.sock";
/// Where `board-nvme` listens.
pub const NVME_SOCKET: &str = "/run/holdfast/board-nvme.sock";
