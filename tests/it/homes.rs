//! Machines that stand in two networks: shards go over the one that is declared inside, and words
//! with the hub alone are heard in the other.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host_core::{Address, Amount};
use serde::Deserialize;

use crate::capture::{Capture, apart, ip};
use crate::private::{self, Serves};
use crate::rooms::{self, PORT, Room, WORLD};
use crate::stage::{Child, Home, Host, Plan, noise, until};

/// Longest wait for something that takes seconds.
const LIMIT: Duration = Duration::from_secs(180);
/// Hosts, each in both networks.
const HOSTS: usize = 5;
/// Where the services stand inside.
const INNER: &str = "10.50.0.1";
/// What the network file declares.
const PREFIX: &str = "10.50.0.0/24";
/// The outside hub's port.
const HUB: u16 = 4300;
/// The protocol number of group membership.
const IGMP: u8 = 2;

/// What a hub says when it serves, as far as asked here.
#[derive(Debug, Deserialize)]
struct HubReady {
    hub: String,
}

#[test]
fn shards_stay_inside_where_machines_stand_in_two_networks() {
    // Goal: with prefixes declared no shard byte is seen outside them, and hosts are found by a hub
    // that stands outside. Method: five hosts with a link in each network, in namespaces of their
    // own; the hub answers outside alone; every packet is captured while a file is put and got;
    // then a host that would announce an outside address is refused with the prefixes named.
    apart(|| {
        let dir = tempfile::tempdir().expect("a directory");
        play(dir.path());
    });
}

fn play(dir: &Path) {
    rooms::world();
    ip("link add inner type bridge");
    ip(&format!("addr add {INNER}/24 dev inner"));
    ip("link set inner up");
    let home = Home::alone(&dir.join("renter"));
    let (mut child, first) = private::network(&dir.join("net"), INNER, &[]);
    let (_hub, members) = members(dir, &first);
    let rooms: Vec<Room> = (0..HOSTS).map(in_both).collect();
    let mut hosts: Vec<Host> = rooms
        .iter()
        .enumerate()
        .map(|(n, room)| host(dir, n, room, &members))
        .collect();
    assert!(child.stop().success(), "{}", child.log_tail());
    let mut fund: Vec<Address> = hosts.iter().map(|host| host.address).collect();
    fund.push(home.account);
    let (_child, _again) = private::network(&dir.join("net"), INNER, &fund);
    let (shards, words) = (
        Capture::start(|port| port == PORT),
        Capture::start(|port| port == HUB),
    );
    for (room, host) in rooms.iter().zip(&mut hosts) {
        room.inside(|| host.start());
    }
    home.join(&members, Amount(1_000_000_000_000_000_000));
    let bytes = noise("homes", 300_000);
    let id = until("a put", LIMIT, || private::put(&home, &bytes));
    assert_eq!(home.get(&id, &[]), bytes);
    stayed_inside(&shards, &words);
    refused(dir, &rooms[0], &members);
}

/// The network file of the members, with prefixes and a hub that stands outside alone.
fn members(dir: &Path, serves: &Serves) -> (Child, PathBuf) {
    let text = std::fs::read_to_string(&serves.network).expect("the network file");
    let declared = format!("inside = [\"{PREFIX}\"]\nswarm_key = true");
    let text = text.replace("swarm_key = true", &declared);
    let members = serves.network.with_file_name("members.toml");
    std::fs::write(&members, &text).expect("a network file");
    let data = dir.join("hub");
    std::fs::create_dir_all(&data).expect("a directory");
    let words = [
        "hub".to_owned(),
        "--network".into(),
        members.to_string_lossy().into_owned(),
        "--data".into(),
        data.to_string_lossy().into_owned(),
        "--listen".into(),
        format!("/ip4/{WORLD}/tcp/{HUB}"),
    ];
    let child = Child::start("holdfast-services", &words, &dir.join("hub.log"));
    let ready: HubReady = child.ready();
    assert!(text.contains(&serves.hub), "{text}");
    std::fs::write(&members, text.replace(&serves.hub, &ready.hub)).expect("a network file");
    (child, members)
}

/// A room with a link in both networks.
fn in_both(n: usize) -> Room {
    let room = Room::new();
    room.join(&format!("w{n}"), "world", "out0", &rooms::outside(n));
    room.join(
        &format!("i{n}"),
        "inner",
        "in0",
        &format!("10.50.0.{}", 10 + n),
    );
    room
}

fn host(dir: &Path, n: usize, room: &Room, members: &Path) -> Host {
    let plan = Plan {
        set: vec![format!(r#"swarm.listen=["/ip4/0.0.0.0/tcp/{PORT}"]"#)],
        ..Plan::default()
    };
    let dir = dir.join(format!("host-{n}"));
    room.inside(|| Host::make(&dir, members, &plan))
}

/// Shards were seen inside alone, and nothing outside but words with the hub.
fn stayed_inside(shards: &Capture, words: &Capture) {
    let is_out = |ip: Ipv4Addr| ip.octets().starts_with(&[203, 0, 113]);
    let is_in = |ip: Ipv4Addr| ip.octets().starts_with(&[10, 50, 0]);
    let (ways, packets) = shards.ways();
    assert!(packets > 300, "the capture saw {packets} packets");
    assert!(
        ways.iter().any(|way| way.swarm && is_in(way.to)),
        "shards were seen"
    );
    for way in ways.iter().filter(|way| way.swarm) {
        assert!(!is_out(way.from) && !is_out(way.to), "{way:?}");
    }
    let (ways, _) = words.ways();
    assert!(
        ways.iter().any(|way| way.swarm && is_out(way.to)),
        "the hub was heard"
    );
    // The kernel tells routers which groups it listens to (IGMP), on every interface and unasked.
    let ours = ways.iter().filter(|way| way.protocol != IGMP);
    for way in ours.filter(|way| is_out(way.from) || is_out(way.to)) {
        assert!(way.swarm, "not the hub's: {way:?}");
    }
}

/// A host that would be found outside does not start, and says which prefixes there are.
fn refused(dir: &Path, room: &Room, members: &Path) {
    let announce = format!(
        r#"swarm.announce=["/ip4/{}/tcp/{PORT}"]"#,
        rooms::outside(0)
    );
    let plan = Plan {
        set: vec![r#"swarm.listen=["/ip4/0.0.0.0/tcp/0"]"#.into(), announce],
        ..Plan::default()
    };
    let said = room.inside(|| {
        let host = Host::make(&dir.join("stranger"), members, &plan);
        host.start_in_vain()
    });
    assert!(
        said.contains(PREFIX) && said.contains("swarm.announce"),
        "{said}"
    );
}
