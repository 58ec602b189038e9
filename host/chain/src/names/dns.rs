//! One question to one DNS resolver over UDP (RFC 1035): the addresses of a name.
//!
//! Enters: a resolver, a name, a time. Leaves: addresses, or which of three things went wrong.
//! Invariants: an answer to another question is none; nothing of an answer is trusted to lie within
//! its bounds. Does not: follow referrals, use TCP, or remember.

use super::NameFault;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

/// Bytes of the longest answer without extensions.
const ANSWER_MAX: usize = 512;
/// Records of an answer that are looked at.
const RECORDS_MAX: u16 = 32;
/// Record type A.
const A: u16 = 1;
/// Record type AAAA.
const AAAA: u16 = 28;
/// The answer code of a name that does not exist.
const NXDOMAIN: u8 = 3;

/// The addresses of `host`, IPv4 first, each question for at most `patience`.
pub(super) async fn ask(
    resolver: SocketAddr,
    host: &str,
    patience: Duration,
) -> Result<Vec<IpAddr>, NameFault> {
    let mut addrs = Vec::new();
    for kind in [A, AAAA] {
        let asked = tokio::time::timeout(patience, exchange(resolver, host, kind)).await;
        addrs.extend(asked.map_err(|_| NameFault::Silent(patience))??);
        if !addrs.is_empty() {
            return Ok(addrs);
        }
    }
    Err(NameFault::Unknown)
}

fn broken(error: std::io::Error) -> NameFault {
    NameFault::Broken(format!("socket: {error}"))
}

async fn exchange(resolver: SocketAddr, host: &str, kind: u16) -> Result<Vec<IpAddr>, NameFault> {
    let any: SocketAddr = match resolver {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await.map_err(broken)?;
    socket.connect(resolver).await.map_err(broken)?;
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|error| NameFault::Broken(error.to_string()))?;
    let question = question(id, host, kind)?;
    socket.send(&question).await.map_err(broken)?;
    let mut answer = [0; ANSWER_MAX];
    loop {
        let len = socket.recv(&mut answer).await.map_err(broken)?;
        let answer = answer.get(..len).unwrap_or_default();
        // A stray answer to an older question is passed over.
        if answer.starts_with(&id) {
            return read(answer, question.len(), kind);
        }
    }
}

/// A question with recursion wanted.
fn question(id: [u8; 2], host: &str, kind: u16) -> Result<Vec<u8>, NameFault> {
    let mut bytes = id.to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in host.trim_end_matches('.').split('.') {
        let len = u8::try_from(label.len()).unwrap_or(0);
        if !(1..=63).contains(&len) {
            return Err(NameFault::Broken("this is no host name".into()));
        }
        bytes.push(len);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    Ok(bytes)
}

/// The addresses in an answer whose question took `asked` bytes with the head.
fn read(answer: &[u8], asked: usize, kind: u16) -> Result<Vec<IpAddr>, NameFault> {
    let short = || NameFault::Broken("the answer does not read".into());
    let code = answer.get(3).ok_or_else(short)? & 0x0f;
    match code {
        0 => {}
        NXDOMAIN => return Err(NameFault::Unknown),
        other => {
            return Err(NameFault::Broken(format!(
                "the resolver answers code {other}"
            )));
        }
    }
    let count = number(answer, 6).ok_or_else(short)?.min(RECORDS_MAX);
    let mut at = asked;
    let mut addrs = Vec::new();
    for _ in 0..count {
        at = past_name(answer, at).ok_or_else(short)?;
        let found = number(answer, at).ok_or_else(short)?;
        let len = usize::from(number(answer, at + 8).ok_or_else(short)?);
        let data = answer.get(at + 10..at + 10 + len).ok_or_else(short)?;
        at += 10 + len;
        if found != kind {
            continue;
        }
        if let Ok(four) = <[u8; 4]>::try_from(data) {
            addrs.push(IpAddr::from(four));
        } else if let Ok(sixteen) = <[u8; 16]>::try_from(data) {
            addrs.push(IpAddr::from(sixteen));
        }
    }
    Ok(addrs)
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes(two.try_into().ok()?))
}

/// The first byte after the name at `at`: labels, or a pointer to some.
fn past_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer & 0xc0 == 0xc0 => return Some(at + 2),
            len => at += usize::from(len) + 1,
        }
    }
}
