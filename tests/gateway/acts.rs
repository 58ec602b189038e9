//! The log of actions: what a renter and a gateway did stands in one chain that is checked.

use std::io::Write;

use serde::Deserialize;

use crate::served::{Served, town};
use crate::stage::{Said, holdfast};

#[derive(Debug, Deserialize)]
struct Head {
    number: u64,
}

#[derive(Debug, Deserialize)]
struct Broken {
    number: u64,
}

#[derive(Debug, Deserialize)]
struct Checked {
    head: Head,
    repaired: u64,
    torn: u64,
    broken: Option<Broken>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    number: u64,
    action: String,
    turn: String,
    by: String,
    of: Option<u64>,
    subject: String,
    #[serde(default)]
    detail: serde_json::Value,
}

/// What a command said that answered no.
fn answered_no(said: Said) -> String {
    assert!(!said.success, "it answered yes: {}", said.out);
    said.out
}

fn export(served: &Served) -> Vec<Entry> {
    let text = served.home.say(&["log", "export"]).well().out;
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn keys_deletes_and_blocks_stand_in_a_log_that_shows_every_change() {
    // Goal: nothing that gives a right or deletes is done unlogged, by command, gateway or S3; the
    // log outlives kill -9 and a torn end, and shows a change, a cut and a rewrite. Method: a real
    // gateway and aws; then damage to copies of the log.
    let mut served = Served::start(town(), "acts");
    let home = served.home.dir.clone();
    served.aws(&["s3", "mb", "s3://acts"]).well();
    served.home.file("body", b"some bytes");
    let body = home.join("body").to_string_lossy().into_owned();
    served.aws(&["s3", "cp", &body, "s3://acts/one"]).well();
    served.aws(&["s3", "rm", "s3://acts/one"]).well();
    served.home.say(&["gateway", "make-token", "reader"]).well();
    served
        .home
        .say(&["gateway", "block", "/b/acts/two", "--why", "order 7"])
        .well();
    served
        .home
        .say(&["gateway", "revoke-key", "HFNONE"])
        .badly();
    let put = served.home.put("given-up", b"bytes to give up", &[]);
    served.home.say(&["rm", &put]).well();

    let entries = export(&served);
    let find = |action: &str, turn: &str| {
        let mut found = entries.iter();
        let found = found.find(|entry| entry.action == action && entry.turn == turn);
        found.unwrap_or_else(|| panic!("no {action} {turn} in {entries:?}"))
    };
    let key = find("make-key", "done");
    assert_eq!(key.detail["access_key"], served.key.access_key.as_str());
    let asked = find("delete-object", "asked");
    assert_eq!(asked.by, format!("s3 {}", served.key.access_key));
    assert_eq!(asked.subject.split('?').next(), Some("/acts/one"));
    assert_eq!(find("delete-object", "done").of, Some(asked.number));
    assert_eq!(find("block", "asked").detail["why"], "order 7");
    let failed = find("revoke-key", "failed");
    assert!(failed.detail.to_string().contains("HFNONE"), "{failed:?}");
    assert_eq!(find("delete", "done").subject, put);
    find("make-token", "done");
    let text = std::fs::read_to_string(home.join("actions.log")).expect("there");
    assert!(
        !text.contains(&served.key.secret_key),
        "no secret in the log"
    );

    let head = home.join("head.json").to_string_lossy().into_owned();
    served.home.say(&["log", "head", "--out", &head]).well();
    served.child.kill();
    served.again();
    // The end of an entry that a power cut tore.
    let log = home.join("actions.log");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&log)
        .expect("opens");
    file.write_all(b"0123456789abcdef half an ent")
        .expect("written");
    let torn = served.home.say(&["log", "verify", "--json"]);
    let torn: Checked = serde_json::from_str(&answered_no(torn)).expect("JSON");
    assert!(torn.torn > 0 && torn.broken.is_none());
    served.home.say(&["gateway", "make-token", "next"]).well();
    let sound: Checked = served.home.say(&["log", "verify", "--json"]).json();
    assert_eq!((sound.repaired, sound.torn), (1, 0));
    assert!(sound.head.number > entries.len() as u64);

    // What an auditor does, with a copy, the head and the key alone.
    let dist = home.join("dist");
    std::fs::create_dir_all(&dist).expect("made");
    std::fs::write(dist.join("a"), "a").expect("written");
    let (dist, out) = (dist.to_string_lossy(), home.join("out"));
    let out = out.to_string_lossy().into_owned();
    let words = ["publish", &dist, "--name", "a", "--version", "1", "--out"];
    let publish = [&words[..], &[&out, "--dry-run"]].concat();
    served.home.say(&publish).well();
    let key = format!("{out}/publish.pub");
    let check = |name: &str, text: &[u8]| {
        let copy = home.join(name);
        std::fs::write(&copy, text).expect("written");
        let copy = copy.to_string_lossy().into_owned();
        let words = ["log", "verify", "--file", &copy, "--json", "--head", &head];
        holdfast(None, &[&words[..], &["--key", &key]].concat())
    };
    let whole = std::fs::read(&log).expect("there");
    check("whole", &whole).well();
    let text = String::from_utf8(whole).expect("text");
    let changed = text.replacen("/acts/one", "/acts/two", 1);
    let said = answered_no(check("changed", changed.as_bytes()));
    let said: Checked = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said.broken.map(|broken| broken.number), Some(asked.number));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let cut = answered_no(check("cut", lines[..3].concat().as_bytes()));
    assert!(cut.contains("\"head_is_there\":false"), "{cut}");
}
