//! The network file: everything two programs must agree on before they can talk. Read by roots
//! (TOML), passed by value to everyone else.

use serde::{Deserialize, Serialize};

use crate::epoch::EpochRule;
use crate::error::Error;
use crate::ids::{Address, NetworkId};

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
