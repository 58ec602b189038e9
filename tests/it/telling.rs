//! What others are told of a publisher: events in order and at least once, signed; a feed of a
//! channel.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use host_core::Amount;
use host_release::PublishKey;
use serde::Deserialize;

use crate::stage::{Home, Mailbox, shared};

const RICH: Amount = Amount(1_000_000_000_000_000_000);

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Event {
    id: String,
    number: u64,
    kind: String,
    subject: String,
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn told(lines: &str) -> Vec<Event> {
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// Publishes a version, checks the copy, points the channel at it. Returns the key's file.
fn release(home: &Home, version: &str) -> String {
    let (tree, out) = (home.dir.join("dist"), text(&home.dir.join(version)));
    std::fs::create_dir_all(&tree).expect("made");
    std::fs::write(tree.join("tool"), version).expect("written");
    let tree = text(&tree);
    let publish = ["publish", &tree, "--name", "tool", "--version", version];
    let more = ["--out", &out, "--data", "2", "--parity", "2", "--days", "1"];
    home.say(&[&publish[..], &more].concat()).well();
    let (manifest, key) = (format!("{out}/manifest.json"), format!("{out}/publish.pub"));
    let verify = ["verify", &manifest, "--key", &key, "--dir", &tree, "--note"];
    home.say(&verify).well();
    let pointer = text(&home.dir.join("stable.json"));
    let channel = [
        "channel",
        &pointer,
        "--set",
        &manifest,
        "--channel",
        "stable",
    ];
    home.say(&channel).well();
    key
}

#[test]
fn what_a_publisher_did_is_told_in_order_and_at_least_once() {
    // Goal: a hook misses nothing: not what happened while it was down, not after a crash between
    // its work and our memory of it. Method: a program and a webhook that refuse at first; then the
    // memory of the program is set back.
    let home = shared().renter("teller", RICH);
    let key = release(&home, "1.0");
    let all = told(&home.say(&["log", "events"]).well().out);
    let expected = ["published", "verified", "channel-moved"];
    assert_eq!(kinds(&all), expected);
    assert_eq!(all[2].subject, "tool stable");

    let (got, down) = (home.dir.join("got"), home.dir.join("down"));
    let script = format!(
        "#!/bin/sh\n[ -e '{}' ] && exit 1\ncat >> '{got}' && echo >> '{got}'\n",
        text(&down),
        got = text(&got)
    );
    let hook = home.file("hook", script.as_bytes());
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).expect("set");
    std::fs::write(&down, "").expect("written");
    let hook = text(&hook);
    let deliver = ["log", "deliver", "ci", "--exec", &hook];
    let said = home.say(&deliver).badly();
    assert!(said.contains("(published) waits"), "{said}");
    std::fs::remove_file(&down).expect("gone");
    let before = std::fs::read(home.dir.join("receivers/ci")).expect("there");
    home.say(&deliver).well();
    let read = || told(&std::fs::read_to_string(&got).expect("there"));
    assert_eq!(read(), all);
    home.say(&deliver).well();
    assert_eq!(read().len(), 3, "nothing twice without need");
    std::fs::write(home.dir.join("receivers/ci"), before).expect("written");
    home.say(&deliver).well();
    assert_eq!(read()[3..], all[..], "the same events with the same ids");

    let mailbox = Mailbox::open(&[503]);
    let url = format!("http://{}/hook?token=7", mailbox.address());
    let deliver = ["log", "deliver", "site", "--webhook", &url];
    let said = home.say(&deliver).badly();
    assert!(said.contains("503") && !said.contains("token"), "{said}");
    home.say(&deliver).well();
    let letters = mailbox.all();
    assert_eq!(letters.len(), 4, "one refused, three taken");
    let key = std::fs::read_to_string(&key).expect("there");
    let key = PublishKey::parse(&key).expect("a key");
    for (letter, event) in letters[1..].iter().zip(&all) {
        let header = |name: &str| letter.header(name).expect("sent");
        let body = String::from_utf8(letter.body.clone()).expect("text");
        let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
        let seconds = seconds.parse().expect("a number");
        let signature = header("webhook-signature");
        assert_eq!(&id, &event.id);
        let signed = key.verify_webhook((&id, seconds, &body), &signature);
        signed.expect("the publisher's");
        let later = key.verify_webhook((&id, seconds + 1, &body), &signature);
        assert!(later.is_err(), "a recording does not pass as new");
    }

    let late = home.file("late", b"#!/bin/sh\nexit 1\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&late, mode).expect("set");
    let late = text(&late);
    let new = ["log", "deliver", "late", "--from-now", "--exec", &late];
    let said = home.say(&new).well().out;
    assert!(said.contains("0 delivered"), "{said}");

    release(&home, "1.1");
    let feed = text(&home.dir.join("stable.atom"));
    let base = ["--base", "https://example.org/tool", "--out", &feed];
    let write = ["log", "feed", "--name", "tool", "--channel", "stable"];
    home.say(&[&write[..], &base].concat()).well();
    let feed = std::fs::read_to_string(feed).expect("there");
    let place = |what: &str| {
        feed.find(what)
            .unwrap_or_else(|| panic!("no {what} in {feed}"))
    };
    assert!(place("<title>tool 1.1</title>") < place("<title>tool 1.0</title>"));
    assert!(feed.contains("https://example.org/tool/1.1/manifest.json"));

    // Two releases are four objects; each end of a term is told once.
    let near = ["log", "expiries", "--within", "1000000"];
    let said = home.say(&near).well().out;
    assert!(said.starts_with("4 objects"), "{said}");
    let said = home.say(&near).well().out;
    assert!(said.starts_with("0 objects"), "{said}");
    let all = told(&home.say(&["log", "events", "--after", "6"]).well().out);
    let ends = all.iter().filter(|event| event.kind == "expiry-near");
    assert_eq!(ends.count(), 4);

    // A log that is another one than what was told is not told from the middle.
    let log = home.dir.join("actions.log");
    let whole = std::fs::read_to_string(&log).expect("there");
    let first = whole.lines().next().expect("an entry");
    std::fs::write(&log, format!("{first}\n")).expect("written");
    let said = home.say(&["log", "deliver", "ci", "--exec", &hook]).badly();
    assert!(said.contains("cut short or written anew"), "{said}");
}
