//! How the host talks to the network's chain, and when cheques become money.

use std::net::SocketAddr;
use std::time::Duration;

use host_core::Amount;
use host_core::epoch::EpochRule;
use host_settle::Policy;
use serde::{Deserialize, Serialize};

use super::Settle;

/// How the host talks to the chain; which endpoints there are stands in the network file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChainConfig {
    /// A whole request with its answer.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Making a connection.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Finding the address of an endpoint's name, for each resolver.
    #[serde(with = "humantime_serde")]
    pub lookup_timeout: Duration,
    /// DNS resolvers (address and port) asked when the system's finds nothing.
    pub resolvers: Vec<SocketAddr>,
    /// The most a unit of gas may cost, in wei; 0 for what is sound on the network's chain.
    pub fee_cap: Amount,
    /// The most one transaction may cost, in wei, all raises counted in; 0 for no bound.
    pub cost_max: Amount,
    /// How often the chain is held against what the host relies on.
    #[serde(with = "humantime_serde")]
    pub guard_every: Duration,
}

impl Default for ChainConfig {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(8),
            connect_timeout: Duration::from_secs(3),
            lookup_timeout: Duration::from_secs(2),
            resolvers: Vec::new(),
            fee_cap: Amount::ZERO,
            cost_max: Amount::ZERO,
            guard_every: Duration::from_secs(600),
        }
    }
}

/// BitTorrent Chain and its test network. Their validators raised the floor of a unit of gas from
/// 300,000 gwei to 9 million gwei; a coin of theirs is worth a millionth of others'.
const BTTC: [u64; 2] = [199, 1029];
/// Eleven times that floor: room for a spike and for raises, and one cashing stays below 10,000
/// coins.
const FEE_CAP_BTTC: u128 = 100_000_000_000_000_000;
/// 10,000 gwei: far above what a busy chain asks, far below what would empty an account by mistake.
const FEE_CAP: u128 = 10_000_000_000_000;

impl ChainConfig {
    /// The most a unit of gas may cost on a chain, in wei.
    #[must_use]
    pub fn fee_bound(&self, chain_id: u64) -> u128 {
        match self.fee_cap.0 {
            0 if BTTC.contains(&chain_id) => FEE_CAP_BTTC,
            0 => FEE_CAP,
            set => set,
        }
    }

    /// The bound on one transaction, with none as the highest number.
    #[must_use]
    pub const fn cost_bound(&self) -> Amount {
        if self.cost_max.0 == 0 {
            Amount(u128::MAX)
        } else {
            self.cost_max
        }
    }
}

impl Settle {
    /// The policy in the chain's own time.
    #[must_use]
    pub fn policy(&self, rule: &EpochRule) -> Policy {
        let seconds = self.cash_within.as_secs();
        Policy {
            above: self.cash_above,
            within_blocks: seconds.div_ceil(rule.block_seconds.max(1)),
            cover_percent: self.cover_percent,
            exposure_max: self.exposure_max,
            at_once: self.at_once,
            batch: self.batch,
        }
    }
}
