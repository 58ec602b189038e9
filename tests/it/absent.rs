//! What a renter is told when something is missing: hosts, space, money, hubs, the chain. Each
//! time no host has heard of it, and the next put after the cure works.

use host_core::Amount;

use crate::objects::RICH;
use crate::stage::{Plan, Proxy, Shape, Town, noise};

fn agreements(town: &Town) -> u64 {
    town.hosts.iter().map(|host| host.status().agreements).sum()
}

#[test]
fn fewer_hosts_than_shards_are_an_error_with_both_numbers() {
    // Goal: a put that cannot end well does not begin. Method: three hosts for 2+2, then a fourth.
    let mut town = Town::start(
        "three-hosts",
        Shape {
            hosts: 3,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("hopeful", RICH);
    let bytes = noise("three hosts", 100_000);
    let said = home.try_put(&home.file("file", &bytes), &[]).badly();
    assert!(said.contains("4 hosts are needed, 3"), "{said}");
    assert_eq!(agreements(&town), 0);
    town.add(&Plan::default()).start();
    town.listed(4);
    let id = home.put("file", &bytes, &[]);
    assert_eq!(home.get(&id, &[]), bytes);
}

#[test]
fn a_file_larger_than_all_free_space_is_refused_before_a_byte_is_sent() {
    // Goal: the check stands before the work. Method: hosts of 16 MiB, a file of 60 MiB.
    let volumes = vec!["volume-0=16 MiB".to_owned()];
    let plan = Plan {
        volumes,
        ..Plan::default()
    };
    let town = Town::start(
        "small-hosts",
        Shape {
            hosts: 4,
            hubs: 1,
            plan,
            ..Shape::default()
        },
    );
    let home = town.renter("greedy", RICH);
    let said = home
        .try_put(&home.file("file", &vec![7; 60 << 20]), &[])
        .badly();
    assert!(said.contains("needed") || said.contains("free"), "{said}");
    assert_eq!(agreements(&town), 0);
    let bytes = noise("modest", 200_000);
    let id = home.put("modest", &bytes, &[]);
    assert_eq!(home.get(&id, &[]), bytes);
}

#[test]
fn a_vault_without_cover_is_named_with_needed_available_and_missing() {
    // Goal: money is checked before any host is contacted. Method: an empty vault, read the three
    // sums, deposit exactly what is missing, put.
    let town = Town::start(
        "no-cover",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("short", Amount::ZERO);
    let bytes = noise("no cover", 1_000_000);
    let file = home.file("file", &bytes);
    let said = home.try_put(&file, &[]).badly();
    let sums: Vec<u128> = said
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .filter(|sum| *sum > 0)
        .collect();
    assert!(said.contains("missing"), "{said}");
    let missing = *sums.iter().max().expect("the sums are named");
    assert!(
        sums.iter().filter(|sum| **sum == missing).count() >= 2,
        "needed and missing: {said}"
    );
    assert_eq!(agreements(&town), 0);
    assert_eq!(home.balance().issued, Amount::ZERO);
    let sum = missing.to_string();
    home.say(&["wallet", "wrap", &sum]).well();
    home.say(&["wallet", "deposit", &sum]).well();
    assert_eq!(home.balance().available, Amount(missing));
    let id = home.put("file", &bytes, &[]);
    assert_eq!(home.get(&id, &[]), bytes);
    let balance = home.balance();
    assert!(balance.issued > Amount::ZERO && balance.issued <= Amount(missing));
}

#[test]
fn one_dead_hub_of_two_is_not_noticed_and_with_both_dead_a_known_list_serves() {
    // Goal: no hub is needed for what a renter knows. Method: two hubs; kill one, put; kill the
    // other, put and get; a renter that never saw a hub is told so.
    let mut town = Town::start(
        "hubs",
        Shape {
            hosts: 4,
            hubs: 2,
            ..Shape::default()
        },
    );
    let home = town.renter("regular", RICH);
    let newcomer = town.renter("newcomer", RICH);
    town.hubs[0].child.kill();
    let first = noise("hubs first", 300_000);
    let one = home.put("first", &first, &[]);
    town.hubs[1].child.kill();
    let second = noise("hubs second", 300_000);
    let two = home.put("second", &second, &[]);
    assert_eq!(home.get(&one, &[]), first);
    assert_eq!(home.get(&two, &[]), second);
    let said = newcomer
        .try_put(&newcomer.file("file", &first), &[])
        .badly();
    assert!(said.contains("no") && said.contains("hub"), "{said}");
    assert_eq!(agreements(&town), 8);
}

#[test]
fn a_chain_that_is_gone_stops_puts_with_its_name_and_no_get() {
    // Goal: reading needs no chain; promising does, and says so. Method: put, cut the wire, get,
    // try to put, mend, put.
    let mut wire = Proxy::whole();
    let endpoints = vec![wire.endpoint()];
    let town = Town::start(
        "chain-gone",
        Shape {
            hosts: 4,
            hubs: 1,
            endpoints,
            ..Shape::default()
        },
    );
    let home = town.renter("patient", RICH);
    let bytes = noise("chain gone", 400_000);
    let id = home.put("file", &bytes, &[]);
    wire.cut();
    assert_eq!(home.get(&id, &[]), bytes);
    let other = home.file("other", &noise("chain gone, other", 400_000));
    let said = home.try_put(&other, &[]).badly();
    assert!(said.contains("no chain endpoint answers"), "{said}");
    assert_eq!(agreements(&town), 4);
    wire.mend();
    home.try_put(&other, &[]).well();
    assert_eq!(agreements(&town), 8);
}
