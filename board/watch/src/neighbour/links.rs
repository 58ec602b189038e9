//! The networks of our own links: where a dial to a dead address makes an entry.
//!
//! Enters: the addresses of this namespace's interfaces. Leaves: networks, loopback and addresses
//! without neighbours left out. Not seen here: routes that make further networks on-link; the
//! rate limits of the watch bound those.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

/// More than one box has.
const LINKS_MAX: usize = 256;

/// Address and prefix length of every network of our own namespace's links; empty when the kernel
/// does not tell. Cost: about 100 us.
#[must_use]
pub fn own_links() -> Vec<(IpAddr, u8)> {
    let Ok(addresses) = getifaddrs() else {
        return Vec::new();
    };
    let quiet = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_NOARP;
    let links = addresses.filter(|one| !one.flags.intersects(quiet));
    let networks = links.filter_map(|one| {
        let address = ip(one.address.as_ref()?)?;
        let len = bits(ip(one.netmask.as_ref()?)?);
        Some((address, len))
    });
    let mut networks: Vec<_> = networks.take(LINKS_MAX).collect();
    networks.sort_unstable();
    networks.dedup();
    networks
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|at| IpAddr::from(at.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|at| IpAddr::from(at.ip())))
}

fn bits(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    u8::try_from(ones).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
