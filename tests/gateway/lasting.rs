//! What a gateway keeps lasts: lost shards come back, terms are extended, within a cap.

use std::time::Duration;

use crate::served::{Served, start_town};
use crate::stage::{ground, noise, until};

/// A look every second: each reads a unit of four shards.
const OFTEN: [&str; 4] = ["--look-every", "1", "--renew-within", "1"];
/// Rounds of looks on a machine that is busy.
const SOON: Duration = Duration::from_secs(120);

/// First epoch after the term of the only object there is.
fn end_epoch(served: &Served) -> u64 {
    let listed: serde_json::Value = served.home.say(&["ls", "--json"]).json();
    listed[0]["end_epoch"].as_u64().expect("an epoch")
}

#[test]
fn lost_shards_come_back_and_terms_are_extended_within_the_cap() {
    // Goal: an object outlives a host and its first term without anybody asking. Method: of six
    // hosts four hold a shard, one of them dies; epochs pass; then a cap that is too small.
    let mut town = start_town("lasting");
    let mut served = Served::start_with(&town, "lasting", &OFTEN);
    served.aws(&["s3", "mb", "s3://kept"]).well();
    let body = noise("lasting", 600_000);
    let file = served.home.file("body", &body);
    let file = file.to_string_lossy().into_owned();
    served.aws(&["s3", "cp", &file, "s3://kept/k"]).well();
    let listed: serde_json::Value = served.home.say(&["ls", "--json"]).json();
    let id = listed[0]["id"].as_str().expect("an id").to_owned();

    let dead = served.home.places(&id)[0].host;
    let host = town.hosts.iter_mut().find(|host| host.peer == dead);
    host.expect("a host of the town").kill();
    until("its shard is on another host", SOON, || {
        let places = served.home.places(&id);
        let whole = places.len() == 4 && places.iter().all(|place| place.host != dead);
        whole.then_some(())
    });

    let before = end_epoch(&served);
    ground().mine(super::EPOCH_BLOCKS);
    until("the term is extended", SOON, || {
        (end_epoch(&served) > before).then_some(())
    });

    served.child.kill();
    served.again_with(&[&OFTEN[..], &["--renew-cap", "1"]].concat());
    let before = end_epoch(&served);
    ground().mine(super::EPOCH_BLOCKS);
    until("the cap is named", SOON, || {
        served
            .child
            .log_tail()
            .contains("the cap is 1")
            .then_some(())
    });
    assert_eq!(end_epoch(&served), before);
    let out = served.home.dir.join("out").to_string_lossy().into_owned();
    served.aws(&["s3", "cp", "s3://kept/k", &out]).well();
    assert!(std::fs::read(&out).expect("there") == body);
}
