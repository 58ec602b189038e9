//! A put as something that can be quoted, detached, watched, killed, resumed and given up.

use std::time::Duration;

use host_core::Amount;
use serde_json::Value;

use crate::objects::RICH;
use crate::stage::{Home, Shape, Town, noise, shared, until};

fn agreements(town: &Town) -> u64 {
    town.hosts.iter().map(|host| host.status().agreements).sum()
}

fn town(name: &str) -> Town {
    let shape = Shape {
        hosts: 5,
        hubs: 1,
        ..Shape::default()
    };
    Town::start(name, shape)
}

fn status(home: &Home, session: &str) -> Value {
    home.say(&["put", "status", session, "--json"]).json()
}

fn detach(home: &Home, bytes: &[u8]) -> String {
    let file = home.file("detached", bytes);
    let said: Value = home.try_put(&file, &["--detach"]).json();
    said["session"].as_str().expect("a session").to_owned()
}

#[test]
fn a_dry_run_names_the_cost_and_touches_nobody() {
    // Goal: a renter sees the price before paying it. Method: quote, compare with the put that
    // follows: the same name for open data, no more than the quoted cost.
    let town = town("quote");
    let home = town.renter("asking", RICH);
    let bytes = noise("quote", 1_500_000);
    let file = home.file("file", &bytes);
    let quote: Value = home.try_put(&file, &["--public", "--dry-run"]).json();
    assert_eq!(agreements(&town), 0);
    assert_eq!(home.balance().issued, Amount::ZERO);
    assert_eq!(
        (&quote["bytes"], &quote["shards"]),
        (&1_500_000.into(), &4.into())
    );
    let put: Value = home.try_put(&file, &["--public"]).json();
    assert_eq!(put["id"], quote["id"]);
    let sum = |value: &Value| {
        value
            .as_str()
            .expect("a sum")
            .parse::<u128>()
            .expect("digits")
    };
    assert!(sum(&put["cost"]) <= sum(&quote["cost"]) && sum(&quote["cost"]) > 0);
}

