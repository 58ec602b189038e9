//! What can keep a node from starting. Conversations that break say so as `LinkError`, which
//! lives with the seam; these are the operator's settings and the machine's ports.

use host_core::Blame;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A swarm key file that is none.
    #[error("a swarm key file has three lines: /key/swarm/psk/1.0.0/, /base16/, 64 hex digits")]
    SwarmKey,
    /// The swarm key of the network cannot be read or written.
    #[error(
        "this network's members share a key: {} of every member, given by who runs the network: \
         {source}", .path.display()
    )]
    SwarmKeyFile {
        /// Where it was looked for.
        path: std::path::PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A listen or announce address this node cannot use.
    #[error("address {address}: {why}")]
    Address {
        /// The setting as it was given.
        address: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// An address to announce where no member may bring or fetch a shard.
    #[error("address {address} lies outside {inside}, where shards may not go")]
    Outside {
        /// The setting as it was given.
        address: String,
        /// The prefixes of the network file.
        inside: String,
    },
    /// Another program listens on the port.
    #[error("port {port} of {address} is in use by another program")]
    PortInUse {
        /// The listen address.
        address: String,
        /// Its port.
        port: u16,
    },
    /// The kernel refused to listen for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The listen address.
        address: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The identity key is none that the transport accepts.
    #[error("the identity key is no secp256k1 key the transport accepts")]
    Key,
    /// The transport could not be set up.
    #[error("transport {part} could not be set up: {why}")]
    Transport {
        /// Which part.
        part: &'static str,
        /// What it said.
        why: String,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Address { .. }
            | Self::Outside { .. }
            | Self::PortInUse { .. }
            | Self::Key
            | Self::SwarmKey
            | Self::SwarmKeyFile { .. } => Blame::Operator,
            Self::Listen { .. } => Blame::Machine,
            Self::Transport { .. } => Blame::Us,
        }
    }
}
