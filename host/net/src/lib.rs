//! The network: authenticated connections between peers and bounded frames on their streams.
//!
//! The only room that names libp2p. What enters are addresses as text, peers as
//! `host_core::PeerId` and frames as bytes; what leaves are `Box<dyn Frames>` (opened through the
//! `Peers` seam, or received as `Inbound`) and `LinkError`. Invariants: a frame's length is
//! checked before memory is taken for it; every queue, dial, stream and connection is counted
//! against `Bounds`; an accepted stream is either handed to its reader or reset, never lost; a
//! node whose network is not private neither dials nor announces an address that is not global.
//! What it deliberately does not do: read messages, find peers, or store.

mod conversation;
mod crowd;
mod error;
mod inside;
mod keys;
mod lan;
mod mux;
mod net;
mod noise;
mod options;
mod policy;
mod reach;
mod swarm;
mod swarm_key;
mod talk;
mod transport;
mod ways;

pub use error::Error;
pub use inside::Inside;
pub use lan::OnLink;
pub use net::{Inbound, Inlet, Net};
pub use options::{Bounds, NodeKey, Options};
pub use policy::Policy;
pub use reach::{Reach, Standpoint};
pub use swarm_key::SwarmKey;
pub use ways::{Links, Relaying, Ways};
