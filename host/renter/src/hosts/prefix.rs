//! What two hosts share when they stand in one rack: the network prefix of their addresses, 24
//! bits of an IPv4 address, 48 of an IPv6 one; of a name, its last two labels. Text addresses
//! enter, a set leaves. Nothing is resolved here: a name is judged by its owner, not by where it
//! points today.

use std::collections::BTreeSet;
use std::net::IpAddr;

use host_core::PeerId;
use host_core::neighbourhood::Neighbourhood;

/// A neighbourhood of the network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Prefix {
    /// Of an address.
    Ip(Neighbourhood),
    /// The last two labels of a name.
    Name(String),
    /// No address that reads: the host alone.
    Peer(PeerId),
}

/// The prefixes of a host's addresses; those that do not read are left out.
pub(crate) fn of(addrs: &[String]) -> BTreeSet<Prefix> {
    addrs.iter().filter_map(|addr| one(addr)).collect()
}

fn one(addr: &str) -> Option<Prefix> {
    let mut parts = addr.split('/').skip(1);
    let (kind, host) = (parts.next()?, parts.next()?);
    match kind {
        "ip4" | "ip6" => Some(Prefix::Ip(Neighbourhood::of(host.parse().ok()?))),
        "dns" | "dns4" | "dns6" => {
            let lower = host.trim_end_matches('.').to_ascii_lowercase();
            let mut labels: Vec<&str> = lower.rsplit('.').take(2).collect();
            labels.reverse();
            Some(Prefix::Name(labels.join(".")))
        }
        _ => None,
    }
}

/// The address a text names; none for a name.
pub(crate) fn ip(addr: &str) -> Option<IpAddr> {
    let mut parts = addr.split('/').skip(1);
    match parts.next()? {
        "ip4" | "ip6" => parts.next()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
