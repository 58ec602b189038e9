//! Drives of a running host: rot is found and fenced, a volume is emptied and removed, one is
//! added and one grows, and what is told to whoever helps holds no secret.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::stage::{
    Caller, Host, Plan, Said, Shape, Town, block_on, holdfast, noise, shard_of, until,
};

/// How long a host may take to see what is expected of it.
const LIMIT: Duration = Duration::from_secs(60);

fn on(dir: &Path, verb: &str, words: &[&str]) -> Said {
    let dir = dir.to_string_lossy();
    holdfast(None, &[&[verb, "--dir", &dir][..], words].concat())
}

fn drives(host: &Host) -> Value {
    on(&host.dir, "volume", &["list", "--json"]).json()
}

/// The drive of this path.
fn drive(host: &Host, path: &str) -> Value {
    let said = drives(host);
    let all = said["drives"].as_array().expect("a list").clone();
    let is_it = |one: &Value| one["path"].as_str().is_some_and(|at| at.ends_with(path));
    all.into_iter().find(is_it).unwrap_or(Value::Null)
}

fn town(name: &str, volumes: &[&str]) -> Town {
    let plan = Plan {
        volumes: volumes.iter().map(ToString::to_string).collect(),
        ..Plan::default()
    };
    let shape = Shape {
        hosts: 1,
        plan,
        ..Shape::default()
    };
    Town::start(name, shape)
}

fn store(caller: &Caller, host: &Host, name: &str, count: usize) -> Vec<Vec<u8>> {
    let shards: Vec<Vec<u8>> = (0..count)
        .map(|index| noise(&format!("{name} {index}"), 600_000))
        .collect();
    for bytes in &shards {
        let terms = caller.terms(host, shard_of(bytes), bytes.len() as u64);
        block_on(caller.store(host, &terms, bytes)).expect("stored");
    }
    shards
}

/// Turns over bytes of a stored shard on its volume's file, as rot does.
fn rot(volume: &Path, shard: &[u8]) {
    use std::os::unix::fs::FileExt;
    let bytes = std::fs::read(volume).expect("the volume reads");
    let mark = &shard[300_000..300_064];
    let at = bytes
        .windows(64)
        .position(|run| run == mark)
        .expect("it lies there");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(volume)
        .expect("opened");
    file.write_all_at(&[0xee; 64], at as u64).expect("written");
}

#[test]
fn rot_is_found_by_a_scrub_fenced_and_told_and_the_rest_is_served() {
    // Goal: a bad extent is never served, and everybody who watches hears of it. Method: one of
    // four shards rots while the host is down; a whole pass is asked for.
    let mut town = town("drives-rot", &["volume-0=64 MiB"]);
    let caller = Caller::stranger(&town.network);
    let host = &mut town.hosts[0];
    let shards = store(&caller, host, "rot", 4);
    host.stop();
    rot(&host.dir.join("volume-0"), &shards[2]);
    host.start();
    on(&host.dir, "volume", &["scrub"]).well();
    until("the rotten shard to be fenced", LIMIT, || {
        (drives(host)["fenced"] == 1).then_some(())
    });
    until("the drive to be suspect", LIMIT, || {
        (drive(host, "volume-0")["state"] == "suspect").then_some(())
    });
    let health: Value = on(&host.dir, "health", &["--json"]).json();
    assert_eq!(health["checks"]["storage:fenced"][0]["observedValue"], 1);
    for (index, bytes) in shards.iter().enumerate() {
        let got = block_on(caller.try_fetch(host, bytes));
        assert_eq!(got.is_some(), index != 2, "shard {index}");
    }
    assert!(host.log().contains("a stored shard is bad and is fenced"));
    // The fence stands after a restart; nothing has to be found again.
    host.stop();
    host.start();
    assert!(block_on(caller.try_fetch(host, &shards[2])).is_none());
    // Whoever brings the bytes again has them written anew, not a receipt for bad ones.
    let shard = shard_of(&shards[2]);
    let terms = caller.terms(host, shard, shards[2].len() as u64);
    block_on(caller.store(host, &terms, &shards[2])).expect("stored anew");
    until("nothing to be fenced any more", LIMIT, || {
        (drives(host)["fenced"] == 0).then_some(())
    });
    assert_eq!(block_on(caller.fetch(host, &shards[2])), shards[2]);
    host.stop();
    let held = host.inspect();
    assert_eq!((held.shards, held.damaged, held.agreements), (4, 0, 5));
}

