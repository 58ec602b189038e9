//! The bytes of rtnetlink.

use std::net::IpAddr;

pub(super) const NEW_NEIGHBOUR: u16 = 28;
pub(super) const DELETE_NEIGHBOUR: u16 = 29;
pub(super) const GET_NEIGHBOURS: u16 = 30;
pub(super) const GET_ROUTES: u16 = 26;
pub(super) const SET_TABLE: u16 = 67;
const NEW_ROUTE: u16 = 24;
const ERROR: u16 = 2;
const DONE: u16 = 3;

const REQUEST: u16 = 0x1;
pub(super) const ACKNOWLEDGE: u16 = 0x4;
pub(super) const REPLACE: u16 = 0x100;
pub(super) const DUMP: u16 = 0x300;

const REACHABLE: u16 = 0x02;
const FAILED: u16 = 0x20;
/// REACHABLE, STALE, DELAY, PROBE: a hardware address is known and the kernel keeps checking it.
const RESOLVED: u16 = 0x02 | 0x04 | 0x08 | 0x10;
const LEARNED: u8 = 0x10;

const HEADER: usize = 16;
const V4: u8 = 2;
const V6: u8 = 10;

/// An entry of a neighbour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of its interface.
    pub interface: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address, when it has one of six bytes.
    pub hardware: Option<[u8; 6]>,
    state: u16,
    flags: u8,
}

impl Neighbour {
    /// Whether nobody answered.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.state & FAILED != 0
    }

    /// Whether its hardware address is known and not fixed.
    #[must_use]
    pub const fn is_resolved(&self) -> bool {
        self.state & RESOLVED != 0
    }

    /// Whether it is marked as externally learned.
    #[must_use]
    pub const fn is_learned(&self) -> bool {
        self.flags & LEARNED != 0
    }
}

/// A gateway of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Index of the interface.
    pub interface: u32,
    /// The gateway.
    pub address: IpAddr,
}

pub(super) enum Word {
    Neighbour(Neighbour),
    Route(Vec<Hop>),
    Done,
    Answer(i32),
}

pub(super) fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(HEADER + body.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((REQUEST | flags).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

/// The body of a change of thresholds: ndtmsg, name, three numbers.
pub(super) fn thresholds(v6: bool, thresholds: [u32; 3]) -> Vec<u8> {
    let (family, name): (u8, &[u8]) = if v6 {
        (V6, b"ndisc_cache\0")
    } else {
        (V4, b"arp_cache\0")
    };
    let mut body = vec![family, 0, 0, 0];
    attribute(&mut body, 1, name);
    for (kind, value) in (2..).zip(thresholds) {
        attribute(&mut body, kind, &value.to_ne_bytes());
    }
    body
}

/// The body of a neighbour: ndmsg, address, and for one that is set its hardware address.
pub(super) fn neighbour(interface: u32, address: IpAddr, set: Option<([u8; 6], bool)>) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(ip) => (V4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (V6, ip.octets().to_vec()),
    };
    let state = if set.is_some() { REACHABLE } else { 0 };
    let flags = match set {
        Some((_, true)) => LEARNED,
        _ => 0,
    };
    let mut body = vec![family, 0, 0, 0];
    body.extend(interface.to_ne_bytes());
    body.extend(state.to_ne_bytes());
    body.extend([flags, 0]);
    attribute(&mut body, 1, &octets);
    if let Some((hardware, _)) = set {
        attribute(&mut body, 2, &hardware);
    }
    body
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = u16::try_from(4 + value.len()).unwrap_or_default();
    body.extend(len.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(aligned(body.len()), 0);
}

/// The words of one datagram that answer `sequence`; others, and what cannot be read, are passed
/// over.
pub(super) fn walk(datagram: &[u8], sequence: u32) -> impl Iterator<Item = Word> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        loop {
            let len = usize::try_from(u32_at(rest, 0)?).ok()?;
            let (kind, number) = (u16_at(rest, 4)?, u32_at(rest, 8)?);
            let body = rest.get(HEADER..len)?;
            rest = rest.get(aligned(len)..).unwrap_or_default();
            if number != sequence {
                continue;
            }
            let word = match kind {
                DONE => Some(Word::Done),
                ERROR => {
                    let code = u32_at(body, 0).unwrap_or_default().cast_signed();
                    Some(Word::Answer(code.saturating_neg()))
                }
                NEW_NEIGHBOUR => entry(body).map(Word::Neighbour),
                NEW_ROUTE => hops(body).map(Word::Route),
                _ => None,
            };
            if word.is_some() {
                return word;
            }
        }
    })
}

/// ndmsg: family u8, padding, interface i32, state u16, flags u8, type u8; NDA_DST, NDA_LLADDR.
fn entry(body: &[u8]) -> Option<Neighbour> {
    let family = *body.first()?;
    let mut address = None;
    let mut hardware = None;
    for (kind, value) in attributes(body.get(12..)?) {
        match kind {
            1 => address = ip(family, value),
            2 => hardware = value.try_into().ok(),
            _ => {}
        }
    }
    Some(Neighbour {
        interface: u32_at(body, 4)?,
        address: address?,
        hardware,
        state: u16_at(body, 8)?,
        flags: *body.get(10)?,
    })
}

/// rtmsg of 12 bytes; RTA_OIF (4), RTA_GATEWAY (5), RTA_MULTIPATH (9).
fn hops(body: &[u8]) -> Option<Vec<Hop>> {
    let family = *body.first()?;
    let attributes_at = body.get(12..)?;
    let mut found = Vec::new();
    let (mut interface, mut gateway) = (None, None);
    for (kind, value) in attributes(attributes_at) {
        match kind {
            4 => interface = u32_at(value, 0),
            5 => gateway = ip(family, value),
            9 => found.extend(paths(family, value)),
            _ => {}
        }
    }
    if let (Some(interface), Some(address)) = (interface, gateway) {
        found.push(Hop { interface, address });
    }
    Some(found)
}

/// rtnexthop: length u16, flags u8, hops u8, interface i32, attributes.
fn paths(family: u8, mut rest: &[u8]) -> Vec<Hop> {
    let mut found = Vec::new();
    while let Some((len, interface)) = u16_at(rest, 0).zip(u32_at(rest, 4)) {
        let len = usize::from(len);
        let Some(inner) = rest.get(8..len) else { break };
        let gateway = attributes(inner).find(|(kind, _)| *kind == 5);
        if let Some(address) = gateway.and_then(|(_, value)| ip(family, value)) {
            found.push(Hop { interface, address });
        }
        rest = rest.get(aligned(len)..).unwrap_or_default();
    }
    found
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        V4 => <[u8; 4]>::try_from(value).ok().map(IpAddr::from),
        V6 => <[u8; 16]>::try_from(value).ok().map(IpAddr::from),
        _ => None,
    }
}

/// Attributes: length u16 with its own four bytes, kind u16, value, padding to four.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & 0x3fff;
        let value = rest.get(4..len)?;
        rest = rest.get(aligned(len)..).unwrap_or_default();
        Some((kind, value))
    })
}

const fn aligned(len: usize) -> usize {
    len.saturating_add(3) & !3
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let value = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*value))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let value = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*value))
}

#[cfg(test)]
mod tests;
