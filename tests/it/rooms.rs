//! Network namespaces that stand behind routers of their own, beside the one a test plays in.
//!
//! Enters: work to run in there, and how a router translates. Leaves: what the work returns.
//! Invariants: every room has loopback, IPv4 alone, and a link only to what it was joined to; what
//! nobody asked for is dropped at a router's outside, as home routers do. A room ends with the last
//! program in it. Does not: name a namespace, or change the machine's own.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use crate::capture::ip;

/// The network that stands for the world; its first address is that of the services.
pub(crate) const WORLD: &str = "203.0.113.1";
/// The port a host listens on.
pub(crate) const PORT: u16 = 4001;

/// How a router lets others reach what is behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Router {
    /// The host's port is mapped.
    Mapped,
    /// Ports are kept, and only who was spoken to is let in.
    Cone,
    /// Every conversation gets another port.
    Symmetric,
}

/// A namespace.
#[derive(Debug)]
pub(crate) struct Room(File);

impl Room {
    /// A namespace with loopback alone.
    pub(crate) fn new() -> Self {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("the test has the right to namespaces");
            no_ipv6();
            ip("link set lo up");
            File::open("/proc/thread-self/ns/net").expect("the namespace")
        });
        Self(made.join().expect("a room"))
    }

    /// Runs work in here.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let done = thread::scope(|scope| {
            let entered = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).expect("the room is there");
                work()
            });
            entered.join()
        });
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Joins it to a bridge of the namespace of this thread: `near` is the link's end here, `far`
    /// its end in the room, with an address of a /24.
    pub(crate) fn join(&self, near: &str, bridge: &str, far: &str, address: &str) {
        let path = self.path();
        ip(&format!(
            "link add {near} type veth peer name {far} netns {path}"
        ));
        ip(&format!("link set {near} master {bridge} up"));
        self.inside(|| {
            ip(&format!("link set {far} up"));
            ip(&format!("addr add {address}/24 dev {far}"));
        });
    }

    /// How `ip` names it.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

/// Switches IPv6 off in the namespace of this thread: its neighbour discovery is no program's.
pub(crate) fn no_ipv6() {
    for scope in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
        let _no_ipv6_here = std::fs::write(path, "1");
    }
}

/// Whether routers can be made here; says why not.
pub(crate) fn can_route() -> bool {
    let can = Command::new("nft").arg("--version").output().is_ok();
    if !can {
        eprintln!("skipped: `nft` is not installed");
    }
    can
}

/// Makes the world in the namespace of this thread.
pub(crate) fn world() {
    ip("link add world type bridge");
    ip(&format!("addr add {WORLD}/24 dev world"));
    ip("link set world up");
}

/// The address of the `n`th router in the world.
pub(crate) fn outside(n: usize) -> String {
    format!("203.0.113.{}", 10 + n)
}

/// A room behind the `n`th router of the world that this thread is in. The router is a room too;
/// it stays as long as the links to it do, so it is given back as well.
pub(crate) fn behind(router: Router, n: usize) -> (Room, Room) {
    let (way, room) = (Room::new(), Room::new());
    let (public, near, far) = (outside(n), format!("10.7.{n}.1"), format!("10.7.{n}.2"));
    way.join(&format!("w{n}"), "world", "wan", &public);
    way.inside(|| {
        ip(&format!(
            "link add lan type veth peer name eth0 netns {}",
            room.path()
        ));
        ip(&format!("addr add {near}/24 dev lan"));
        ip("link set lan up");
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("it routes");
        nft(&rules(router, &far));
    });
    room.inside(|| {
        ip(&format!("addr add {far}/24 dev eth0"));
        ip("link set eth0 up");
        ip(&format!("route add default via {near}"));
    });
    (way, room)
}

fn rules(router: Router, host: &str) -> String {
    let masquerade = match router {
        Router::Symmetric => "masquerade fully-random",
        Router::Mapped | Router::Cone => "masquerade",
    };
    let map = match router {
        Router::Mapped => format!("iifname \"wan\" tcp dport {PORT} dnat ip to {host}:{PORT};"),
        Router::Cone | Router::Symmetric => String::new(),
    };
    format!(
        "table inet way {{
            chain in {{ type nat hook prerouting priority -100; {map} }}
            chain out {{ type nat hook postrouting priority 100; oifname \"wan\" {masquerade}; }}
            chain pass {{ type filter hook forward priority 0;
                iifname \"wan\" ct state new ct status dnat accept;
                iifname \"wan\" ct state new drop; }}
            chain own {{ type filter hook input priority 0; iifname \"wan\" ct state new drop; }}
        }}"
    )
}

fn nft(rules: &str) {
    let done = Command::new("nft").arg(rules).output().expect("nft starts");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "nft {rules}: {said}");
}
