//! Deletion that can be shown: the key goes first, hosts sign, an auditor checks offline.

use std::time::Duration;

use serde::Deserialize;

use crate::served::{Served, start_town, town};
use crate::stage::{Home, holdfast, noise, until};
use host_core::Amount;

/// Longest wait for a host that comes back.
const PATIENCE: Duration = Duration::from_secs(60);
const RICH: Amount = Amount(1_000_000_000_000_000_000);

#[derive(Debug, Deserialize)]
struct Shown {
    sealed: bool,
    freed: usize,
    silent: usize,
    segments_gone: usize,
    faults: Vec<String>,
    owner_signed: Option<bool>,
}

/// What an auditor learns with nothing but the report and the key, and whether all of it holds.
fn audit(report: &str, key: &str) -> (bool, Shown) {
    let said = holdfast(None, &["verify-deletion", report, "--key", key, "--json"]);
    let shown = serde_json::from_str(&said.out);
    (
        said.success,
        shown.unwrap_or_else(|why| panic!("{why}: {}", said.err)),
    )
}

/// The owner's publishing key, in a file.
fn key_of(home: &Home) -> String {
    let text = |name: &str| home.dir.join(name).to_string_lossy().into_owned();
    std::fs::create_dir_all(text("tree")).expect("made");
    std::fs::write(home.dir.join("tree/a"), "a").expect("written");
    let (tree, out) = (text("tree"), text("key"));
    let words = ["publish", &tree, "--name", "a", "--version", "1", "--out"];
    let words = [&words[..], &[&out, "--dry-run"]].concat();
    home.say(&words).well();
    format!("{out}/publish.pub")
}

#[test]
fn a_deletion_is_shown_by_what_hosts_signed_and_goes_on_where_one_was_silent() {
    // Goal: after `rm` this home has no key, a recovery finds nothing, and the report shows what
    // each host signed, no more. Method: one host is dead at first; then it comes back; then the
    // report is forged, and a public object deleted.
    let mut town = start_town("deleting");
    let home = town.renter("deleter", RICH);
    let key = key_of(&home);
    let bytes = noise("deleted", 300_000);
    let id = home.put("file", &bytes, &[]);
    let public = home.put("open", &noise("open", 300_000), &["--public"]);
    let record = home.dir.join(format!("book/objects/{id}"));
    let held = std::fs::File::open(&record).expect("opens");
    let dead = home.places(&id)[0].host.to_string();
    let dead = town.hosts.iter_mut().find(|host| host.ready().peer == dead);
    let dead = dead.expect("it is here");
    dead.kill();

    let report = home.dir.join("report.json").to_string_lossy().into_owned();
    home.say(&["rm", &id, "--report", &report]).well();
    assert!(!record.exists());
    let mut old = Vec::new();
    std::io::Read::read_to_end(&mut { held }, &mut old).expect("reads");
    assert!(
        old.iter().all(|byte| *byte == 0),
        "the record's bytes are gone"
    );
    home.try_get(&id, &home.dir.join("gone"), &[]).badly();
    let (whole, shown) = audit(&report, &key);
    assert!(!whole && shown.sealed && shown.faults.is_empty());
    assert_eq!((shown.freed, shown.silent), (3, 1));
    assert_eq!(shown.segments_gone, 1, "one shard of two that are needed");

    dead.start();
    let dead_again = || {
        home.say(&["rm", &id, "--report", &report]).well();
        audit(&report, &key).0.then_some(())
    };
    until("the host that came back signs", PATIENCE, dead_again);
    let (_, shown) = audit(&report, &key);
    assert_eq!((shown.freed, shown.owner_signed), (4, Some(true)));

    let text = std::fs::read_to_string(&report).expect("there");
    let forged = home.dir.join("forged.json");
    let forge = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        std::fs::write(&forged, text.replacen(from, to, 1)).expect("written");
        let forged = forged.to_string_lossy().into_owned();
        std::fs::copy(format!("{report}.sig"), format!("{forged}.sig")).expect("copied");
        let (whole, shown) = audit(&forged, &key);
        assert!(!whole && shown.owner_signed == Some(false));
        shown
    };
    let lied = forge("\"freed\": true", "\"freed\": false");
    assert_eq!(lied.faults.len(), 1, "{lied:?}");
    forge("\"asked_ms\": ", "\"asked_ms\": 1");

    home.say(&["rm", &public, "--report", &report]).well();
    let said = holdfast(None, &["verify-deletion", &report, "--key", &key]).well();
    assert!(said.out.contains("PUBLIC") && said.out.contains("whoever copied it keeps it"));

    // A bare machine with the phrase finds neither.
    let bare = home.dir.join("bare");
    let phrase = home.file("phrase", home.phrase.as_bytes());
    let phrase = phrase.to_string_lossy().into_owned();
    let network = town.file.to_string_lossy().into_owned();
    let words = ["recover", "--phrase", &phrase, "--network", &network];
    holdfast(Some(&bare), &words).well();
    let listed: serde_json::Value = holdfast(Some(&bare), &["ls", "--json"]).json();
    assert_eq!(listed, serde_json::json!([]));
}

#[test]
fn what_a_gateway_gave_back_is_shown_too() {
    // Goal: an object that an S3 client deleted is deleted as a renter's own is: its key first, and
    // what hosts signed stays for an auditor.
    let served = Served::start(town(), "given-back");
    let key = key_of(&served.home);
    served.aws(&["s3", "mb", "s3://given"]).well();
    let file = served.home.file("body", &noise("given back", 2 << 20));
    let file = file.to_string_lossy().into_owned();
    served.aws(&["s3", "cp", &file, "s3://given/back"]).well();
    let listed: serde_json::Value = served.home.say(&["ls", "--json"]).json();
    let id = listed[0]["id"].as_str().expect("it is there").to_owned();
    served.aws(&["s3", "rm", "s3://given/back"]).well();
    until("it is given back", PATIENCE, || {
        let listed: serde_json::Value = served.home.say(&["ls", "--json"]).json();
        listed.as_array()?.is_empty().then_some(())
    });
    let report = served.home.dir.join("report.json");
    let report = report.to_string_lossy().into_owned();
    let signed = || {
        served.home.say(&["rm", &id, "--report", &report]).well();
        audit(&report, &key).0.then_some(())
    };
    until("every host signed", PATIENCE, signed);
    assert!(audit(&report, &key).1.sealed);
}
