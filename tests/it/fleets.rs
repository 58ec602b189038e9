//! A version rolled out over several hosts, through their remote doors and the files between host
//! and updater. The updater itself needs a machine of its own (tests/boot); here a stand-in does
//! with its files what it would: takes a wish, becomes the version, or comes back with a reason.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::claiming::Owner;
use crate::stage::{Plan, Said, Shape, Town, holdfast, until};

/// The updaters of a town's hosts.
struct Updaters {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Updaters {
    /// `bad` never becomes healthy on what it is told to take.
    fn begin(dirs: Vec<PathBuf>, bad: Option<usize>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for dir in &dirs {
            tell(
                dir,
                &json!({"version": "0.1.0", "slot": "a", "trust": "test"}),
            );
        }
        let ends = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                for (at, dir) in dirs.iter().enumerate() {
                    grant(dir, bad == Some(at));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Self {
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Updaters {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn told(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("run/system.json")).expect("told");
    serde_json::from_str(&text).expect("it reads")
}

fn tell(dir: &Path, said: &Value) {
    let half = dir.join("run/system.half");
    std::fs::write(&half, said.to_string()).expect("written");
    std::fs::rename(half, dir.join("run/system.json")).expect("renamed");
}

fn grant(dir: &Path, bad: bool) {
    let text = std::fs::read_to_string(dir.join("run/system-wish.json")).unwrap_or_default();
    let Ok(wish) = serde_json::from_str::<Value>(&text) else {
        return;
    };
    let mut said = told(dir);
    if said["wish"].as_u64() >= wish["number"].as_u64() {
        return;
    }
    said["wish"] = wish["number"].clone();
    said["answer"] = "done".into();
    match wish["verb"].as_str() {
        Some("upgrade") if bad => {
            said["reasons"] = json!(["slot b: version 0.2.0 never healthy"]);
            said["left"] = json!(["0.2.0"]);
        }
        Some("upgrade" | "roll-back") => {
            let back = wish["verb"] == "roll-back";
            said["version"] = if back {
                "0.1.0".into()
            } else {
                wish["version"].clone()
            };
            said["slot"] = if back { "a".into() } else { "b".into() };
        }
        Some("claim-drive") => {
            let (drive, erase) = (&wish["drive"], wish["erase"] == true);
            said["answer"] = format!("drive {drive}, erase {erase}").into();
        }
        Some("pin") => said["pinned"] = wish["version"].clone(),
        Some("unpin") => said["pinned"] = "".into(),
        _ => {}
    }
    tell(dir, &said);
}

/// Three hosts in two rings, their fleet file, and their updaters.
fn fleet(name: &str, bad: Option<usize>) -> (Town, PathBuf, Updaters) {
    fleet_of(name, bad, "operate")
}

/// The same, obeying their operator in `scope`.
fn fleet_of(name: &str, bad: Option<usize>, scope: &str) -> (Town, PathBuf, Updaters) {
    let shape = Shape {
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start(name, shape);
    let owner = Owner::make(&town.dir, "owner");
    let set = [
        "health.enabled=true".to_owned(),
        r#"health.listen="127.0.0.1:0""#.to_owned(),
        format!("health.client_ca={:?}", owner.authority),
        format!("health.client_scope={scope:?}"),
    ];
    let mut boxes = Vec::new();
    for number in 0..3_u32 {
        let host = town.add(&Plan {
            set: set.to_vec(),
            ..Plan::default()
        });
        host.start();
        let ready = host.ready();
        let at = ready.health.expect("open").to_string();
        let pin = ready.health_fingerprint.clone().expect("a pin");
        boxes.push((format!("box-{number}"), at, pin, number.min(1)));
    }
    let dirs = town.hosts.iter().map(|host| host.dir.clone()).collect();
    let updaters = Updaters::begin(dirs, bad);
    let file = owner.fleet(&boxes);
    // What a young host still warns of would read as the version's fault.
    until("every box to be seen", Duration::from_secs(60), || {
        ask(&file, &["inventory"]).success.then_some(())
    });
    (town, file, updaters)
}

fn ask(file: &Path, words: &[&str]) -> Said {
    let file = file.to_string_lossy();
    holdfast(None, &[&["fleet", "--file", &file][..], words].concat())
}

fn versions(file: &Path) -> Vec<String> {
    let seen: Value = ask(file, &["inventory", "--json"]).json();
    let boxes = seen.as_array().expect("a list");
    let version = |one: &Value| one["system"]["version"].as_str().unwrap_or("").to_owned();
    boxes.iter().map(version).collect()
}

#[test]
fn a_version_goes_over_every_box_but_the_pinned_one_and_once_more_changes_nothing() {
    let (_town, file, _updaters) = fleet("fleets-all", None);
    ask(&file, &["pin", "0.1.0", "box-1"]).well();
    let said = ask(&file, &["upgrade", "0.2.0"]).well().out;
    assert!(
        said.contains("box-1  left alone: pinned to 0.1.0"),
        "{said}"
    );
    assert_eq!(versions(&file), ["0.2.0", "0.1.0", "0.2.0"]);
    ask(&file, &["unpin"]).well();
    let said = ask(&file, &["upgrade", "0.2.0"]).well().out;
    assert_eq!(said.matches("there already").count(), 2, "{said}");
    assert_eq!(versions(&file), ["0.2.0", "0.2.0", "0.2.0"]);
    ask(&file, &["roll-back", "box-2"]).well();
    assert_eq!(versions(&file), ["0.2.0", "0.2.0", "0.1.0"]);
}

#[test]
fn a_box_that_comes_back_ends_the_rollout_before_the_next_begins() {
    let (_town, file, _updaters) = fleet("fleets-abort", Some(1));
    let ended = ask(&file, &["upgrade", "0.2.0"]);
    assert!(
        !ended.success,
        "a rollout that was broken off is no success"
    );
    let said = ended.out;
    assert!(said.contains("box-1  it came back: slot b"), "{said}");
    assert!(said.contains("no further box is begun"), "{said}");
    assert_eq!(versions(&file), ["0.2.0", "0.1.0", "0.1.0"]);
}

#[test]
fn a_paused_fleet_begins_no_box_and_goes_on_where_it_was() {
    let (_town, file, _updaters) = fleet("fleets-pause", None);
    ask(&file, &["pause"]).well();
    ask(&file, &["upgrade", "0.2.0"]).badly();
    assert_eq!(versions(&file), ["0.1.0", "0.1.0", "0.1.0"]);
    ask(&file, &["resume"]).well();
    ask(&file, &["upgrade", "0.2.0", "--at-once", "2"]).well();
    assert_eq!(versions(&file), ["0.2.0", "0.2.0", "0.2.0"]);
}

#[test]
fn a_drive_is_claimed_by_serial_number_by_who_may_configure_and_by_nobody_else() {
    let (town, file, _updaters) = fleet_of("fleets-drive", None, "configure");
    let claim = |words: &[&str]| ask(&file, &[&["claim-drive", "box-1"][..], words].concat());
    let said = claim(&["S4EV"]).well().out;
    assert!(said.contains("drive \"S4EV\", erase false"), "{said}");
    let said = claim(&["S4EV", "--erase", "S4EV"]).well().out;
    assert!(said.contains("drive \"S4EV\", erase true"), "{said}");
    // The word that erases names the drive again, or nothing is asked for at all.
    let wish = town.hosts[1].dir.join("run/system-wish.json");
    let before = std::fs::read(&wish).expect("asked before");
    claim(&["S4EV", "--erase", "S4EW"]).badly();
    claim(&[""]).badly();
    assert_eq!(std::fs::read(&wish).expect("still there"), before);
    drop(town);

    let (town, file, _updaters) = fleet("fleets-drive-operate", None);
    ask(&file, &["claim-drive", "box-1", "S4EV"]).badly();
    assert!(!town.hosts[1].dir.join("run/system-wish.json").exists());
}