#[test]
fn a_detached_put_answers_at_once_and_its_status_tells_every_step() {
    // Goal: the terminal is free and nothing is hidden. Method: detach, follow to the end, read
    // the states in our words and BTFS's, each with its time; get the object.
    let home = shared().renter("detached", RICH);
    let bytes = noise("detached", 3_000_000);
    let session = detach(&home, &bytes);
    home.say(&["put", "status", &session, "--follow", "--json"])
        .well();
    let ended = until("the put is complete", Duration::from_secs(30), || {
        Some(status(&home, &session)).filter(|now| now["state"] == "completed")
    });
    assert_eq!(ended["btfs"], "complete");
    let words: Vec<&str> = ended["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["btfs"].as_str().expect("a word"))
        .collect();
    for word in ["init", "submit", "wait-upload", "pay", "complete"] {
        assert!(words.contains(&word), "{word} is not among {words:?}");
    }
    let times: Vec<u64> = ended["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["at_ms"].as_u64().expect("a time"))
        .collect();
    assert!(times.is_sorted() && times[0] > 0, "{times:?}");
    let shards = ended["shards"].as_array().expect("shards");
    assert!(
        shards
            .iter()
            .all(|shard| shard["host"].is_string() && shard["agreement"].is_string())
    );
    let id = ended["object"].as_str().expect("an object");
    assert_eq!(home.get(id, &[]), bytes);
}

#[test]
fn a_killed_put_goes_on_where_it_was_and_sends_no_finished_shard_again() {
    // Goal: kill -9 costs at most what was in flight. Method: a put of many segments is killed
    // once some shards are paid; its session goes on to the end; every finished shard keeps its
    // agreement, and hosts hold as many agreements as shards, besides those in flight.
    let town = town("resumed");
    let home = town.renter("resuming", RICH);
    let bytes = noise("resumed", 40 << 20);
    let file = home.file("file", &bytes);
    let mut put = home.begin(&Home::put_words(&file.to_string_lossy(), &[]));
    let folder = home.dir.join("book/sessions");
    let session = until("a session is written down", Duration::from_secs(20), || {
        let entry = std::fs::read_dir(&folder).ok()?.next()?.ok()?;
        Some(entry.file_name().to_string_lossy().into_owned())
    });
    until("some shards are finished", Duration::from_secs(20), || {
        let now = home.say(&["put", "status", &session, "--json"]);
        let now: Value = serde_json::from_str(now.out.lines().last()?).ok()?;
        (now["paid"].as_u64()? >= 4).then_some(())
    });
    put.kill().expect("killed");
    put.wait().expect("gone");
    let named = |now: &Value| -> Vec<String> {
        let shards = now["shards"].as_array().expect("shards");
        shards
            .iter()
            .filter(|shard| shard["state"] == "paid")
            .map(|shard| shard["agreement"].to_string())
            .collect()
    };
    let finished = named(&status(&home, &session));
    let at_kill = agreements(&town);
    let done: Value = home.say(&["put", "resume", &session, "--json"]).json();
    let all = named(&status(&home, &session));
    assert!(
        finished.iter().all(|one| all.contains(one)),
        "a finished shard was given up"
    );
    let shards = done["shards"].as_u64().expect("a count");
    assert_eq!(all.len() as u64, shards);
    let in_flight = at_kill.saturating_sub(finished.len() as u64);
    assert!(
        agreements(&town) <= shards + in_flight,
        "finished shards were sent again"
    );
    let id = done["id"].as_str().expect("an object");
    assert_eq!(home.get(id, &[]), bytes);
    let said = home.say(&["put", "resume", &session]).badly();
    assert!(said.contains(&session), "{said}");
}

#[test]
fn a_put_that_cannot_go_on_says_why_and_is_cancelled_with_its_agreements() {
    // Goal: giving up costs nothing further. Method: kill a put in the middle, cancel its session;
    // what it had placed is released at the hosts; a cancelled session does not go on.
    let town = town("cancelled");
    let home = town.renter("cancelling", RICH);
    let file = home.file("file", &noise("cancelled", 40 << 20));
    let mut put = home.begin(&Home::put_words(&file.to_string_lossy(), &[]));
    until("some shards are agreed", Duration::from_secs(20), || {
        (agreements(&town) >= 4).then_some(())
    });
    put.kill().expect("killed");
    put.wait().expect("gone");
    let folder = home.dir.join("book/sessions");
    let entry = std::fs::read_dir(&folder)
        .expect("sessions")
        .next()
        .expect("one");
    let session = entry
        .expect("it reads")
        .file_name()
        .to_string_lossy()
        .into_owned();
    let before = agreements(&town);
    let said: Value = home.say(&["put", "cancel", &session, "--json"]).json();
    let closed = said["closed"].as_u64().expect("a count");
    assert_eq!(agreements(&town), before - closed);
    assert_eq!(status(&home, &session)["state"], "cancelled");
    home.say(&["put", "resume", &session]).badly();
    assert!(
        closed > 0 || before <= 4,
        "{closed} of {before} were released"
    );
}

#[test]
fn top_up_deposits_what_is_missing_within_its_cap_and_never_beyond() {
    // Goal: a policy with a cap moves the money. Method: an empty vault; a cap of one unit fails
    // and moves nothing, a cap that suffices puts and deposits no more than was missing.
    let town = town("top-up");
    let home = town.renter("topping", Amount::ZERO);
    let bytes = noise("top up", 1_000_000);
    let file = home.file("file", &bytes);
    let said = home.try_put(&file, &["--top-up", "1"]).badly();
    assert!(said.contains("missing"), "{said}");
    assert_eq!(home.balance().vault_balance, Amount::ZERO);
    assert_eq!(agreements(&town), 0);
    let put: Value = home.try_put(&file, &["--top-up", &RICH.to_string()]).json();
    let deposited = home.balance().vault_balance;
    assert!(Amount::ZERO < deposited && deposited <= RICH);
    assert_eq!(deposited.to_string(), put["cost"].as_str().expect("a sum"));
    assert_eq!(home.get(put["id"].as_str().expect("an id"), &[]), bytes);
}

#[test]
fn a_file_that_changed_since_its_session_began_is_not_mixed() {
    // Goal: no object of two halves. Method: stop a put for want of money, change the file,
    // resume.
    let home = shared().renter("changing", Amount::ZERO);
    let file = home.file("file", &noise("before", 500_000));
    home.try_put(&file, &[]).badly();
    let folder = home.dir.join("book/sessions");
    let entry = std::fs::read_dir(&folder)
        .expect("sessions")
        .next()
        .expect("one");
    let session = entry
        .expect("it reads")
        .file_name()
        .to_string_lossy()
        .into_owned();
    let now = status(&home, &session);
    assert_eq!(
        (&now["state"], &now["btfs"]),
        (&"stopped".into(), &"error".into())
    );
    home.file("file", &noise("after", 500_001));
    let said = home.say(&["put", "resume", &session]).badly();
    assert!(said.contains("changed"), "{said}");
}
