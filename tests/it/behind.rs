//! Hosts behind routers: each is reached in the way its router allows, and a file goes to all of
//! them and comes back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use host_core::{Address, Amount};
use serde::Deserialize;

use crate::capture::apart;
use crate::private::{self, Serves};
use crate::rooms::{self, PORT, Room, Router, WORLD, behind, outside};
use crate::stage::{Child, Home, Host, Plan, holdfast, noise, until};
use crate::watching::plain;

/// Longest wait for something that takes seconds.
const LIMIT: Duration = Duration::from_secs(180);
/// The routers, one host behind each.
const ROUTERS: [Router; 5] = [
    Router::Mapped,
    Router::Cone,
    Router::Symmetric,
    Router::Mapped,
    Router::Cone,
];

/// What a relay says when it serves, as far as asked here.
#[derive(Debug, Deserialize)]
struct RelayReady {
    relay: String,
}

/// A host, its room and its router.
struct Behind {
    router: Router,
    room: Room,
    _way: Room,
    host: Host,
}

impl Behind {
    /// What its API says at a path.
    fn api(&self, path: &str) -> String {
        let at = self.host.ready().api.expect("a local api");
        let (_, said) = self
            .room
            .inside(|| plain(at, &format!("GET {path} HTTP/1.1\r\nHost: {at}")));
        said
    }

    /// The value of a counter.
    fn counted(&self, name: &str) -> u64 {
        let text = self.api("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let whole = line.and_then(|rest| rest.trim().split('.').next());
        let value = whole.and_then(|digits| digits.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// From where it can be reached, by its own health.
    fn standpoint(&self) -> String {
        let said = self.api("/health");
        let from = said.find('{').unwrap_or(said.len());
        let mut values = serde_json::Deserializer::from_str(&said[from..]).into_iter();
        let Some(Ok::<serde_json::Value, _>(health)) = values.next() else {
            return said;
        };
        let seen = &health["checks"]["network:reach"][0]["observedValue"];
        seen.as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn hosts_behind_every_kind_of_router_are_put_to_and_got_from() {
    // Goal: a port map is used directly, a cone is punched or relayed, a symmetric router is
    // relayed, and a renter outside needs not know which. Method: a world in a namespace with the
    // services, a relay and the renter; a host behind each router, in namespaces of their own,
    // translated by nftables; the hosts count which way connections came.
    if rooms::can_route() {
        apart(|| {
            let dir = tempfile::tempdir().expect("a directory");
            play(dir.path());
        });
    }
}

fn play(dir: &Path) {
    rooms::world();
    let services = dir.join("net");
    let home = Home::alone(&dir.join("renter"));
    let (mut child, first) = private::network(&services, WORLD, &[]);
    let (_relay, relay) = relay(dir, &first);
    list(&first.network, &relay);
    let mut hosts: Vec<Behind> = (0..ROUTERS.len()).map(|n| host(dir, n, &first)).collect();
    assert!(child.stop().success(), "{}", child.log_tail());
    let mut fund: Vec<Address> = hosts.iter().map(|one| one.host.address).collect();
    fund.push(home.account);
    let (_child, again) = private::network(&services, WORLD, &fund);
    for one in &mut hosts {
        let (room, host) = (&one.room, &mut one.host);
        room.inside(|| host.start());
    }
    for one in &hosts {
        let wanted = match one.router {
            Router::Mapped => "port map",
            Router::Cone | Router::Symmetric => "relay",
        };
        until("the host knows from where it is reached", LIMIT, || {
            (one.standpoint() == wanted).then_some(())
        });
    }
    home.join(&again.network, Amount(1_000_000_000_000_000_000));
    let bytes = noise("behind", 300_000);
    let id = until("a put", LIMIT, || private::put(&home, &bytes));
    assert_eq!(home.get(&id, &[]), bytes);
    ways(&hosts);
    let why = said_why(&hosts, &again);
    assert!(why.contains("relay"), "{why}");
}

/// A relay for every member, in the world.
fn relay(dir: &Path, serves: &Serves) -> (Child, String) {
    let data = dir.join("relay");
    std::fs::create_dir_all(&data).expect("a directory");
    let words = [
        "relay".to_owned(),
        "--network".into(),
        serves.network.to_string_lossy().into_owned(),
        "--data".into(),
        data.to_string_lossy().into_owned(),
        "--listen".into(),
        format!("/ip4/{WORLD}/tcp/4200"),
    ];
    let child = Child::start("holdfast-services", &words, &dir.join("relay.log"));
    let ready: RelayReady = child.ready();
    (child, ready.relay)
}

/// Lists the relay in the network file.
fn list(network: &Path, relay: &str) {
    let text = std::fs::read_to_string(network).expect("the network file");
    let relays = format!("relays = [\"{relay}\"]\nswarm_key = true");
    let listed = text.replace("swarm_key = true", &relays);
    assert_ne!(listed, text);
    std::fs::write(network, listed).expect("the network file");
}

/// A host behind the `n`th router.
fn host(dir: &Path, n: usize, serves: &Serves) -> Behind {
    let router = ROUTERS[n];
    let (way, room) = behind(router, n);
    let mut set = vec![format!(r#"swarm.listen=["/ip4/0.0.0.0/tcp/{PORT}"]"#)];
    if router == Router::Mapped {
        let mapped = format!("/ip4/{}/tcp/{PORT}", outside(n));
        set.push(format!(r#"swarm.announce=["{mapped}"]"#));
    }
    let plan = Plan {
        set,
        ..Plan::default()
    };
    let dir = dir.join(format!("host-{n}"));
    let host = room.inside(|| Host::make(&dir, &serves.network, &plan));
    Behind {
        router,
        room,
        _way: way,
        host,
    }
}

/// Holds the ways connections took to what each router allows.
fn ways(hosts: &[Behind]) {
    let mut counts: BTreeMap<usize, [u64; 2]> = BTreeMap::new();
    for (n, one) in hosts.iter().enumerate() {
        let names = [
            "holdfast_links_relayed_total",
            "holdfast_links_punched_total",
        ];
        counts.insert(n, names.map(|name| one.counted(name)));
    }
    eprintln!("relayed and punched: {counts:?} of {ROUTERS:?}");
    for (n, [relayed, punched]) in counts {
        match ROUTERS[n] {
            Router::Mapped => assert_eq!((relayed, punched), (0, 0), "host {n}"),
            Router::Cone => assert!(relayed + punched > 0, "host {n}"),
            Router::Symmetric => assert!(relayed > 0 && punched == 0, "host {n}"),
        }
    }
}

/// What `holdfast why` says of the host behind a symmetric router, asked from the world.
fn said_why(hosts: &[Behind], serves: &Serves) -> String {
    let one = hosts.iter().find(|one| one.router == Router::Symmetric);
    let peer = one.expect("there is one").host.peer.to_string();
    let network = serves.network.to_string_lossy();
    let said = holdfast(None, &["why", &peer, "--network", &network, "--json"]);
    said.out
}
