//! The policy file: what a day may cost, which contracts there are, where money may go.
//!
//! Enters: TOML written by the operator. Leaves: checked values. Invariant: nobody but its owner
//! may write it. Does not: change while the signer runs; the book keeps what changes.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use host_core::network::Contracts;
use host_core::{Address, Amount};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What the signer signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The only chain whose agreements and transactions are signed.
    pub chain_id: u64,
    /// The cold address money may go to; without one it stays with the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<Address>,
    /// How long a change of that address waits.
    #[serde(default = "payout_delay", with = "humantime_serde")]
    pub payout_delay: Duration,
    /// Users besides the signer's own that may ask.
    #[serde(default)]
    pub users: Vec<u32>,
    /// What 24 hours may cost.
    #[serde(default)]
    pub day: Day,
    /// The network's contracts.
    pub contracts: Places,
    /// Further functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allow>,
}

/// What any 24 hours may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Day {
    /// Wei for everything but proofs: value, and gas at its highest price.
    pub native: Amount,
    /// Smallest units of the network's token.
    pub token: Amount,
    /// Wei for proofs; nothing else uses it up.
    pub proofs: Amount,
    /// Wei a unit of gas may cost.
    pub gas_price: Amount,
}

/// One coin of a chain with 18 decimals.
const COIN: u128 = 1_000_000_000_000_000_000;
/// Chains whose coin is small change: a unit of gas costs 9 million gwei there.
const BTTC: [u64; 2] = [199, 1029];

impl Default for Day {
    fn default() -> Self {
        Self {
            native: Amount(COIN),
            token: Amount(100 * COIN),
            proofs: Amount(4 * COIN),
            gas_price: Amount(10_000_000_000_000),
        }
    }
}

impl Day {
    /// Ordinary sums for a chain. On BTTC: some forty cashings, and ten days of proofs at once.
    #[must_use]
    pub fn of_chain(chain_id: u64) -> Self {
        if !BTTC.contains(&chain_id) {
            return Self::default();
        }
        Self {
            native: Amount(30_000 * COIN),
            token: Amount(10_000 * COIN),
            proofs: Amount(60_000 * COIN),
            gas_price: Amount(100_000_000_000_000_000),
        }
    }
}

/// Where the network's contracts stand; what is absent cannot be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Places {
    /// The wrapped native token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Address>,
    /// Makes vaults, registers payout addresses, cashes many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_factory: Option<Address>,
    /// The network price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_oracle: Option<Address>,
    /// Holds the stake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staking: Option<Address>,
    /// Takes commitments and proofs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_of_storage: Option<Address>,
    /// Takes answers to challenges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disputes: Option<Address>,
    /// Releases what is locked for an agreement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escrow: Option<Address>,
    /// Pays rewards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub airdrop: Option<Address>,
}

impl Places {
    /// The contracts a network file names.
    #[must_use]
    pub const fn of(contracts: &Contracts) -> Self {
        Self {
            token: Some(contracts.token),
            vault_factory: Some(contracts.vault_factory),
            price_oracle: Some(contracts.price_oracle),
            staking: contracts.staking,
            proof_of_storage: contracts.proofs,
            disputes: contracts.disputes,
            escrow: contracts.escrow,
            airdrop: contracts.airdrop,
        }
    }
}

/// One more function that may be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// The contract.
    pub to: Address,
    /// The function as Solidity writes it, for example `vote(uint256,bool)`.
    pub function: String,
    /// Which argument, counted from 0, is a sum of tokens; none when it moves no tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_argument: Option<usize>,
}

/// Two days: long enough for somebody to notice and stop it.
const fn payout_delay() -> Duration {
    Duration::from_secs(48 * 3600)
}

impl Policy {
    /// A policy with ordinary sums for the contracts of a network.
    #[must_use]
    pub fn of(chain_id: u64, contracts: Places, payout: Option<Address>) -> Self {
        Self {
            chain_id,
            payout,
            payout_delay: payout_delay(),
            users: Vec::new(),
            day: Day::of_chain(chain_id),
            contracts,
            allow: Vec::new(),
        }
    }

    /// Reads the file. Errors: it is not there, not a policy, or others may write it.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = |source| Error::File {
            path: path.to_path_buf(),
            source,
        };
        let mode = std::fs::metadata(path).map_err(file)?.mode() & 0o777;
        if mode & 0o022 != 0 {
            let path = path.to_path_buf();
            return Err(Error::Mode { path, mode });
        }
        let text = std::fs::read_to_string(path).map_err(file)?;
        toml::from_str(&text).map_err(|error| Error::Form {
            path: path.to_path_buf(),
            why: error.to_string(),
        })
    }
}
