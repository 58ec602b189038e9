//! A file goes out and comes back: whole, in ranges, empty, open, and from what the dead left.

use host_core::Amount;

use crate::stage::{Home, Shape, Town, noise, sha256, shared};

/// More than any file here costs.
pub(crate) const RICH: Amount = Amount(1_000_000_000_000_000_000);

#[test]
fn a_file_comes_back_whole_and_in_ranges_across_every_boundary() {
    // Goal: what was put is what is got, wherever a range begins. Method: 5 MiB are three
    // segments of this geometry; ranges at bytes, at units of 64 KiB and at segment ends, found
    // from both sides.
    let home = shared().renter("ranges", RICH);
    let bytes = noise("ranges", (5 << 20) + 12_345);
    let id = home.put("file", &bytes, &[]);
    assert_eq!(home.get(&id, &[]), bytes);
    let last = bytes.len() - 1;
    let ranges = [
        (0, 0),
        (0, last),
        (last, last),
        (65_535, 65_536),
        (1_000_000, 3_500_000),
        ((2 << 20) - 600, (2 << 20) + 600),
        ((4 << 20) - 2_000, (4 << 20) + 2_000),
    ];
    for (first, end) in ranges {
        let range = format!("{first}-{end}");
        assert!(
            home.get(&id, &["--range", &range]) == bytes[first..=end],
            "range {range}"
        );
    }
    let beyond = format!("0-{}", bytes.len());
    let said = home
        .try_get(&id, &home.dir.join("beyond"), &["--range", &beyond])
        .badly();
    assert!(said.contains(&bytes.len().to_string()), "{said}");
    assert!(
        !home.dir.join("beyond").exists(),
        "a failed get leaves no file"
    );
}

#[test]
fn an_open_file_comes_back_and_two_of_the_same_content_share_their_name() {
    // Goal: --public makes the content's own name. Method: two renters, one content.
    let town = shared();
    let (one, two) = (town.renter("open-one", RICH), town.renter("open-two", RICH));
    let bytes = noise("open", 700_001);
    let id = one.put("file", &bytes, &["--public"]);
    assert_eq!(one.get(&id, &[]), bytes);
    assert_eq!(two.put("another name", &bytes, &["--public"]), id);
    assert_eq!(two.get(&id, &[]), bytes);
    assert_ne!(
        one.put("file", &bytes, &[]),
        id,
        "a sealed one has a name of its own"
    );
}

#[test]
fn empty_and_tiny_files_come_back() {
    // Goal: the corners of length. Method: 0, 1 and 2 bytes, one chunk less, exact and more.
    let home = shared().renter("tiny", RICH);
    for len in [0, 1, 2, 65_535, 65_536, 65_537] {
        let bytes = noise(&format!("tiny {len}"), len);
        for more in [&[][..], &["--public"]] {
            let id = home.put("file", &bytes, more);
            assert!(home.get(&id, &[]) == bytes, "{len} bytes {more:?}");
        }
    }
}

#[test]
fn ls_and_stat_tell_what_is_stored_and_where() {
    // Goal: a renter finds its objects. Method: put one, list it, see every shard of a segment on
    // a host of its own.
    let town = shared();
    let home = town.renter("looking", RICH);
    let id = home.put("notes.txt", &noise("looking", 300_000), &[]);
    let listed: serde_json::Value = home.say(&["ls", "--json"]).json();
    let text = listed.to_string();
    assert!(
        text.contains(&id) && text.contains("notes.txt") && text.contains("300000"),
        "{text}"
    );
    let places = home.places(&id);
    let mut indexes: Vec<u16> = places.iter().map(|place| place.index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, [0, 1, 2, 3]);
    let mut peers: Vec<_> = places
        .iter()
        .map(|place| town.host(&place.host).peer)
        .collect();
    peers.sort_unstable();
    peers.dedup();
    assert_eq!(peers.len(), 4, "a shard each");
    let unknown = home.put("other", b"other", &[]);
    let said = town
        .renter("a stranger", Amount::ZERO)
        .say(&["stat", &unknown])
        .badly();
    assert!(said.contains(&unknown), "{said}");
}

