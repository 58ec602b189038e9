//! A put as a lease: extended, paid epoch after epoch, shared by two processes of one home; and what
//! every failing command says, in words and as JSON.

use std::time::Duration;

use host_core::Amount;
use serde_json::Value;

use crate::objects::RICH;
use crate::stage::{Home, Shape, Town, ground, noise, shared, until};

fn town(name: &str) -> Town {
    Town::start(
        name,
        Shape {
            hosts: 5,
            hubs: 1,
            ..Shape::default()
        },
    )
}

fn received(town: &Town) -> u128 {
    let sums = town.hosts.iter().map(|host| host.status().received.0);
    sums.sum()
}

fn agreements(town: &Town) -> u64 {
    town.hosts.iter().map(|host| host.status().agreements).sum()
}

/// Puts a file for some days with more words.
fn put(home: &Home, path: &str, days: &str, more: &[&str]) -> Value {
    let words = ["put", path, "--days", days, "--data", "2", "--parity", "2"];
    home.say(&[&words[..], more, &["--json"]].concat()).json()
}

/// The error object a failing command says, held against what it says to a person.
fn error(home: &Home, words: &[&str]) -> Value {
    let said = home.say(words);
    assert!(!said.success, "{words:?} worked");
    let line = said.out.lines().last().expect("a line of json");
    let value: Value = serde_json::from_str(line).expect("json");
    let error = value["error"].clone();
    for word in ["code", "next"] {
        let text = error[word].as_str().expect("text");
        assert!(said.err.contains(text), "{text} is not in {}", said.err);
    }
    assert!(error["who"].is_string() && error["message"].is_string());
    error
}

#[test]
fn a_put_says_what_is_stored_and_reuse_extends_it_without_sending() {
    // Goal: content that is stored is leased on, not sent again. Method: put, put again (a lease of
    // its own, which says what is there), then --reuse for longer: every host keeps as many shards
    // as before, the end is later, one lease a shard is left, and the object comes back.
    let town = town("extended");
    let home = town.renter("extending", RICH);
    let bytes = noise("extended", 2_500_000);
    let path = home.file("file", &bytes);
    let path = path.to_string_lossy();
    let first = put(&home, &path, "1", &["--public"]);
    assert_eq!(first["already"], Value::Array(Vec::new()));
    let shards = |town: &Town| -> u64 { town.hosts.iter().map(|h| h.status().shards).sum() };
    let second = put(&home, &path, "1", &["--public"]);
    assert_eq!(second["id"], first["id"]);
    assert_eq!(second["already"][0]["object"], first["id"]);
    assert!(second["already"][0]["until_ms"].is_u64());
    let each = first["shards"].as_u64().expect("a count");
    assert_eq!(agreements(&town), 2 * each);
    let before = shards(&town);
    let third = put(&home, &path, "3", &["--public", "--reuse"]);
    assert_eq!(
        (&third["reused"], &third["id"]),
        (&true.into(), &first["id"])
    );
    assert!(third["end_epoch"].as_u64() > second["end_epoch"].as_u64());
    assert_eq!(agreements(&town), each, "one lease a shard is left");
    assert!(shards(&town) <= before, "nothing was sent");
    let id = first["id"].as_str().expect("an id");
    assert_eq!(home.get(id, &[]), bytes);
    let words = ["put", &path, "--days", "2", "--data", "2", "--parity", "2"];
    let words = [&words[..], &["--public", "--reuse", "--json"]].concat();
    assert_eq!(error(&home, &words)["code"], "already-stored");
}

