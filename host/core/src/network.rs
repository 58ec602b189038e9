//! The network file (docs/formats/network.md): what two programs must agree on before they can
//! talk. Read by roots
//! (TOML), passed by value to everyone else.

use serde::{Deserialize, Serialize};

use crate::epoch::EpochRule;
use crate::error::Error;
use crate::ids::{Address, Digest32, NetworkId};

/// Addresses of the contracts on the network's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    /// The wrapped native token cheques are paid in.
    pub token: Address,
    /// Makes and knows every vault.
    pub vault_factory: Address,
    /// The network price.
    pub price_oracle: Address,
    /// Versions and code hashes of all the others.
    pub registry: Address,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its name; the id is derived from it.
    pub name: String,
    /// Whether addresses of private ranges and loopback may be dialled and announced.
    pub private: bool,
    /// The chain its contracts live on.
    pub chain_id: u64,
    /// JSON-RPC endpoints of that chain.
    pub endpoints: Vec<String>,
    /// Hubs, as multiaddresses that end in `/p2p/<peer id>`.
    pub hubs: Vec<String>,
    /// Lowest score a renter accepts by default (0 on private and demo networks).
    pub score_bar: u32,
    /// How blocks become epochs.
    pub epoch: EpochRule,
    /// The contracts.
    pub contracts: Contracts,
    /// What every endpoint must show before it is believed; a file without it asks for the chain
    /// id alone.
    #[serde(default)]
    pub guard: NetworkGuard,
}

/// What tells the network's chain from every other one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkGuard {
    /// A block everybody on this chain has, deep enough to stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// Contracts and the Keccak-256 of their code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<CodeHash>,
}

/// A block that names a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Its number.
    pub block: u64,
    /// Its hash.
    pub hash: Digest32,
}

/// A contract's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeHash {
    /// Where it stands.
    pub address: Address,
    /// Keccak-256 of its runtime code.
    pub hash: Digest32,
}

impl Network {
    /// The network's id.
    #[must_use]
    pub fn id(&self) -> NetworkId {
        NetworkId::of_name(&self.name)
    }

    /// Checks what serde cannot. Errors name the broken rule.
    pub fn check(&self) -> Result<(), Error> {
        if self.name.is_empty() || self.epoch.epoch_blocks == 0 {
            return Err(Error::Encoding {
                what: "network file",
            });
        }
        Ok(())
    }
}
