//! A box that belongs to nobody: it answers one question, and then its owner.

use std::path::Path;
use std::time::Duration;

#[path = "../support/owner.rs"]
mod owner;

pub(crate) use owner::Owner;

use crate::stage::{Plan, Said, Shape, Town, holdfast, until};

fn unclaimed(name: &str) -> Town {
    let mut town = Town::start(name, Shape::default());
    let set = [
        "health.enabled=true",
        r#"health.listen="127.0.0.1:0""#,
        "health.claim=true",
    ];
    town.add(&Plan {
        set: set.map(str::to_owned).to_vec(),
        ..Plan::default()
    })
    .start();
    town
}

fn claim(town: &Town, code: &str, owner: &Owner) -> Said {
    let ready = town.hosts[0].ready();
    let at = ready.health.expect("the remote door is open").to_string();
    let pin = ready.health_fingerprint.clone().expect("a fingerprint");
    let authority = owner.authority.to_string_lossy();
    let words = ["claim", "--remote", &at, "--pin", &pin, "--code", code];
    holdfast(None, &[&words[..], &["--authority", &authority]].concat())
}

/// What the console is given to show.
fn shown(town: &Town) -> serde_json::Value {
    let path = town.hosts[0].dir.join("run/claim.json");
    let text = std::fs::read_to_string(path).expect("a code is shown");
    serde_json::from_str(&text).expect("it reads")
}

fn fleet(file: &Path, words: &[&str]) -> Said {
    let file = file.to_string_lossy();
    holdfast(None, &[&["fleet", "--file", &file][..], words].concat())
}

#[test]
fn a_claimed_box_obeys_its_owner_and_nobody_else_from_then_on() {
    // Goal: the whole of claiming by code. Method: the real command line with a wrong and the right
    // code; then two operators, one of whom was never told to the box.
    let mut town = unclaimed("claiming");
    let owner = Owner::make(&town.dir, "owner");
    let stranger = Owner::make(&town.dir, "stranger");
    let shown = shown(&town);
    let code = shown["code"].as_str().expect("a code").to_owned();
    let pin = town.hosts[0].ready().health_fingerprint.clone();
    assert_eq!(shown["fingerprint"].as_str(), pin.as_deref());
    let refused = claim(&town, "0000-0000-0000-0000", &owner).badly();
    assert!(
        refused.contains("wrong-code") && refused.contains("4 tries"),
        "{refused}"
    );
    let peer = town.hosts[0].peer.to_string();
    assert!(claim(&town, &code, &owner).well().out.contains(&peer));
    town.hosts[0].ended();
    assert!(
        !town.hosts[0].dir.join("run/claim.json").exists(),
        "a code is shown once"
    );
    town.hosts[0].start();
    let ready = town.hosts[0].ready();
    let at = ready.health.expect("open").to_string();
    let boxes = [("one".to_owned(), at, pin.expect("a pin"), 0)];
    let own = owner.fleet(&boxes);
    let seen = until("the owner to be obeyed", Duration::from_secs(30), || {
        let said = fleet(&own, &["inventory", "--json"]);
        said.success.then(|| said.json::<serde_json::Value>())
    });
    assert_eq!(seen[0]["name"], "one");
    fleet(&stranger.fleet(&boxes), &["inventory"]).badly();
    claim(&town, &code, &stranger).badly();
    let kept = std::fs::read(town.hosts[0].dir.join("owner.pem")).expect("an owner");
    assert_eq!(kept, std::fs::read(&owner.authority).expect("reads"));
}

#[test]
fn five_wrong_codes_end_the_right_one_until_the_next_start() {
    // Goal: a code cannot be guessed. Method: five wrong ones, the right one, a restart.
    let mut town = unclaimed("claiming-guessed");
    let owner = Owner::make(&town.dir, "owner");
    let first = shown(&town)["code"].as_str().expect("a code").to_owned();
    for _ in 0..5 {
        assert!(claim(&town, "guess", &owner).badly().contains("wrong-code"));
    }
    assert!(claim(&town, &first, &owner).badly().contains("code-over"));
    town.hosts[0].kill();
    town.hosts[0].start();
    let second = shown(&town)["code"].as_str().expect("a code").to_owned();
    assert_ne!(first, second);
    assert!(claim(&town, &first, &owner).badly().contains("wrong-code"));
    claim(&town, &second, &owner).well();
}

#[test]
fn an_unclaimed_box_answers_nothing_else_and_a_claim_file_holds_no_key() {
    let town = unclaimed("claiming-nothing-else");
    let owner = Owner::make(&town.dir, "owner");
    let ready = town.hosts[0].ready();
    let pin = ready.health_fingerprint.clone().expect("a pin");
    let at = ready.health.expect("open").to_string();
    let file = owner.fleet(&[("one".to_owned(), at, pin, 0)]);
    fleet(&file, &["inventory"]).badly();
    let out = town.dir.join("claim.bin");
    let (out, key) = (out.to_string_lossy(), owner.key.to_string_lossy());
    let words =
        |authority: &str| holdfast(None, &["claim", "--file", &out, "--authority", authority]);
    assert!(words(&key).badly().contains("private key"));
    words(&owner.authority.to_string_lossy()).well();
    let bytes = std::fs::read(&*out).expect("written");
    assert!(bytes.starts_with(b"holdfast-claim 1\n-----BEGIN CERTIFICATE"));
    assert_eq!(bytes.len() % 512, 0);
}
