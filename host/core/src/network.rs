//! The network file (docs/formats/network.md): what two programs must agree on before they can
//! talk.
//!
//! Enters: TOML that roots read. Leaves: a value that everyone else is given. Invariant: a contract
//! that a network does not have is absent, never the zero address; who needs it gets an error that
//! names it. Does not: read files, know what stands at an address.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::epoch::EpochRule;
use crate::error::Error;
use crate::ids::{Address, Digest32, NetworkId};
use crate::witness::ScoreRules;

/// Addresses of the contracts on the network's chain.
///
/// Every network has a token, vaults and a price; BTFS's own have nothing else. Of the others the
/// methods of the same name give the address, or an error that says what the network lacks.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Address>,
    /// What hosts lose when they break their word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staking: Option<Address>,
    /// Datasets of the hosts, seeds, proofs and misses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proofs: Option<Address>,
    /// Challenges of one shard or agreement, omissions, duplicates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputes: Option<Address>,
    /// Money of one agreement, released by proven epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escrow: Option<Address>,
    /// Rewards for bytes and epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub airdrop: Option<Address>,
    /// Decides about the network by its holders' votes; a governor as OpenZeppelin's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<Address>,
}

impl Contracts {
    /// A network that has vaults and a price and nothing more.
    #[must_use]
    pub const fn of_vaults(token: Address, vault_factory: Address, price_oracle: Address) -> Self {
        Self {
            token,
            vault_factory,
            price_oracle,
            registry: None,
            staking: None,
            proofs: None,
            disputes: None,
            escrow: None,
            airdrop: None,
            governor: None,
        }
    }

    /// The registry. Errors: `NoContract`.
    pub fn registry(&self) -> Result<Address, Error> {
        present("registry", self.registry)
    }

    /// The stake of the hosts. Errors: `NoContract`.
    pub fn staking(&self) -> Result<Address, Error> {
        present("staking", self.staking)
    }

    /// The proofs. Errors: `NoContract`.
    pub fn proofs(&self) -> Result<Address, Error> {
        present("proofs", self.proofs)
    }

    /// The disputes. Errors: `NoContract`.
    pub fn disputes(&self) -> Result<Address, Error> {
        present("disputes", self.disputes)
    }

    /// The escrow. Errors: `NoContract`.
    pub fn escrow(&self) -> Result<Address, Error> {
        present("escrow", self.escrow)
    }

    /// The governor. Errors: `NoContract`.
    pub fn governor(&self) -> Result<Address, Error> {
        present("governor", self.governor)
    }

    /// The airdrop. Errors: `NoContract`.
    pub fn airdrop(&self) -> Result<Address, Error> {
        present("airdrop", self.airdrop)
    }

    /// Every contract the network has, with its key in the network file, in the order of the file.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, Address)> {
        let all = [
            ("token", Some(self.token)),
            ("vault_factory", Some(self.vault_factory)),
            ("price_oracle", Some(self.price_oracle)),
            ("registry", self.registry),
            ("staking", self.staking),
            ("proofs", self.proofs),
            ("disputes", self.disputes),
            ("escrow", self.escrow),
            ("airdrop", self.airdrop),
            ("governor", self.governor),
        ];
        let here = all.into_iter();
        here.filter_map(|(name, of)| of.map(|of| (name, of)))
            .collect()
    }
}

fn present(contract: &'static str, address: Option<Address>) -> Result<Address, Error> {
    address.ok_or(Error::NoContract { contract })
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
    /// What runs for the network beside its hubs, and how its scores are made.
    #[serde(default)]
    pub services: Services,
}

/// What runs for a network beside its hubs, and how its scores are made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Services {
    /// Status servers, as multiaddresses that end in `/p2p/<peer id>`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Relays for hosts that nobody can dial, likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<String>,
    /// Networks shards stay inside, as prefixes (`10.0.0.0/8`), on machines that stand in two: only
    /// words with hubs, status servers and the chain go outside. None: shards go anywhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<String>,
    /// Whether members share a key, `swarm.key` beside this file; a program without it does not
    /// start.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub swarm_key: bool,
    /// The rules of the scores.
    pub score: ScoreRules,
}

/// What tells the network's chain from every other one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkGuard {
    /// Nothing is signed for this network: for those whose money is at home elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// A block everybody on this chain has, deep enough to stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// Contracts and the Keccak-256 of their code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<CodeHash>,
    /// What the contracts say of themselves, by the names of docs/formats/network.md. A host holds
    /// the chain against it; what is not listed counts as it is first seen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
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
