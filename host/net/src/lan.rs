//! Dials on the machine's own links, by the second. A dial to a dead address of an own link makes
//! an entry of the kernel's neighbour table that nothing can collect for three seconds; strangers
//! announce such addresses by the thousand.
//!
//! Enters: what is on-link and how many new addresses a second are allowed ([`OnLink`], told by the
//! daemon's watch and fallen by half while a table presses). Leaves: a yes or a reason. Invariants:
//! addresses behind a router are never counted; an address that was allowed is free for
//! [`KNOWN_FOR`], since its entry stands already; the bucket holds one second's worth.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An address that was dialled on-link makes no second entry for this long.
const KNOWN_FOR: Duration = Duration::from_secs(30);
/// Addresses remembered for that.
const KNOWN_MAX: usize = 512;

/// What is on this machine's own links, and how much of it may be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnLink {
    /// Networks that no router stands before: address and length in bits.
    pub networks: Vec<(IpAddr, u8)>,
    /// New addresses there a second; 0 stops them.
    pub per_second: u32,
}

impl OnLink {
    /// Whether an address is on one of the links.
    #[must_use]
    pub fn holds(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks
            .iter()
            .any(|(network, len)| within(*network, *len, ip))
    }
}

/// Whether the first `len` bits are the same.
fn within(network: IpAddr, len: u8, ip: IpAddr) -> bool {
    let (a, b, width) = match (network, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let rest = width - u32::from(len).min(width);
    let differ: u128 = a ^ b;
    differ.checked_shr(rest).unwrap_or(0) == 0
}

/// The gate before on-link dials. Open for everything until it is told what is on-link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lan(Arc<Mutex<Gate>>);

#[derive(Debug, Default)]
struct Gate {
    on_link: Option<OnLink>,
    tokens: u32,
    filled: Option<Instant>,
    known: VecDeque<(IpAddr, Instant)>,
}

impl Lan {
    /// Takes what is on-link from now on.
    pub(crate) fn set(&self, on_link: OnLink) {
        let mut gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gate.on_link = Some(on_link);
    }

    /// Whether `ip` may be dialled at `now`. Errors with the reason. Over QUIC no neighbour is: all
    /// QUIC connections share one socket, and 93 datagrams to a neighbour that does not answer fill
    /// its queue for three seconds, for everybody. A TCP connection has a socket of its own.
    pub(crate) fn admit(&self, ip: IpAddr, quic: bool, now: Instant) -> Result<(), &'static str> {
        let mut gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let on_link = gate.on_link.as_ref();
        if quic && on_link.is_some_and(|on_link| on_link.holds(ip)) {
            return Err("our own links are dialled over TCP");
        }
        gate.admit(ip, now)
    }
}

impl Gate {
    fn admit(&mut self, ip: IpAddr, now: Instant) -> Result<(), &'static str> {
        let Some(on_link) = self.on_link.as_ref().filter(|on_link| on_link.holds(ip)) else {
            return Ok(());
        };
        let most = on_link.per_second;
        let due = self
            .filled
            .is_none_or(|filled| now.saturating_duration_since(filled) >= Duration::from_secs(1));
        if due {
            self.filled = Some(now);
            self.tokens = most;
        }
        self.tokens = self.tokens.min(most);
        let fresh = |at: Instant| now.saturating_duration_since(at) < KNOWN_FOR;
        while self.known.front().is_some_and(|(_, at)| !fresh(*at)) {
            self.known.pop_front();
        }
        if self.known.iter().any(|(known, _)| *known == ip) {
            return Ok(());
        }
        if self.tokens == 0 {
            return Err("too many new addresses on our own links this second");
        }
        self.tokens -= 1;
        if self.known.len() >= KNOWN_MAX {
            self.known.pop_front();
        }
        self.known.push_back((ip, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
