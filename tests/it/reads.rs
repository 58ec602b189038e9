//! Reads that cost: paid within what was agreed, counted once, kept over a kill.

use host_core::Amount;
use serde_json::Value;

use crate::objects::RICH;
use crate::stage::{Home, Host, Plan, Shape, Town, holdfast, noise};

/// Of a GiB of reads, and of keeping a GiB for an epoch.
const READ_PRICE: u128 = 1 << 24;
const KEEP_PRICE: u128 = 1 << 20;

fn town(name: &str, read: u128) -> Town {
    let set = vec![
        format!("offer.price=\"{KEEP_PRICE}\""),
        format!("offer.egress_price=\"{read}\""),
    ];
    Town::start(
        name,
        Shape {
            hosts: 5,
            hubs: 1,
            plan: Plan {
                set,
                ..Plan::default()
            },
            ..Shape::default()
        },
    )
}

/// What a host was paid for reads, and the bytes read for it.
fn sold(host: &Host) -> (u128, u64) {
    let dir = host.dir.to_string_lossy();
    let said: Value = holdfast(None, &["stats", "--dir", &dir, "--json"]).json();
    let paid = said["reads_paid"].as_str().expect("a sum");
    let bytes = said["read_bytes"].as_u64().expect("a count");
    (paid.parse().expect("a number"), bytes)
}

fn sold_by_all(town: &Town) -> (u128, u64) {
    let each = town.hosts.iter().map(sold);
    each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Gets the bytes `first..=last` and tells what was paid meanwhile.
fn get(home: &Home, id: &str, (first, last): (usize, usize), bytes: &[u8]) -> u128 {
    let out = home.dir.join("got");
    let range = format!("{first}-{last}");
    let said: Value = home.try_get(id, &out, &["--range", &range]).json();
    let got = std::fs::read(&out).expect("written");
    assert!(got == bytes[first..=last], "the bytes {range}");
    let paid = said["paid"].as_str().expect("a sum");
    paid.parse().expect("a number")
}

#[test]
fn reads_are_paid_as_agreed_and_an_account_outlives_a_kill() {
    // Goal: nobody reads for nothing, nobody pays twice, looking costs nothing. Method: 2+2 shards
    // on hosts that sell reads; read all and small pieces, look at the object, kill every host,
    // read again.
    let mut town = town("reads", READ_PRICE);
    let home = town.renter("reader", RICH);
    let bytes = noise("reads", 900_000);
    let id = home.put("file", &bytes, &[]);
    assert_eq!(sold_by_all(&town), (0, 0));
    home.say(&["stat", &id]).well();
    assert_eq!(sold_by_all(&town).0, 0, "a look is free");

    let last = bytes.len() - 1;
    let paid = get(&home, &id, (0, last), &bytes);
    let (got, _) = sold_by_all(&town);
    assert_eq!(got, paid, "what one side paid the other has");
    // 900,000 bytes and what hedged asks moved beside them, at 16,384 a MiB.
    assert!(paid >= 14_000, "{paid}");
    let mut paid = paid;
    for at in 0..10 {
        let first = at * 70_000;
        paid += get(&home, &id, (first, first + 99), &bytes);
    }
    assert_eq!(sold_by_all(&town).0, paid);
    for host in &mut town.hosts {
        host.kill();
        host.start();
    }
    assert_eq!(sold_by_all(&town).0, paid, "cheques outlive a kill");
    paid += get(&home, &id, (0, last), &bytes);
    assert_eq!(sold_by_all(&town).0, paid);
    // At 1/64 a byte: each process pays at most as much ahead as it paid before.
    let (_, read) = sold_by_all(&town);
    assert!(paid * 64 <= 3 * u128::from(read), "{paid} for {read} bytes");
}

#[test]
fn a_host_that_asks_a_ransom_for_reads_gets_no_shard() {
    // Goal: bytes are not kept for ransom. Method: hosts that ask a thousandfold; the put names the
    // constraint; a policy that allows it puts.
    let town = town("ransom", KEEP_PRICE * 1000);
    let home = town.renter("wary", RICH);
    let path = home.file("file", &noise("ransom", 10_000));
    let no = home.try_put(&path, &[]).badly();
    assert!(no.contains("read_price_max"), "{no}");
    let policy = home.dir.join("policy.toml");
    let most = Amount(KEEP_PRICE * 1000);
    std::fs::write(&policy, format!("read_price_max = \"{most}\"\n")).expect("written");
    home.say(&["renter", "policy", &policy.to_string_lossy()])
        .well();
    home.try_put(&path, &[]).well();
}