#[test]
fn a_file_survives_as_many_dead_hosts_as_it_has_parity_and_they_return_whole() {
    // Goal: the promise of the code. Method: five hosts, 2+2 shards; kill two hosts that hold data
    // shards, get; start them, see their shards and cheques from another process before.
    let mut town = Town::start(
        "parity",
        Shape {
            hosts: 5,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("survivor", RICH);
    let bytes = noise("survivor", (3 << 20) + 7);
    let id = home.put("file", &bytes, &[]);
    let places = home.places(&id);
    let victims: Vec<_> = places
        .iter()
        .filter(|place| place.index < 2)
        .map(|place| place.host)
        .collect();
    let mut killed = 0;
    for host in town
        .hosts
        .iter_mut()
        .filter(|host| victims.contains(&host.peer))
    {
        host.kill();
        killed += 1;
        let held = places
            .iter()
            .filter(|place| place.host == host.peer)
            .count() as u64;
        let found = host.inspect();
        assert_eq!((found.shards, found.damaged), (held, 0));
        assert_eq!((found.agreements, found.cheques), (held, 1));
    }
    assert_eq!(killed, 2);
    let back = home.get(&id, &[]);
    assert_eq!(sha256(&back), sha256(&bytes));
    for host in &mut town.hosts {
        if victims.contains(&host.peer) {
            host.start();
        }
    }
    let others = town
        .hosts
        .iter_mut()
        .filter(|host| !victims.contains(&host.peer));
    for host in others {
        if places
            .iter()
            .any(|place| place.host == host.peer && place.index >= 2)
        {
            host.kill();
        }
    }
    assert_eq!(
        home.get(&id, &[]),
        bytes,
        "the data shards alone bring it back"
    );
}

#[test]
fn a_removed_object_gives_the_space_back_and_is_gone() {
    // Goal: rm ends what is paid for. Method: two renters hold the same open content on the same
    // four hosts; one removes it, the other still reads; after both the hosts hold nothing.
    let town = Town::start(
        "removal",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let before: Vec<_> = town.hosts.iter().map(|host| host.status()).collect();
    let homes: Vec<Home> = ["left", "right"].map(|name| town.renter(name, RICH)).into();
    let bytes = noise("removal", 900_000);
    let id = homes[0].put("file", &bytes, &["--public"]);
    let count = |town: &Town| {
        let all: Vec<_> = town.hosts.iter().map(|host| host.status()).collect();
        let sum = |of: fn(&crate::stage::Status) -> u64| all.iter().map(of).sum::<u64>();
        (sum(|status| status.shards), sum(|status| status.agreements))
    };
    assert_eq!(count(&town), (4, 4));
    assert_eq!(homes[1].put("file", &bytes, &["--public"]), id);
    let (shards, agreements) = count(&town);
    assert_eq!(agreements, 8);
    assert!(
        (4..=8).contains(&shards),
        "the same shard on the same host is stored once"
    );
    homes[0].say(&["rm", &id, "--json"]).well();
    assert_eq!(count(&town).1, 4);
    assert_eq!(homes[1].get(&id, &[]), bytes);
    homes[0]
        .try_get(&id, &homes[0].dir.join("gone"), &[])
        .badly();
    homes[1].say(&["rm", &id, "--json"]).well();
    assert_eq!(count(&town), (0, 0));
    for (host, before) in town.hosts.iter().zip(&before) {
        let after = host.status();
        assert_eq!((after.used, after.free), (before.used, before.free));
    }
    let listed: serde_json::Value = homes[0].say(&["ls", "--json"]).json();
    assert_eq!(listed, serde_json::json!([]));
}

#[test]
fn two_renters_put_the_same_content_at_the_same_moment() {
    // Goal: a race of leases is no error. Method: two puts of one open content run together on
    // exactly as many hosts as there are shards.
    let town = Town::start(
        "same-moment",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let homes: Vec<Home> = ["now", "also-now"]
        .map(|name| town.renter(name, RICH))
        .into();
    let bytes = noise("same moment", 1 << 20);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let bytes = &bytes;
        let puts: Vec<_> = homes
            .iter()
            .map(|home| scope.spawn(|| home.put("file", bytes, &["--public"])))
            .collect();
        puts.into_iter()
            .map(|put| put.join().expect("the put ends"))
            .collect()
    });
    assert_eq!(ids[0], ids[1]);
    for home in &homes {
        assert_eq!(home.get(&ids[0], &[]), bytes);
    }
    let agreements: u64 = town.hosts.iter().map(|host| host.status().agreements).sum();
    assert_eq!(agreements, 8);
}