#[test]
fn later_epochs_are_paid_by_the_renter_until_the_end() {
    // Goal: a host is paid for each epoch that begins, once. Method: short epochs, a put, and
    // `renter pay` whenever one has begun; the hosts' own sums rise by what it says it promised.
    let mut epoch = ground().rule();
    epoch.epoch_blocks = 10;
    let shape = Shape {
        hosts: 5,
        hubs: 1,
        epoch: Some(epoch),
        ..Shape::default()
    };
    let town = Town::start("paying", shape);
    let home = town.renter("paying", RICH);
    let path = home.file("file", &noise("paying", 800_000));
    let put = put(&home, &path.to_string_lossy(), "1", &[]);
    let first = received(&town);
    let issued: u128 = put["issued"]
        .as_str()
        .and_then(|sum| sum.parse().ok())
        .expect("a sum");
    assert_eq!(first, issued);
    let paid: Value = until(
        "an epoch begins and is paid",
        Duration::from_secs(60),
        || {
            let paid: Value = home.say(&["renter", "pay", "--json"]).json();
            (paid["due"].as_u64()? > 0).then_some(paid)
        },
    );
    assert_eq!(paid["paid"], paid["due"], "{paid}");
    assert_eq!(paid["missed"], Value::Array(Vec::new()));
    let promised: u128 = paid["promised"]
        .as_str()
        .and_then(|sum| sum.parse().ok())
        .expect("a sum");
    assert!(promised > 0);
    assert_eq!(received(&town), first + promised);
    let session = put["session"].as_str().expect("a session");
    let status: Value = home.say(&["put", "status", session, "--json"]).json();
    let through = status["shards"][0]["paid_through"].as_u64();
    assert!(through > paid["epoch"].as_u64(), "{status}");
}

#[test]
fn two_puts_of_one_home_at_once_pay_every_host_exactly() {
    // Goal: two processes of one home never cross their cheques. Method: both put to the same five
    // hosts at the same time; what the hosts count is what the home promised, to the unit.
    let town = town("crossing");
    let home = town.renter("crossing", RICH);
    let mut puts: Vec<_> = (0..2)
        .map(|number| {
            let bytes = noise(&format!("crossing {number}"), 6_000_000);
            let path = home.file(&format!("file-{number}"), &bytes);
            home.begin(&Home::put_words(&path.to_string_lossy(), &[]))
        })
        .collect();
    for put in &mut puts {
        assert!(put.wait().expect("it ends").success());
    }
    let balance = home.balance();
    assert!(balance.issued > Amount::ZERO);
    assert_eq!(received(&town), balance.issued.0);
    let listed: Value = home.say(&["ls", "--json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_failing_command_names_a_code_who_acts_and_the_next_step() {
    // Goal: scripts branch on codes, people read the next step. Method: commands that must fail,
    // each with its code; the session of a failed put tells the same.
    let nobody = crate::stage::holdfast(None, &["ls", "--json"]);
    assert!(
        !nobody.success && nobody.out.contains("\"no-home\""),
        "{}",
        nobody.out
    );
    let home = shared().renter("failing", Amount::ZERO);
    let unknown = "bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    assert_eq!(
        error(&home, &["stat", unknown, "--json"])["code"],
        "object-unknown"
    );
    let session = "00".repeat(16);
    let asked = error(&home, &["put", "status", &session, "--json"]);
    assert_eq!(
        (&asked["code"], &asked["who"]),
        (&"session-unknown".into(), &"operator".into())
    );
    let missing = home.dir.join("missing");
    let words = ["put", &missing.to_string_lossy(), "--json"].map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(error(&home, &words)["code"], "file-missing");
    let path = home.file("file", &noise("failing", 300_000));
    let path = path.to_string_lossy();
    let short = error(&home, &Home::put_words(&path, &[]));
    assert_eq!(
        (&short["code"], &short["who"]),
        (&"vault-short".into(), &"operator".into())
    );
    let capped = error(&home, &Home::put_words(&path, &["--top-up", "1"]));
    assert_eq!(capped["code"], "top-up-cap");
    let folder = home.dir.join("book/sessions");
    let entry = std::fs::read_dir(folder)
        .expect("sessions")
        .next()
        .expect("one");
    let name = entry.expect("it reads").file_name();
    let status = ["put", "status", &name.to_string_lossy(), "--json"].map(str::to_owned);
    let status: Vec<&str> = status.iter().map(String::as_str).collect();
    let told: Value = home.say(&status).json();
    assert_eq!(told["error"]["code"], "vault-short");
    assert_eq!(told["error"]["next"], short["next"]);
    let many = Home::put_words(&path, &[]).into_iter();
    let many: Vec<&str> = many
        .map(|word| if word == "2" { "40" } else { word })
        .collect();
    assert_eq!(error(&home, &many)["code"], "too-few-hosts");
}
