//! A company's own network: one command runs its services, its members share a key, ten hosts stand
//! on one machine, and nothing leaves it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host_core::{Address, Amount};
use serde::Deserialize;

use crate::capture::{Capture, apart};
use crate::stage::{Child, Home, Host, Plan, noise, until};

/// Hosts on the one machine.
const HOSTS: u16 = 10;
/// The first of their ports.
const FIRST: u16 = 4201;
/// Longest wait for something that takes seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// What `holdfast network --json` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Serves {
    pub(crate) network: PathBuf,
    key: PathBuf,
    pub(crate) hub: String,
    guard: String,
}

/// Starts a network's services at an address, in a directory that may hold it already.
pub(crate) fn network(dir: &Path, ip: &str, fund: &[Address]) -> (Child, Serves) {
    let mut words = vec!["network".to_owned(), "--json".into(), "--dir".into()];
    words.push(dir.to_string_lossy().into_owned());
    words.extend(["--ip".to_owned(), ip.to_owned()]);
    for account in fund {
        words.extend(["--fund".to_owned(), account.to_string()]);
    }
    let child = Child::start("holdfast", &words, &dir.with_extension("log"));
    let serves = child.ready();
    (child, serves)
}

/// A host of the network at a port of its own.
fn host(dir: &Path, n: u16, serves: &Serves) -> Host {
    let listen = format!(r#"swarm.listen=["/ip4/127.0.0.1/tcp/{}"]"#, FIRST + n);
    let plan = Plan {
        set: vec![listen],
        ..Plan::default()
    };
    Host::make(&dir.join(format!("host-{n}")), &serves.network, &plan)
}

/// Whether a port is one of hub, status server, guard or hosts; the chain, the page and the hosts'
/// local interfaces speak HTTP.
fn is_swarm(port: u16) -> bool {
    matches!(port, 4101 | 4102 | 4104) || (FIRST..FIRST + HOSTS).contains(&port)
}

/// The port of an address.
fn port(address: &str) -> u16 {
    let mut parts = address.split('/').skip_while(|part| *part != "tcp");
    parts
        .nth(1)
        .and_then(|port| port.parse().ok())
        .expect("tcp")
}

#[test]
fn a_network_under_a_key_keeps_ten_hosts_apart_and_every_packet_inside() {
    // Goal: a company's network on one machine: no shared ports, locks or fate, no packet outside,
    // no word in the clear, no stranger. Method: a namespace with a way out that is watched; the
    // services from one command, started twice; ten hosts, a file put and got, a host killed; then
    // a host without the key, whose words are the ones a capture would have shown.
    apart(|| {
        let dir = tempfile::tempdir().expect("a directory");
        play(dir.path());
    });
}

fn play(dir: &Path) {
    let home = Home::alone(&dir.join("renter"));
    let (mut child, first) = network(&dir.join("net"), "127.0.0.1", &[]);
    let mut hosts: Vec<Host> = (0..HOSTS).map(|n| host(dir, n, &first)).collect();
    assert!(child.stop().success(), "{}", child.log_tail());
    let mut fund: Vec<Address> = hosts.iter().map(|host| host.address).collect();
    fund.push(home.account);
    let quiet = Capture::start(is_swarm);
    let (child, again) = network(&dir.join("net"), "127.0.0.1", &fund);
    assert_eq!((&first.hub, &first.guard), (&again.hub, &again.guard));
    for host in &mut hosts {
        host.launch();
    }
    for host in &mut hosts {
        host.serving();
    }
    stand_apart(&hosts);
    home.join(&again.network, Amount(1_000_000_000_000_000_000));
    let bytes = noise("private", 300_000);
    let id = until("a put", LIMIT, || put(&home, &bytes));
    hosts[0].kill();
    assert_eq!(home.get(&id, &[]), bytes);
    for host in &hosts[1..] {
        host.status();
    }
    inside(&quiet);
    drop(quiet);
    a_stranger(dir, &again);
    drop(child);
}

/// Puts, once enough hosts are listed.
pub(crate) fn put(home: &Home, bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Put {
        id: String,
    }
    let path = home.file("private", bytes);
    let said = home.try_put(&path, &[]);
    said.success.then(|| said.json::<Put>().id)
}

/// No two hosts listen on one port or hold one lock.
fn stand_apart(hosts: &[Host]) {
    let mut ports = BTreeSet::new();
    for host in hosts {
        let ready = host.ready();
        for address in &ready.addrs {
            assert!(ports.insert(port(address)), "{address} is another's");
        }
        let api = ready.api.expect("a local api");
        assert!(ports.insert(api.port()), "{api} is another's");
    }
}

/// Nothing left, nothing but TCP was spoken, and no protocol was named in the clear.
fn inside(capture: &Capture) {
    let (ways, packets) = capture.ways();
    assert!(packets > 1000, "the capture saw {packets} packets");
    assert!(ways.iter().any(|way| way.swarm), "the swarm was heard");
    for way in &ways {
        assert!(way.from.is_loopback() && way.to.is_loopback(), "{way:?}");
        assert_eq!(way.protocol, 6, "{way:?}");
        assert!(!(way.swarm && way.named), "{way:?}");
    }
}

/// Who has not the key is not let in, is told so, and is what a capture shows in the clear.
fn a_stranger(dir: &Path, serves: &Serves) {
    assert!(serves.key.exists());
    let text = std::fs::read_to_string(&serves.network).expect("the network file");
    let alone = dir.join("stranger.toml");
    std::fs::write(&alone, &text).expect("a file");
    let said = crate::stage::holdfast(
        None,
        &crate::stage::host::init_words(&dir.join("keyless"), &alone, &Plan::default()),
    );
    assert!(!said.success && said.err.contains("swarm.key"), "{said:?}");
    let open = text.replace("swarm_key = true", "swarm_key = false");
    assert_ne!(open, text);
    std::fs::write(&alone, open).expect("a file");
    let mut host = Host::make(&dir.join("stranger"), &alone, &Plan::default());
    let loud = Capture::start(|port| port == 4101);
    host.start();
    until("a word in the clear", LIMIT, || {
        loud.ways()
            .0
            .iter()
            .any(|way| way.swarm && way.named)
            .then_some(())
    });
    let told = until("the host is told why", LIMIT, || {
        host.log()
            .lines()
            .find(|line| line.contains("swarm key"))
            .map(str::to_owned)
    });
    assert!(told.contains("hub"), "{told}");
    let secret = std::fs::read_to_string(&serves.key).expect("the key");
    let secret = secret.lines().last().expect("digits").to_owned();
    for host in std::fs::read_dir(dir).expect("hosts").flatten() {
        let log = host.path().with_extension("log");
        let log = std::fs::read_to_string(log).unwrap_or_default();
        assert!(!log.contains(&secret), "the key stands in {host:?}'s log");
    }
}
