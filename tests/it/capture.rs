//! A network namespace of one thread, and everything that passes through it, packet by packet.
//!
//! Enters: work to run in there. Leaves: what a packet socket on every interface saw. Invariants:
//! children started by the work inherit the namespace; a way out leads over a link that is watched,
//! so that what would leave is seen rather than refused. Does not: change the namespace of the
//! machine or of another test, or keep packets.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::rooms::no_ipv6;

/// Bytes of packets that may wait to be read.
const BACKLOG: usize = 256 << 20;
/// What a packet of a protocol that hides nothing holds: names that negotiate, in the clear.
const NAMES: [&[u8]; 4] = [b"/multistream/", b"/noise", b"/yamux", b"holdfast/"];

/// Where a packet went, as far as a judge asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    /// 6 is TCP, 17 is UDP.
    pub(crate) protocol: u8,
    /// Either port is one of the swarm's.
    pub(crate) swarm: bool,
    /// It names a protocol in the clear.
    pub(crate) named: bool,
}

/// Everything that passed so far.
#[derive(Debug, Default)]
struct Seen {
    ways: BTreeSet<Way>,
    others: BTreeSet<u16>,
    packets: u64,
}

/// A running capture.
#[derive(Debug)]
pub(crate) struct Capture {
    seen: Arc<Mutex<Seen>>,
    done: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

/// Runs work in a network namespace of its own that has loopback and a link to nowhere; none, with
/// the reason said, where there is no right to one.
pub(crate) fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let there = Command::new("ip").arg("-V").output();
    if there.is_err() {
        eprintln!("skipped: `ip` is not installed");
        return None;
    }
    let inside = thread::spawn(move || {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            eprintln!("skipped: network namespaces need root");
            return None;
        }
        no_ipv6();
        for line in [
            "link set lo up",
            "link add out0 type veth peer name out1",
            "addr add 10.99.0.2/24 dev out0",
            "link set out0 up",
            "link set out1 up",
            "route add default via 10.99.0.1",
            "neigh add 10.99.0.1 lladdr 02:00:00:00:00:01 dev out0 nud permanent",
        ] {
            ip(line);
        }
        Some(work())
    });
    match inside.join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs `ip` in the namespace of this thread.
pub(crate) fn ip(line: &str) {
    let done = Command::new("ip").args(line.split(' ')).output();
    let done = done.expect("iproute2 is installed");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "ip {line}: {said}");
}

impl Capture {
    /// Sees every packet of this thread's namespace from now on; `swarm` tells which ports
    /// are the swarm's.
    pub(crate) fn start(swarm: impl Fn(u16) -> bool + Send + 'static) -> Self {
        let line = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthAll,
        )
        .expect("a packet socket");
        setsockopt(&line, sockopt::RcvBufForce, &BACKLOG).expect("a wide buffer");
        setsockopt(&line, sockopt::ReceiveTimeout, &TimeVal::milliseconds(50)).expect("a bound");
        let (seen, done) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let (into, until) = (Arc::clone(&seen), Arc::clone(&done));
        let reader = thread::spawn(move || read(&line, &swarm, &into, &until));
        Self {
            seen,
            done,
            reader: Some(reader),
        }
    }

    /// The different ways packets went until now, and how many packets.
    pub(crate) fn ways(&self) -> (BTreeSet<Way>, u64) {
        let seen = self.seen.lock().expect("the reader does not panic");
        assert!(seen.others.is_empty(), "ether types {:x?}", seen.others);
        (seen.ways.clone(), seen.packets)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ended = reader.join();
        }
    }
}

fn read(line: &OwnedFd, swarm: &dyn Fn(u16) -> bool, into: &Mutex<Seen>, until: &AtomicBool) {
    let mut buffer = vec![0; 128 * 1024];
    while !until.load(Ordering::Relaxed) {
        let Ok(len) = recv(line.as_raw_fd(), &mut buffer, MsgFlags::empty()) else {
            continue;
        };
        let packet = &buffer[..len];
        let mut seen = into.lock().expect("only reads elsewhere");
        seen.packets += 1;
        match judge(packet, swarm) {
            Ok(way) => {
                seen.ways.insert(way);
            }
            Err(0x0806) => {} // ARP: asks for neighbours, carries nothing
            Err(other) => {
                seen.others.insert(other);
            }
        }
    }
}

/// What a packet is: Ethernet, then IPv4. Errors with the ether type of anything else.
fn judge(packet: &[u8], swarm: &dyn Fn(u16) -> bool) -> Result<Way, u16> {
    let two = |at: usize| match packet.get(at..at + 2) {
        Some([high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    let address = |at: usize| {
        let bytes: [u8; 4] = packet[at..at + 4].try_into().expect("four bytes");
        Ipv4Addr::from(bytes)
    };
    if two(12) != 0x0800 || packet.len() < 34 {
        return Err(two(12));
    }
    let (protocol, start) = (packet[23], 14 + usize::from(packet[14] & 15) * 4);
    let with_ports = protocol == 6 || protocol == 17;
    Ok(Way {
        from: address(26),
        to: address(30),
        protocol,
        swarm: with_ports && (swarm(two(start)) || swarm(two(start + 2))),
        named: NAMES.iter().any(|name| {
            let rest = packet.get(start..).unwrap_or_default();
            rest.windows(name.len()).any(|window| window == *name)
        }),
    })
}
