//! What two machines share when they stand in one rack: 24 bits of an IPv4 address, 48 of an IPv6
//! one. Nobody gets one of the second kind without paying for a network.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

/// The first bytes of an address, an IPv6 one that carries an IPv4 one counted as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Neighbourhood {
    /// The first three bytes of an IPv4 address.
    #[n(0)]
    V4(#[n(0)] [u8; 3]),
    /// The first six bytes of an IPv6 address.
    #[n(1)]
    V6(#[n(0)] [u8; 6]),
}

impl Neighbourhood {
    /// Where an address stands.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f])
            }
        }
    }
}
