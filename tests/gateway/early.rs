//! A write is answered once enough hosts have its shards; the rest follows, also after a kill.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::served::Served;
use crate::stage::{Home, Host, Shape, Town, noise, until};

/// Two data shards, two of parity: a write is answered with three of the four.
const MARGIN: [&str; 2] = ["--ack-margin", "1"];
/// Shards that wait are looked at once a minute.
const SOON: Duration = Duration::from_secs(240);
/// More objects than are stored at once.
const BODIES: usize = 10;

/// As many hosts as a segment has shards: none stands by.
fn tight(name: &str) -> Town {
    let shape = Shape {
        hosts: 4,
        hubs: 1,
        ..Shape::default()
    };
    Town::start(name, shape)
}

/// Stops a host's process in its tracks, or lets it go on.
fn signal(host: &Host, name: &str) {
    let pid = host.pid().to_string();
    let sent = Command::new("kill").args([name, &pid]).status();
    assert!(sent.expect("kill runs").success());
}

/// Every session of a home, as `put status` tells it.
fn sessions(home: &Home) -> Vec<Value> {
    let names = |dir: &Path| {
        let found = std::fs::read_dir(dir).expect("lists");
        let names = found.map(|entry| entry.expect("an entry").file_name());
        names.collect::<Vec<_>>()
    };
    let all = names(&home.dir.join("book/sessions")).into_iter();
    let all = all.map(|name| name.to_string_lossy().into_owned());
    all.map(|id| home.say(&["put", "status", &id, "--json"]).json())
        .collect()
}

/// The ids of all stored objects.
fn objects(home: &Home) -> Vec<String> {
    let listed: Value = home.say(&["ls", "--json"]).json();
    let rows = listed.as_array().expect("a list").iter();
    rows.map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn a_host_that_stalls_delays_no_answer_and_its_shards_follow_after_a_kill() {
    // Goal: what is answered with a host stopped in its tracks is kept by three hosts, reads after
    // kill -9, and the next process brings it to all four. Method: more objects than are stored at
    // once, so that those that wait must not keep the next ones from their turn.
    let town = tight("stalling");
    let mut served = Served::start_with(&town, "stalled", &MARGIN);
    let tree = served.dir("tree");
    for index in 0..BODIES {
        let bytes = noise(&format!("stalled {index}"), 300_000);
        std::fs::write(tree.join(format!("f{index}")), bytes).expect("written");
    }
    let tree = tree.to_string_lossy().into_owned();
    served.rclone(&["mkdir", "hf:tree"]).well();
    let stopped = &town.hosts[0];
    signal(stopped, "-STOP");
    served.rclone(&["copy", &tree, "hf:tree"]).well();
    served.child.kill();
    let written = objects(&served.home);
    assert_eq!(written.len(), BODIES);
    for id in &written {
        let places = served.home.places(id);
        assert_eq!(places.len(), 3, "{id}");
        assert!(places.iter().all(|place| place.host != stopped.peer));
    }

    served.again_with(&MARGIN);
    served
        .rclone(&["check", "--download", &tree, "hf:tree"])
        .well();
    signal(stopped, "-CONT");
    until("every shard has its host", SOON, || {
        let whole = |id: &String| served.home.places(id).len() == 4;
        written.iter().all(whole).then_some(())
    });
    until("every put is over", SOON, || {
        let over = |put: &Value| put["state"] == "completed";
        sessions(&served.home).iter().all(over).then_some(())
    });
    let none = |put: &Value| put["unreleased"].as_array().is_some_and(Vec::is_empty);
    assert!(sessions(&served.home).iter().all(none));
    assert_eq!(
        objects(&served.home).len(),
        BODIES,
        "nothing was stored twice"
    );
    served
        .rclone(&["check", "--download", &tree, "hf:tree"])
        .well();
}

#[test]
fn with_one_receipt_too_few_nothing_is_answered() {
    // Goal: an answer stands on three hosts, not on two. Method: two of four are stopped; when the
    // other two are paid the write still waits, and is answered when a third one goes on.
    let town = tight("waiting");
    let served = Served::start_with(&town, "waits", &MARGIN);
    served.aws(&["s3", "mb", "s3://waits"]).well();
    let body = served.home.file("body", &noise("waits", 300_000));
    let body = body.to_string_lossy().into_owned();
    let (first, second) = (&town.hosts[0], &town.hosts[1]);
    signal(first, "-STOP");
    signal(second, "-STOP");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| served.aws(&["s3", "cp", &body, "s3://waits/k"]));
        until("two hosts are paid", SOON, || {
            let all = sessions(&served.home);
            all.iter().any(|put| put["paid"] == 2).then_some(())
        });
        assert_eq!(objects(&served.home), Vec::<String>::new());
        assert!(!writer.is_finished(), "answered with two receipts");
        signal(first, "-CONT");
        writer.join().expect("the client ends").well();
    });
    let id = &objects(&served.home)[0];
    let places = served.home.places(id);
    assert!(places.len() >= 3, "{places:?}");
    signal(second, "-CONT");
    until("the last shard has its host", SOON, || {
        (served.home.places(id).len() == 4).then_some(())
    });
}

#[test]
fn a_margin_beyond_the_parity_is_refused_by_name() {
    let town = crate::served::town();
    let home = town.renter("margin", crate::served::RICH);
    let words = ["gateway", "--listen", "127.0.0.1:0", "--parity", "2"];
    let words = [&words[..], &["--data", "2", "--ack-margin", "3"]].concat();
    let said = home.say(&words).badly();
    assert!(
        said.contains("--ack-margin 3 is more than the 2 parity"),
        "{said}"
    );
}
