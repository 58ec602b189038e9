//! Agreements whose money waits in the escrow, from the put to the last unit: the renter locks, the
//! hosts are paid for the epochs they prove, what they miss comes back, and nothing is left over.

use std::time::Duration;

use host_core::{AgreementDigest, Amount};
use serde_json::Value;

use crate::stage::{Home, Host, Plan, Shape, Town, block_on, holdfast, noise, quick_ground, until};

mod rewards;

/// Epochs of a day in this renter's network file: short enough to see the end.
const EPOCHS: u64 = 6;
const LIMIT: Duration = Duration::from_secs(240);

fn town() -> Town {
    let mut set = vec!["settle.release_epochs=1".to_owned()];
    set.push("settle.auto_cash=false".into());
    set.push("offer.price=\"1000000000000000\"".into());
    Town::start(
        "escrow",
        Shape {
            hosts: 4,
            hubs: 1,
            plan: Plan {
                set,
                ..Plan::default()
            },
            ground: Some(quick_ground()),
            ..Shape::default()
        },
    )
}

/// A renter whose day has `EPOCHS` epochs. The name of the network, which is all that is signed,
/// stays the same.
fn renter(town: &Town) -> Home {
    let mut network = town.network.clone();
    network.epoch.block_seconds = 86_400 / (network.epoch.epoch_blocks * EPOCHS);
    let file = town.dir.join("renter.toml");
    let text = toml::to_string_pretty(&network).expect("a network is TOML");
    std::fs::write(&file, text).expect("written");
    Home::make_on(town.ground, &town.dir.join("renter"), &file, Amount(1))
}

/// The agreements an object's shards stand under.
fn agreements(home: &Home, id: &str) -> Vec<(AgreementDigest, String)> {
    let said: Value = home.say(&["stat", id, "--json"]).json();
    let places = said["places"].as_array().expect("places").iter();
    let named = places.map(|place| {
        let of = |key: &str| place[key].as_str().expect("a name").to_owned();
        (of("agreement").parse().expect("a digest"), of("host"))
    });
    named.collect()
}

fn index_of(town: &Town, peer: &str) -> usize {
    let mut hosts = town.hosts.iter();
    let index = hosts.position(|host| host.peer.to_string() == peer);
    index.expect("a host of this town")
}

fn of<'a>(town: &'a Town, peer: &str) -> &'a Host {
    &town.hosts[index_of(town, peer)]
}

fn tokens(town: &Town, host: &Host) -> u128 {
    let chain = town.ground.chain();
    block_on(chain.token_balance(host.address)).expect("told").0
}

#[test]
fn an_escrowed_object_pays_proven_epochs_gives_missed_ones_back_and_ends_empty() {
    // Goal: a renter who trusts no host, end to end. Method: four hosts with stake on a chain with
    // short epochs; put with the money in the escrow; one host is killed; the others are paid from
    // their own datasets; the chain is moved past the term; every sum is read from the chain.
    let mut town = town();
    for host in &town.hosts {
        let dir = host.dir.to_string_lossy();
        holdfast(None, &["stake", "add", "2t", "--dir", &dir]).well();
    }
    let before: Vec<u128> = town.hosts.iter().map(|host| tokens(&town, host)).collect();
    let home = renter(&town);
    let path = home.file("kept", &noise("escrow", 300_000));
    let refused = home.try_put(&path, &["--pay", "escrow"]).badly();
    assert!(refused.contains("purse-short"), "{refused}");
    let put = home.try_put(
        &path,
        &["--pay", "escrow", "--top-up", "900000000000000000000"],
    );
    let put: Value = put.json();
    let id = put["id"].as_str().expect("an id").to_owned();
    let leases = agreements(&home, &id);
    let chain = town.ground.chain();
    let lease = |name: &AgreementDigest| block_on(chain.lease(name)).expect("told");
    let locked: u128 = leases.iter().map(|(name, _)| lease(name).left.0).sum();
    assert_eq!(put["locked"], locked.to_string(), "{put}");
    assert_eq!(home.balance().issued, Amount::ZERO, "a cheque left too");
    assert_eq!(home.get(&id, &[]), noise("escrow", 300_000));

    // The fee of an agreement paid by the escrow and of one paid by cheques, on one host.
    home.say(&["wallet", "wrap", "2t"]).well();
    home.say(&["wallet", "deposit", "1t"]).well();
    let cheques = home.put("cheques", &noise("cheques", 300_000), &[]);
    let cheques = agreements(&home, &cheques);
    let (first, worker) = leases[1].clone();
    let second = cheques.iter().find(|(_, host)| *host == worker);
    let rewarded = [first, second.expect("a shard on each host").0];
    for name in &rewarded {
        rewards::sponsor(&home, name);
    }

    let (dead, dead_host) = leases[0].clone();
    let killed = index_of(&town, &dead_host);
    town.hosts[killed].kill();
    let living: Vec<AgreementDigest> = leases.iter().skip(1).map(|(name, _)| *name).collect();
    until("every living host is paid for an epoch", LIMIT, || {
        living
            .iter()
            .all(|name| lease(name).released > 0)
            .then_some(())
    });
    rewards::count(of(&town, &worker), &rewarded, &dead);
    until("missed epochs come back", LIMIT, || {
        home.say(&["renter", "pay", "--json"]).well();
        (lease(&dead).refunded > 0).then_some(())
    });
    let dry = home.say(&["escrow", "settle", &dead.to_string()]).badly();
    assert!(dry.contains("settles from epoch"), "{dry}");

    town.ground
        .mine((EPOCHS + 20) * town.network.epoch.epoch_blocks);
    home.say(&["renter", "pay", "--json"]).well();
    let mut paid = 0;
    for (name, host) in &leases {
        let said: Value = holdfast(
            None,
            &[
                "escrow",
                "show",
                &name.to_string(),
                "--network",
                &town.file.to_string_lossy(),
                "--json",
            ],
        )
        .json();
        assert_eq!(
            (&said["state"], &said["left"]),
            (&"settled".into(), &"0".into())
        );
        let terms = lease(name);
        let share = locked / leases.len() as u128;
        let earned = share * u128::from(terms.released) / u128::from(EPOCHS);
        let index = index_of(&town, host);
        let cashed = match *host == worker {
            true => town.hosts[index].status().cashed.0,
            false => 0,
        };
        let got = tokens(&town, &town.hosts[index]) - before[index] - cashed;
        assert!(got.abs_diff(earned) <= 1, "{host} got {got} of {earned}");
        paid += got;
    }
    let at = town.network.contracts.escrow().expect("an escrow");
    let held = block_on(chain.token_balance(at)).expect("told");
    assert_eq!(held, Amount::ZERO, "{paid} paid of {locked}, {held} left");

    let host = of(&town, &worker);
    let before = tokens(&town, host);
    let claimed = rewards::claim(host);
    assert!(claimed > 0, "nothing was claimed");
    assert_eq!(tokens(&town, host) - before, claimed);
    let back: Value = home
        .say(&[
            "airdrop",
            "reclaim",
            &first.to_string(),
            "--dry-run",
            "--json",
        ])
        .json();
    assert!(back["moves"] != "0", "{back}");
    home.say(&["airdrop", "reclaim", &first.to_string()]).well();
}