#[test]
fn a_volume_is_added_another_emptied_and_removed_and_no_shard_is_missed() {
    // Goal: a drive can be replaced under a serving host. Method: shards on one volume; a second
    // one is added, the first evacuated, killed on the way, and removed; every shard is read.
    let mut town = town("drives-replace", &["volume-a=64 MiB"]);
    let caller = Caller::stranger(&town.network);
    let host = &mut town.hosts[0];
    let shards = store(&caller, host, "replace", 12);
    on(&host.dir, "volume", &["add", "volume-b=64 MiB"]).well();
    // Said again, as after a crash in the middle, it changes nothing.
    on(&host.dir, "volume", &["add", "volume-b=64 MiB"]).well();
    host.stop();
    host.start();
    let refused = on(&host.dir, "volume", &["remove", "volume-a"]).badly();
    assert!(
        refused.is_empty() || !refused.contains("panicked"),
        "{refused}"
    );
    on(&host.dir, "volume", &["evacuate", "volume-a"]).well();
    host.kill();
    host.start();
    until("the volume to be empty", LIMIT, || {
        let drive = drive(host, "volume-a");
        (drive["state"] == "evacuating" && drive["used"] == 0).then_some(())
    });
    on(&host.dir, "volume", &["remove", "volume-a"]).well();
    host.stop();
    std::fs::remove_file(host.dir.join("volume-a")).expect("the drive is taken away");
    host.start();
    assert_eq!(drives(host)["drives"].as_array().map(Vec::len), Some(1));
    for bytes in &shards {
        assert_eq!(block_on(caller.fetch(host, bytes)), *bytes);
    }
    host.stop();
    let found = host.inspect();
    assert_eq!((found.shards, found.damaged), (12, 0));
}

#[test]
fn a_volume_grows_at_the_start_and_an_order_is_taken_back() {
    let mut town = town("drives-grow", &["volume-0=32 MiB"]);
    let caller = Caller::stranger(&town.network);
    let host = &mut town.hosts[0];
    let shards = store(&caller, host, "grow", 3);
    let before = drive(host, "volume-0")["size"].as_u64().expect("a size");
    on(&host.dir, "volume", &["grow", "volume-0=64 MiB"]).well();
    on(&host.dir, "volume", &["grow", "volume-0=16 MiB"]).badly();
    host.stop();
    host.start();
    let after = drive(host, "volume-0")["size"].as_u64().expect("a size");
    assert!(after > before + (30 << 20), "{before} {after}");
    for bytes in &shards {
        assert_eq!(block_on(caller.fetch(host, bytes)), *bytes);
    }
    on(&host.dir, "volume", &["read-only", "volume-0"]).well();
    assert_eq!(drive(host, "volume-0")["state"], "read-only");
    on(&host.dir, "volume", &["cancel", "volume-0"]).well();
    assert_eq!(drive(host, "volume-0")["state"], "healthy");
    on(&host.dir, "volume", &["evacuate", "no-such"]).badly();
}

/// Whether `bytes` stand in a file.
fn holds(file: &[u8], bytes: &[u8]) -> bool {
    file.windows(bytes.len()).any(|run| run == bytes)
}

