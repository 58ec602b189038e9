//! Which addresses may be dialled and announced. On a public network only global ones: dialling
//! what a stranger announces must not reach into the operator's own network (loopback services,
//! routers, neighbours), and announcing such addresses makes others waste dials. A private
//! network allows them. One judge serves both directions, and names are judged again once
//! they have been resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol as Part;

/// What a text address turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A socket address, over TCP or QUIC.
    Socket {
        /// Address and port.
        socket: SocketAddr,
        /// QUIC rather than TCP.
        quic: bool,
    },
    /// A name that must be resolved first.
    Name,
}

/// The judge of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Whether addresses that are not global are allowed.
    pub private: bool,
}

impl Policy {
    /// Judges an IP address. Errors with the rule it breaks.
    pub fn judge(self, ip: IpAddr) -> Result<(), &'static str> {
        if never(ip) {
            return Err("no peer can have this address");
        }
        match not_global(ip) {
            Some(why) if !self.private => Err(why),
            _ => Ok(()),
        }
    }

    /// Judges a text address. Errors with the rule it breaks.
    pub fn check(self, text: &str) -> Result<(), &'static str> {
        self.admit(text).map(drop)
    }

    /// Reads a text address and judges it. Names pass here and are judged when resolved.
    pub(crate) fn admit(self, text: &str) -> Result<Multiaddr, &'static str> {
        let (address, target) = read(text)?;
        if let Target::Socket { socket, .. } = target {
            if socket.port() == 0 {
                return Err("port 0 cannot be dialled");
            }
            self.judge(socket.ip())?;
        }
        Ok(address)
    }

    /// Judges an address the transport is about to dial, and tells its IP address.
    pub(crate) fn judge_resolved(self, address: &Multiaddr) -> Result<IpAddr, &'static str> {
        let ip = match address.iter().next() {
            Some(Part::Ip4(ip)) => ip.into(),
            Some(Part::Ip6(ip)) => ip.into(),
            _ => return Err("neither ip4 nor ip6"),
        };
        self.judge(ip).map(|()| ip)
    }
}

/// Reads `/ip4|ip6|dns|dns4|dns6/HOST/tcp/P` or `.../udp/P/quic-v1`, each also with
/// `/p2p/<relay>/p2p-circuit` behind it. Errors when it is neither.
pub(crate) fn read(text: &str) -> Result<(Multiaddr, Target), &'static str> {
    let address: Multiaddr = text.parse().map_err(|_| "not a multiaddress")?;
    let parts: Vec<Part<'_>> = address.iter().collect();
    let parts = match parts.as_slice() {
        // Through a relay: judged by where the relay is.
        [front @ .., Part::P2p(_), Part::P2pCircuit] => front,
        all => all,
    };
    let (port, quic) = match parts.get(1..) {
        Some([Part::Tcp(port)]) => (*port, false),
        Some([Part::Udp(port), Part::QuicV1]) => (*port, true),
        _ => return Err("not of the form /HOST/tcp/PORT or /HOST/udp/PORT/quic-v1"),
    };
    let ip: IpAddr = match parts.first() {
        Some(Part::Ip4(ip)) => (*ip).into(),
        Some(Part::Ip6(ip)) => (*ip).into(),
        Some(Part::Dns(_) | Part::Dns4(_) | Part::Dns6(_)) => {
            return Ok((address, Target::Name));
        }
        _ => return Err("does not begin with ip4, ip6, dns, dns4 or dns6"),
    };
    let socket = SocketAddr::new(ip, port);
    Ok((address, Target::Socket { socket, quic }))
}

/// Addresses no peer has on any network.
fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(inner) => never(inner.into()),
            None => ip.is_unspecified() || ip.is_multicast(),
        },
    }
}

/// Why an address is not global, if it is not.
/// Source: the IANA special-purpose registries (RFC 6890 and its updates).
fn not_global(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => not_global_v4(ip),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(inner) => not_global_v4(inner),
            None => not_global_v6(ip),
        },
    }
}

fn not_global_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) => Some("loopback address"),
        (10, ..) | (192, 168, _) => Some("private address"),
        (172, 16..=31, _) => Some("private address"),
        (169, 254, _) => Some("link-local address"),
        (100, 64..=127, _) => Some("carrier-grade NAT address"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Some("documentation address"),
        (192, 0, 0) | (198, 18..=19, _) => Some("special-purpose address"),
        (0 | 240..=255, ..) => Some("reserved address"),
        (224..=239, ..) => Some("multicast address"),
        _ => None,
    }
}

fn not_global_v6(ip: Ipv6Addr) -> Option<&'static str> {
    let [a, b, c, ..] = ip.segments();
    match (a, b, c) {
        _ if ip.is_loopback() => Some("loopback address"),
        _ if ip.is_unspecified() => Some("unspecified address"),
        (0xfc00..=0xfdff, ..) => Some("private address"),
        (0xfe80..=0xfebf, ..) => Some("link-local address"),
        (0xff00..=0xffff, ..) => Some("multicast address"),
        (0x2001, 0xdb8, _) | (0x3fff, 0..=0x0fff, _) => Some("documentation address"),
        (0x64, 0xff9b, 1) | (0x100, 0, 0) | (0x2001, 0..=0x1ff, _) => {
            Some("special-purpose address")
        }
        (0x2000..=0x3fff, ..) => None,
        _ => Some("reserved address"),
    }
}

/// The IPv4 address inside an IPv6 one: mapped, 6to4 or translated (NAT64).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    if let Some(inner) = ip.to_ipv4_mapped() {
        return Some(inner);
    }
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0x2002, high, low, ..) => Some(join(high, low)),
        (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
