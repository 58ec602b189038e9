//! Guards choose by themselves whom they challenge on chain: a host that lost what it is paid for,
//! and goes on counting it.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use host_core::Amount;
use serde_json::Value;

use crate::stage::{Host, Shape, Town, Watcher, holdfast, noise, quick_ground, until};

const TOKEN: u128 = 1_000_000_000_000_000_000;
const LIMIT: Duration = Duration::from_secs(240);

fn stake(host: &Host) -> u128 {
    let dir = host.dir.to_string_lossy();
    let said: Value = holdfast(None, &["stake", "show", "--dir", &dir, "--json"]).json();
    let live = said["live"].as_str().expect("a sum");
    live.parse().expect("a number")
}

/// Every shard of a volume of 64 MiB turns into other bytes; labels and rings stay
/// (docs/formats/volume.md).
fn spoil(host: &Host) {
    let path = host.dir.join("volume-0");
    let volume = std::fs::metadata(&path).expect("a volume").len();
    let file = std::fs::File::options().write(true).open(&path);
    let file = file.expect("the volume opens");
    let wrong = vec![0xa5; 1 << 20];
    let mut at = (8 << 20) + 4096;
    while at + (1 << 20) < volume {
        file.write_all_at(&wrong, at)
            .expect("the volume is written");
        at += 1 << 20;
    }
    file.sync_all().expect("flushed");
}

#[test]
fn guards_accuse_the_host_that_lost_bytes_and_nobody_else_and_it_is_slashed() {
    // Goal: nobody points at the host. Method: four hosts with stake and proven datasets, two
    // guards without a word on whom to look at; one host's drive turns other bytes. Its stake
    // falls, the others' stands.
    let shape = Shape {
        hosts: 4,
        hubs: 1,
        ground: Some(quick_ground()),
        ..Shape::default()
    };
    let mut town = Town::start("accusing", shape);
    let guards = ["one guard", "another guard"].map(|name| Watcher::start(&town, name));
    for host in &town.hosts {
        let dir = host.dir.to_string_lossy();
        holdfast(None, &["stake", "add", "2t", "--dir", &dir]).well();
    }
    let home = town.renter("renter", Amount(TOKEN));
    let words = [
        "--guard",
        &guards[0].place,
        "--guard",
        &guards[1].place,
        "--guard-round",
        "2",
    ];
    let id = home.put("accusing", &noise("accusing", 4 << 20), &words);
    for host in &town.hosts {
        until("the dataset is proven", LIMIT, || {
            let said = host.log();
            said.contains("storage proof accepted").then_some(())
        });
    }
    let before: Vec<u128> = town.hosts.iter().map(stake).collect();
    let peer = home.places(&id)[0].host;
    let at = town.hosts.iter().position(|host| host.peer == peer);
    let at = at.expect("a host of this town");
    town.hosts[at].stop();
    spoil(&town.hosts[at]);
    town.hosts[at].start();
    // The contract's judgement of a guard's challenge, not of a proof that was missed.
    until("a guard's challenge slashes the host", LIMIT, || {
        let told = guards.iter().map(|guard| guard.log());
        let mut told = told.filter(|log| log.contains("the host was slashed"));
        told.next()
    });
    assert!(stake(&town.hosts[at]) < before[at]);
    for (index, host) in town.hosts.iter().enumerate() {
        if index != at {
            assert_eq!(stake(host), before[index], "an honest host pays nothing");
            let name = host.peer.to_string();
            let accuses = |line: &str| line.contains("challenged on chain") && line.contains(&name);
            let named = |guard: &Watcher| guard.log().lines().any(accuses);
            assert!(!guards.iter().any(named), "nobody accuses {name}");
        }
    }
}
