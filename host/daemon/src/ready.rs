//! The one line a daemon prints when it serves: where it is and who it is, for scripts and for
//! the demo network.

use std::net::SocketAddr;

use host_core::{Address, PeerId};
use serde::{Deserialize, Serialize};

/// Where a started host listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// For peers, as bound.
    pub listen: Vec<String>,
    /// Its local API; the dashboard is beside it.
    pub api: Option<SocketAddr>,
    /// Its remote health API.
    pub health: Option<SocketAddr>,
}

impl Places {
    /// Where the dashboard is; none without a local API.
    #[must_use]
    pub fn dashboard(&self) -> Option<String> {
        self.api.map(|at| format!("http://{at}/dashboard"))
    }
}

/// What a started host says on standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Who it is.
    pub peer: PeerId,
    /// Its account on the chain.
    pub address: Address,
    /// The same account as Tron writes it.
    #[serde(default)]
    pub tron: String,
    /// Where it can be dialled.
    pub addrs: Vec<String>,
    /// Where it listens for peers.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Where its dashboard is.
    #[serde(default)]
    pub dashboard: Option<String>,
    /// Where its local API listens.
    pub api: Option<SocketAddr>,
    /// Where its remote health API listens.
    #[serde(default)]
    pub health: Option<SocketAddr>,
    /// SHA-256 of the remote API's certificate, hex: what a client pins.
    #[serde(default)]
    pub health_fingerprint: Option<String>,
    /// Where its public page listens.
    pub gateway: Option<SocketAddr>,
    /// The I/O driver of its first volume.
    pub driver: String,
}
