//! A folder kept in Holdfast too, through the command line.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::objects::RICH;
use crate::stage::{Shape, Town, noise, until};

#[derive(Debug, Deserialize)]
struct Run {
    files: usize,
    unchanged: usize,
    stored: usize,
    gone: Vec<String>,
    deleted: usize,
    failed: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Check {
    drift: Vec<Drift>,
}

#[derive(Debug, Deserialize)]
struct Drift {
    path: String,
    what: String,
}

#[derive(Debug, Deserialize)]
struct Got {
    from: String,
    why: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Restored {
    written: usize,
    there_already: usize,
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("in the folder")).expect("made");
    fs::write(path, bytes).expect("written");
}

#[test]
fn a_folder_is_mirrored_compared_and_brought_back_from_either_side() {
    // Goal: only what changed is stored, a killed run is gone on with, drift is named, each side
    // brings files back when the other has lost them, and wrong bytes come from neither. Method: a
    // folder of three files, changed, touched, emptied; a kill in the middle of a put; all hosts
    // killed.
    let mut town = Town::start(
        "mirror",
        Shape {
            hosts: 5,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("mirror-home", RICH);
    let folder = home.dir.join("canon");
    let (plain, deep) = (noise("plain", 300_000), noise("deep", 2_500_000));
    write(&folder, "plain.bin", &plain);
    write(&folder, "a/b/deep one.bin", &deep);
    write(&folder, "empty", b"");
    let of = folder.to_string_lossy().into_owned();
    let shape = ["--data", "2", "--parity", "2", "--days", "1"];
    home.say(&[&["mirror", "add", "m", &of][..], &shape].concat())
        .well();
    assert!(
        !home.say(&["mirror", "add", "m", &of]).success,
        "there is one"
    );
    assert!(!home.say(&["mirror", "add", "../m", &of]).success);
    assert!(!home.say(&["mirror", "add", "n", "ftp://x/y"]).success);

    let mut killed = home.begin(&["mirror", "run", "m"]);
    let record = home.dir.join("mirrors/m");
    until("a put is under way", Duration::from_secs(30), || {
        let text = fs::read_to_string(&record).unwrap_or_default();
        text.contains("\"session\":\"").then_some(())
    });
    killed.kill().expect("ours");
    killed.wait().expect("ours");
    let run = || -> Run { home.say(&["mirror", "run", "m", "--json"]).json() };
    let first = run();
    assert_eq!((first.files, first.failed.len()), (3, 0), "{first:?}");
    assert_eq!(first.stored + first.unchanged, 3);
    let listed = home.say(&["ls"]).out.lines().count();
    assert_eq!(listed, 3, "nothing is stored twice");
    let second = run();
    assert_eq!((second.unchanged, second.stored), (3, 0));

    // Touched is not changed; changed is stored; the old object goes with --prune alone.
    write(&folder, "plain.bin", &plain);
    let changed = noise("changed", 310_000);
    write(&folder, "a/b/deep one.bin", &changed);
    let check = |words: &[&str]| -> Check {
        let said = home.say(&[&["mirror", "check", "m", "--json"][..], words].concat());
        let check: Check = serde_json::from_str(&said.out).expect("told");
        assert_eq!(said.success, check.drift.is_empty());
        check
    };
    assert!(
        check(&[])
            .drift
            .iter()
            .any(|one| one.path == "a/b/deep one.bin")
    );
    let third: Run = home
        .say(&["mirror", "run", "m", "--prune", "--json"])
        .json();
    assert_eq!((third.stored, third.deleted), (1, 1));
    assert_eq!(check(&["--deep"]).drift.len(), 0);

    // The canonical copy loses a file.
    fs::remove_file(folder.join("empty")).expect("removed");
    let fourth = run();
    assert_eq!(
        (fourth.gone.as_slice(), fourth.deleted),
        (&["empty".to_owned()][..], 0)
    );
    let out = home.dir.join("out");
    let get = |path: &str| {
        let words = ["mirror", "get", "m", path, "--json", "-o"];
        home.say(&[&words[..], &[&out.to_string_lossy()]].concat())
    };
    let got: Got = get("empty").json();
    assert_eq!((got.from.as_str(), got.why), ("holdfast", None));
    assert_eq!(fs::read(&out).expect("there"), b"");

    let restored = home.dir.join("restored");
    fs::create_dir(&restored).expect("made");
    let restore = || -> Restored {
        let to = restored.to_string_lossy();
        home.say(&["mirror", "restore", "m", &to, "--json"]).json()
    };
    let all = restore();
    assert_eq!((all.written, all.there_already), (3, 0));
    assert_eq!(
        fs::read(restored.join("a/b/deep one.bin")).expect("there"),
        changed
    );
    let all = restore();
    assert_eq!((all.written, all.there_already), (0, 3));

    // The whole canonical copy is away.
    let away = home.dir.join("away");
    fs::rename(&folder, &away).expect("moved");
    let got: Got = get("plain.bin").json();
    assert_eq!(got.from, "holdfast");
    assert_eq!(restore().there_already, 3);
    assert!(!home.say(&["mirror", "run", "m"]).success);
    fs::rename(&away, &folder).expect("moved back");

    // No host is left: the canonical copy serves, what it has as it was stored.
    for host in &mut town.hosts {
        host.kill();
    }
    let got: Got = get("plain.bin").json();
    assert_eq!(got.from, "canonical copy");
    assert!(got.why.is_some_and(|why| !why.is_empty()));
    assert_eq!(fs::read(&out).expect("there"), plain);
    let mut rotten = plain.clone();
    rotten[5] ^= 1;
    write(&folder, "plain.bin", &rotten);
    fs::remove_file(&out).expect("removed");
    let refused = get("plain.bin");
    assert!(!refused.success && !out.exists());
    assert!(
        refused.err.contains("another file by now"),
        "{}",
        refused.err
    );
    let drift = check(&["--deep"]).drift;
    let told = drift.iter().find(|one| one.path == "plain.bin");
    assert!(told.is_some_and(|one| !one.what.is_empty()));
    let events = home.say(&["log", "events"]).out;
    assert!(events.contains("drift-found"), "{events}");
}
