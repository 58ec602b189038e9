//! A host that leaves for good: guards move what it keeps, its agreements are given up, its stake
//! is asked back; a kill in the middle changes nothing.

use std::time::Duration;

use host_core::{Amount, PeerId};
use serde::Deserialize;

use crate::stage::{Home, Host, Shape, Town, Watcher, holdfast, noise, until};

const TOKEN: u128 = 1_000_000_000_000_000_000;
const LIMIT: Duration = Duration::from_secs(200);

/// What `holdfast exit --json` says.
#[derive(Debug, Deserialize)]
struct Exit {
    leaving: bool,
    agreements: u64,
    shards: u64,
    unbonding: String,
    next: String,
    done: bool,
}

fn exit(host: &Host, more: &[&str]) -> Exit {
    let dir = host.dir.to_string_lossy();
    let said = holdfast(None, &[&["exit", "--dir", &dir, "--json"], more].concat());
    let line = said.out.lines().last().unwrap_or_default();
    let exit: Exit = serde_json::from_str(line).unwrap_or_else(|_| panic!("{said:?}"));
    let wants = !more.is_empty() || !exit.leaving || exit.done;
    assert_eq!(said.success, wants, "{exit:?}");
    exit
}

/// Puts an object that both guards watch.
fn guarded(home: &Home, guards: &[Watcher; 2], bytes: &[u8]) -> String {
    let budget = TOKEN.to_string();
    let words = [
        "--guard",
        &guards[0].place,
        "--guard",
        &guards[1].place,
        "--guard-round",
        "2",
        "--repair-budget",
        &budget,
    ];
    home.put("leaving", bytes, &words)
}

fn keeps(home: &Home, id: &str, host: &PeerId) -> bool {
    home.places(id).iter().any(|place| place.host == *host)
}

#[test]
fn a_leaving_host_is_emptied_by_guards_survives_a_kill_and_has_its_stake_asked_back() {
    // Goal: an operator can go without anybody losing anything. Method: an object on four of six
    // hosts and two guards; one host with stake says that it leaves, is killed and started again;
    // the guards move its shard, the owner takes that over, and the stake unbonds.
    let shape = Shape {
        hosts: 6,
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start("leaving", shape);
    let guards = ["first guard", "second guard"].map(|name| Watcher::start(&town, name));
    let home = town.renter("renter", Amount(TOKEN));
    let bytes = noise("leaving", 300_000);
    let id = guarded(&home, &guards, &bytes);
    let peer = home.places(&id)[0].host;
    let at = town.hosts.iter().position(|host| host.peer == peer);
    let host = &mut town.hosts[at.expect("a host of this town")];
    let dir = host.dir.to_string_lossy().into_owned();
    holdfast(None, &["stake", "add", "1t", "--dir", &dir]).well();

    let dry = exit(host, &[]);
    assert!(
        !dry.leaving && dry.agreements == 1 && dry.shards == 1,
        "{dry:?}"
    );
    assert!(exit(host, &["--yes"]).leaving);
    host.kill();
    host.start();
    assert!(exit(host, &[]).leaving, "the word lasts over a kill");

    until("the owner takes the move over", LIMIT, || {
        home.say(&["guard", "adopt", &id]).well();
        (!keeps(&home, &id, &peer)).then_some(())
    });
    let host = &town.hosts[at.expect("a host of this town")];
    let left = until("nobody relies on it", LIMIT, || {
        Some(exit(host, &[])).filter(|left| left.agreements == 0)
    });
    assert_eq!(left.shards, 0, "{left:?}");
    until("its stake unbonds", LIMIT, || {
        let left = exit(host, &[]);
        (left.unbonding != "0" || left.done).then_some(())
    });
    let health = holdfast(None, &["health", "--dir", &dir, "--json"]);
    assert!(health.out.contains("leaving"), "{}", health.out);
    assert_eq!(home.get(&id, &[]), bytes);
    let places = home.places(&id);
    let hosts: std::collections::BTreeSet<_> = places.iter().map(|one| one.host).collect();
    assert_eq!(
        (places.len(), hosts.len()),
        (4, 4),
        "each on a host of its own"
    );
    assert!(!exit(host, &[]).next.is_empty());
}

#[test]
fn an_owner_without_guards_moves_what_a_leaving_host_keeps() {
    // Goal: nobody needs a guard for this. Method: the host leaves; `repair` moves its shard while
    // it still serves it, and gives the old agreement up.
    let shape = Shape {
        hosts: 6,
        hubs: 1,
        ..Shape::default()
    };
    let town = Town::start("leaving-alone", shape);
    let home = town.renter("renter", Amount(TOKEN));
    let bytes = noise("leaving alone", 100_000);
    let id = home.put("leaving", &bytes, &[]);
    let peer = home.places(&id)[0].host;
    let host = town.host(&peer);
    exit(host, &["--yes"]);
    home.say(&["repair", &id]).well();
    assert!(!keeps(&home, &id, &peer));
    assert_eq!(exit(host, &[]).agreements, 0);
    assert_eq!(home.get(&id, &[]), bytes);
    // Taken back: it takes new shards again.
    let dir = host.dir.to_string_lossy();
    holdfast(None, &["mode", "--dir", &dir, "serving"]).well();
    assert!(!exit(host, &[]).leaving);
}