#[test]
fn a_diagnosis_holds_no_secret_of_the_box_whether_the_host_runs_or_not() {
    // Goal: the bundle can be sent to a stranger. Method: a sealed key, a passphrase, tokens and a
    // webhook's secret, some of them planted in the log; the bundle is searched for each.
    let place = tempfile::tempdir().expect("a directory");
    let passphrase = place.path().join("passphrase");
    std::fs::write(&passphrase, "correct horse battery\n").expect("written");
    let secret = place.path().join("hook");
    std::fs::write(&secret, "hook-secret-0123456789").expect("written");
    let hook = format!(
        "alerts.webhook.secret_file={:?}",
        secret.display().to_string()
    );
    let plan = Plan {
        passphrase: Some(passphrase),
        set: vec![hook],
        ..Plan::default()
    };
    let shape = Shape {
        hosts: 1,
        plan,
        ..Shape::default()
    };
    let mut town = Town::start("drives-diagnose", shape);
    let host = &mut town.hosts[0];
    let token = on(&host.dir, "token", &["create", "watcher"]).well().out;
    let own = std::fs::read_to_string(host.dir.join("api.token")).expect("a token");
    let key = std::fs::read(host.dir.join("identity.key")).expect("a key file");
    let secrets = [
        b"correct horse battery".to_vec(),
        b"hook-secret-0123456789".to_vec(),
        token.trim().as_bytes().to_vec(),
        own.trim().as_bytes().to_vec(),
        key.clone(),
        key.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
            .into_bytes(),
        host.phrase.clone().expect("a phrase").into_bytes(),
    ];
    let log = host.dir.join("logs/holdfastd.jsonl");
    let mut text = std::fs::read(&log).expect("a log");
    for secret in &secrets[..4] {
        text.extend_from_slice(b"{\"planted\":\"");
        text.extend_from_slice(secret);
        text.extend_from_slice(b"\"}\n");
    }
    let look = |host: &Host, name: &str| {
        let out = place.path().join(name);
        on(&host.dir, "diagnose", &["--out", &out.to_string_lossy()]).well();
        let tar = std::fs::read(&out).expect("the bundle");
        for secret in &secrets {
            let shown = String::from_utf8_lossy(&secret[..secret.len().min(12)]).into_owned();
            assert!(!holds(&tar, secret), "{name} holds {shown}...");
        }
        tar
    };
    let running = look(host, "running.tar");
    for member in [
        "health.json",
        "metrics.txt",
        "ledger.txt",
        "config.toml",
        "versions.txt",
    ] {
        assert!(holds(&running, member.as_bytes()), "{member}");
    }
    host.stop();
    std::fs::write(&log, text).expect("planted");
    let dead = look(host, "dead.tar");
    assert!(holds(&dead, b"planted") && holds(&dead, b"(taken out)"));
}

#[test]
fn the_doctor_looks_at_a_dead_host_and_at_a_running_one() {
    let mut town = town("drives-doctor", &["volume-0=32 MiB"]);
    let host = &mut town.hosts[0];
    let look = |host: &Host| -> Value {
        let words = ["--offline", "--json"];
        serde_json::from_str(on(&host.dir, "doctor", &words).out.trim()).expect("json")
    };
    // Hosts of other tests run beside this one, and are looked at too.
    let own = format!("{}: ", host.dir.display());
    let grade = |said: &Value, check: &str| -> String {
        let all = said["findings"].as_array().expect("a list");
        let is_it = |one: &&Value| {
            let name = one["check"].as_str().unwrap_or_default();
            name.strip_prefix(&own).unwrap_or(name) == check
        };
        let found = all.iter().find(is_it).unwrap_or(&Value::Null);
        found["grade"].as_str().unwrap_or_default().to_owned()
    };
    let running = look(host);
    assert_eq!(grade(&running, "config"), "good");
    assert_eq!(grade(&running, "process"), "good");
    assert_eq!(grade(&running, "volume.volume-0"), "good");
    host.stop();
    let dead = look(host);
    assert_eq!(grade(&dead, "process"), "advice");
    std::fs::remove_file(host.dir.join("volume-0")).expect("removed");
    let hurt = look(host);
    assert_eq!(grade(&hurt, "volume.volume-0"), "fail");
    assert_eq!(hurt["exit"], 4);
}
