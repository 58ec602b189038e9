//! The renter's placement policy (docs/formats/policy.md): which hosts may keep its shards.
//!
//! Enters: `policy.toml` of the renter's home and a host's own words with what hubs counted of
//! it. Leaves: a yes, or the one constraint that says no, so that a refused put can name it.
//! Invariant: a host is judged by the first constraint it breaks, in a fixed order, so that counts
//! add up. Does not: believe a claim of stake; who is chosen is looked up on the chain.

use std::net::IpAddr;
use std::path::Path;

use host_core::announce::Announcement;
use host_core::{Address, Amount, PeerId};
use serde::{Deserialize, Serialize};

use super::prefix;
use crate::error::Error;

/// Name of the policy's file in a renter's home.
pub const POLICY_FILE: &str = "policy.toml";

/// Epochs of keeping a GiB that reading it once may cost where the policy says nothing.
const READ_EPOCHS: u128 = 100;

/// What a renter asks of where its shards are. The default asks nothing beyond the network's own
/// rules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlacementPolicy {
    /// Regions that may keep shards; empty allows all.
    pub regions: Vec<String>,
    /// Regions that may not.
    pub regions_denied: Vec<String>,
    /// Networks that may keep shards, as `10.0.0.0/8`; empty allows all.
    pub networks: Vec<String>,
    /// Networks that may not.
    pub networks_denied: Vec<String>,
    /// Shards of a segment one operator may keep.
    pub per_operator: Option<usize>,
    /// Stake each must have, in smallest units.
    pub stake_min: Amount,
    /// Score each must have, in whole points; absent asks for the network's bar.
    pub score_min: Option<u32>,
    /// Highest price, in smallest units per GiB and epoch.
    pub price_max: Option<Amount>,
    /// Highest price of reads, in smallest units per GiB; absent asks for at most what a host asks
    /// for keeping a GiB through `READ_EPOCHS` epochs, so that none keeps bytes for ransom.
    pub read_price_max: Option<Amount>,
    /// Whether fast hosts are preferred to cheap ones.
    pub speed_first: bool,
    /// Hosts that may keep shards; empty allows all.
    pub hosts: Vec<PeerId>,
    /// Hosts that may not.
    pub blocked: Vec<PeerId>,
    /// Operators (payout accounts) that may not.
    pub operators_blocked: Vec<Address>,
}

/// Why a host does not take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Constraint {
    /// It said that it stops.
    Leaving,
    /// It stands on the blocklist.
    Blocked,
    /// It is not among the named hosts.
    Named,
    /// Its region is denied or not allowed.
    Region,
    /// Its network is denied or not allowed.
    Network,
    /// It asks more than the price ceiling.
    Price,
    /// It asks more for reads than the ceiling.
    ReadPrice,
    /// It takes no term so long.
    Term,
    /// It has not the space.
    Space,
    /// It has not the stake.
    Stake,
    /// Its score is below the asked one, and the newcomers' places are few.
    Score,
}

impl Constraint {
    /// The key of the policy, or the option of the command, that asked for it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Leaving => "leaving",
            Self::Blocked => "blocked",
            Self::Named => "hosts",
            Self::Region => "regions",
            Self::Network => "networks",
            Self::Price => "price_max",
            Self::ReadPrice => "read_price_max",
            Self::Term => "days",
            Self::Space => "free space",
            Self::Stake => "stake_min",
            Self::Score => "score_min",
        }
    }
}

impl PlacementPolicy {
    /// Reads the policy of a renter's home; a home without one asks nothing. Errors when the file
    /// does not read or names a network that is none.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let wrong = |why: String| Error::Policy {
            path: path.display().to_string(),
            why,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(err) => return Err(wrong(err.to_string())),
        };
        let policy: Self = toml::from_str(&text).map_err(|err| wrong(err.to_string()))?;
        for network in policy.networks.iter().chain(&policy.networks_denied) {
            if parse(network).is_none() {
                return Err(wrong(format!("`{network}` is no network like 10.0.0.0/8")));
            }
        }
        Ok(policy)
    }

    /// The first constraint of place and owner that a host breaks.
    pub(crate) fn broken_by(&self, host: &Announcement) -> Option<Constraint> {
        let offer = &host.offer;
        if self.blocked.contains(&offer.peer) || self.operators_blocked.contains(&offer.payout) {
            return Some(Constraint::Blocked);
        }
        if !self.hosts.is_empty() && !self.hosts.contains(&offer.peer) {
            return Some(Constraint::Named);
        }
        let region = offer.claims.as_ref().map_or("", |claims| &claims.region);
        let is_it = |name: &String| name == region;
        if self.regions_denied.iter().any(is_it)
            || (!self.regions.is_empty() && !self.regions.iter().any(is_it))
        {
            return Some(Constraint::Region);
        }
        if !self.allows_networks(&offer.addrs) {
            return Some(Constraint::Network);
        }
        if self.price_max.is_some_and(|max| offer.price > max) {
            return Some(Constraint::Price);
        }
        let usual = Amount(offer.price.0.saturating_mul(READ_EPOCHS));
        let dear = offer.egress_price > self.read_price_max.unwrap_or(usual);
        dear.then_some(Constraint::ReadPrice)
    }

    /// Whether every address is where it may be. A name is in no network: with networks allowed by
    /// name of their range it is refused, since it can point elsewhere tomorrow.
    fn allows_networks(&self, addrs: &[String]) -> bool {
        if self.networks.is_empty() && self.networks_denied.is_empty() {
            return true;
        }
        let ips: Vec<Option<IpAddr>> = addrs.iter().map(|addr| prefix::ip(addr)).collect();
        let within = |ip: &IpAddr, of: &[String]| of.iter().any(|net| contains(net, ip));
        let denied = |ip: &Option<IpAddr>| {
            ip.as_ref()
                .is_some_and(|ip| within(ip, &self.networks_denied))
        };
        let allowed = |ip: &Option<IpAddr>| {
            self.networks.is_empty() || ip.as_ref().is_some_and(|ip| within(ip, &self.networks))
        };
        !ips.iter().any(denied) && ips.iter().all(allowed)
    }
}

/// Address and length of `10.0.0.0/8`.
fn parse(network: &str) -> Option<(IpAddr, u32)> {
    let (ip, len) = network.split_once('/')?;
    let (ip, len): (IpAddr, u32) = (ip.parse().ok()?, len.parse().ok()?);
    let most = if ip.is_ipv4() { 32 } else { 128 };
    (len <= most).then_some((ip, len))
}

fn contains(network: &str, ip: &IpAddr) -> bool {
    match (parse(network), ip.to_canonical()) {
        (Some((IpAddr::V4(net), len)), IpAddr::V4(ip)) => {
            let mask = u32::MAX.checked_shl(32 - len).unwrap_or(0);
            u32::from(net) & mask == u32::from(ip) & mask
        }
        (Some((IpAddr::V6(net), len)), IpAddr::V6(ip)) => {
            let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
            u128::from(net) & mask == u128::from(ip) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
