//! Networks whose machines stand in two networks: what carries shards goes over the inside one, and
//! words with hubs alone may go outside.
//!
//! Enters: the prefixes a network file declares. Leaves: whether a conversation may take an
//! address, or a connection between two. Invariants: with prefixes declared, nothing but words with
//! hubs and status servers passes a connection of which either end lies outside them; a name, and
//! an address this machine would dial from outside, count as outside. Does not: choose routes, or
//! filter packets.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use host_core::wire::Protocol;
use libp2p::Multiaddr;
use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol as Part;

use crate::error::Error;

/// The prefixes; none declared holds for every address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inside(Arc<[Prefix]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefix {
    ip: IpAddr,
    len: u32,
}

impl Inside {
    /// Reads prefixes such as `10.0.0.0/8`. Errors with the first that is none.
    pub fn read(prefixes: &[String]) -> Result<Self, Error> {
        let read = |text: &String| {
            Prefix::read(text).ok_or_else(|| Error::Address {
                address: text.clone(),
                why: "an inside network is written like 10.0.0.0/8, without bits behind its length",
            })
        };
        prefixes
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether any is declared.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether this conversation must stay inside.
    #[must_use]
    pub fn holds(&self, protocol: Protocol) -> bool {
        self.is_declared() && protocol != Protocol::Hub
    }

    /// Whether an address lies inside.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        !self.is_declared() || self.0.iter().any(|prefix| prefix.contains(ip))
    }

    /// Judges an address to dial, through a relay by where the relay is. Errors with the rule it
    /// breaks.
    pub(crate) fn admit(&self, address: &Multiaddr) -> Result<(), String> {
        if !self.is_declared() {
            return Ok(());
        }
        let Some((ip, port)) = socket(address) else {
            return Err(format!("a name is not known to lie inside {self}"));
        };
        if !self.contains(ip) {
            return Err(format!("outside {self}, where shards may not go"));
        }
        match source(SocketAddr::new(ip, port)) {
            Some(own) if !self.contains(own) => Err(format!(
                "this machine would dial it from {own}, outside {self}"
            )),
            _ => Ok(()),
        }
    }

    /// Whether an address of this machine lies inside; a name does not.
    pub(crate) fn lies(&self, address: &Multiaddr) -> bool {
        !self.is_declared() || socket(address).is_some_and(|(ip, _)| self.contains(ip))
    }

    /// Whether a connection joins two ends that both lie inside.
    pub(crate) fn joins(&self, ends: &ConnectedPoint) -> bool {
        match ends {
            ConnectedPoint::Dialer { address, .. } => self.admit(address).is_ok(),
            ConnectedPoint::Listener {
                local_addr,
                send_back_addr,
            } => {
                // Over a relay the local address is the relay's, and the other end's is not known.
                self.lies(local_addr) && (ends.is_relayed() || self.lies(send_back_addr))
            }
        }
    }
}

/// `10.0.0.0/8, fd00::/8`.
impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the inside networks")?;
        for (n, prefix) in self.0.iter().enumerate() {
            let before = if n == 0 { " " } else { ", " };
            write!(f, "{before}{}/{}", prefix.ip, prefix.len)?;
        }
        Ok(())
    }
}

impl Prefix {
    fn read(text: &str) -> Option<Self> {
        let (ip, len) = text.split_once('/')?;
        let (ip, len): (IpAddr, u32) = (ip.parse().ok()?, len.parse().ok()?);
        let prefix = Self { ip, len };
        (len <= width(ip) && masked(ip, len) == ip).then_some(prefix)
    }

    fn contains(self, ip: IpAddr) -> bool {
        let ip = match ip {
            IpAddr::V6(six) => six.to_ipv4_mapped().map_or(ip, IpAddr::V4),
            IpAddr::V4(_) => ip,
        };
        ip.is_ipv4() == self.ip.is_ipv4() && masked(ip, self.len) == self.ip
    }
}

const fn width(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => Ipv6Addr::BITS,
    }
}

/// The first `len` bits of an address.
fn masked(ip: IpAddr, len: u32) -> IpAddr {
    let behind = width(ip).saturating_sub(len);
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(behind).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(behind).unwrap_or(0);
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
    }
}

/// Address and port at the front of a multiaddress; none for a name.
fn socket(address: &Multiaddr) -> Option<(IpAddr, u16)> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Part::Ip4(ip) => ip.into(),
        Part::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Part::Tcp(port) | Part::Udp(port) => Some((ip, port)),
        _ => None,
    }
}

/// The address this machine would dial another one from; nothing is sent. None where there is no
/// way: the dial says so itself.
fn source(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let line = UdpSocket::bind((any, 0)).ok()?;
    line.connect(to).ok()?;
    Some(line.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests;
