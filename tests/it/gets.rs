//! What a renter reads and learns while hosts come and go.

use crate::objects::RICH;
use crate::stage::{Home, Shape, Town, noise};

fn health(home: &Home, id: &str) -> serde_json::Value {
    let stat: serde_json::Value = home.say(&["stat", id, "--json"]).json();
    stat["health"].clone()
}

#[test]
fn ranges_come_back_past_a_dead_host_and_stat_tells_what_may_still_die() {
    // Goal: a small read needs no whole segment and no certain host; what stat says is what hosts
    // show. Method: five hosts, 2+2 shards; kill the keeper of the first data shard, read over
    // every kind of boundary, ask how the object is before, meanwhile and after.
    let mut town = Town::start(
        "gets",
        Shape {
            hosts: 5,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("reader", RICH);
    let bytes = noise("reader", (4 << 20) + 77);
    let id = home.put("file", &bytes, &[]);
    let well = health(&home, &id);
    let shards = well["alive"].as_u64().expect("a count");
    assert_eq!((well["may_die"].as_u64(), shards % 4), (Some(2), 0));
    assert_eq!(well["segments_asked"], well["segments"]);
    assert!(well["epochs_left"].as_u64().is_some_and(|left| left > 0));
    // The term of a day ends first.
    assert!(
        well["days_to_danger"]
            .as_u64()
            .is_some_and(|days| days <= 1)
    );

    let out = home.dir.join("one");
    let one: serde_json::Value = home.try_get(&id, &out, &["--range", "9-9"]).json();
    assert!(
        one["moved"]
            .as_u64()
            .is_some_and(|moved| moved <= 3 * 65_536),
        "{one}"
    );

    let places = home.places(&id);
    let first = places.iter().find(|place| place.index == 0);
    let keeper = first.expect("a first shard").host;
    let held = places.iter().filter(|place| place.host == keeper).count() as u64;
    let dead = town.hosts.iter_mut().find(|host| host.peer == keeper);
    let dead = dead.expect("ours");
    dead.kill();
    let ill = health(&home, &id);
    assert_eq!(ill["unreachable"].as_u64(), Some(held));
    assert_eq!(ill["alive"].as_u64(), Some(shards - held));
    assert_eq!(ill["may_die"].as_u64(), Some(1));
    let last = bytes.len() - 1;
    let ranges = [
        (0, 0),
        (65_535, 65_536),
        (262_143, 262_145),
        (2_031_615, 2_031_617),
        (last, last),
        (0, last),
    ];
    for (first, end) in ranges {
        let range = format!("{first}-{end}");
        let got = home.get(&id, &["--range", &range]);
        assert!(got == bytes[first..=end], "range {range}");
    }
    dead.start();
    assert_eq!(health(&home, &id)["alive"].as_u64(), Some(shards));
}
