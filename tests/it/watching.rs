//! What a fleet sees of a host from outside: health, metrics, events, mode, and who may what.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::stage::{Plan, Said, Shape, Town, holdfast, until};

/// How long a host may take to see what is expected of it.
const LIMIT: Duration = Duration::from_secs(30);

/// A town of one host whose remote door is open.
fn town(name: &str) -> Town {
    let shape = Shape {
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start(name, shape);
    let set = ["health.enabled=true", r#"health.listen="127.0.0.1:0""#];
    town.add(&Plan {
        set: set.map(str::to_owned).to_vec(),
        ..Plan::default()
    })
    .start();
    town
}

fn on(dir: &Path, verb: &str, words: &[&str]) -> Said {
    let dir = dir.to_string_lossy();
    holdfast(None, &[&[verb, "--dir", &dir][..], words].concat())
}

/// A token of the host, in a file beside it.
fn token(town: &Town, scope: &str) -> std::path::PathBuf {
    let dir = &town.hosts[0].dir;
    let made = on(dir, "token", &["create", "watcher", "--scope", scope]).well();
    let path = town.dir.join(format!("token-{scope}"));
    std::fs::write(&path, made.out).expect("written");
    path
}

fn far(town: &Town, pin: &str, token: &Path, verb: &str, words: &[&str]) -> Said {
    let remote = town.hosts[0]
        .ready()
        .health
        .expect("the remote door is open");
    let (remote, token) = (remote.to_string(), token.to_string_lossy());
    let whom = [
        verb,
        "--remote",
        &remote,
        "--pin",
        pin,
        "--token-file",
        &token,
    ];
    holdfast(None, &[&whom[..], words].concat())
}

/// One plain HTTP request, as a script or a web page makes it; returns status and body.
pub(crate) fn plain(at: SocketAddr, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).expect("the door answers");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    write!(stream, "{head}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    (status.expect("a status line"), text)
}

#[test]
fn a_fleet_reads_health_and_metrics_from_afar_with_a_pinned_certificate_and_a_token() {
    // Goal: what a monitor needs, and nothing without the right. Method: the real command line over
    // TLS with the fingerprint the host printed; then a wrong pin, a wrong token, a small scope.
    let town = town("watching-far");
    let host = &town.hosts[0];
    let pin = host
        .ready()
        .health_fingerprint
        .clone()
        .expect("a fingerprint");
    let shown = on(&host.dir, "health", &["--fingerprint"]).well().out;
    assert_eq!(shown.trim(), pin);
    let read = token(&town, "read");
    let health: serde_json::Value = until("the chain to be seen", LIMIT, || {
        let said = far(&town, &pin, &read, "health", &["--json"]);
        let health: serde_json::Value = said.json();
        (health["checks"]["chain:silence"][0]["status"] == "pass").then_some(health)
    });
    assert_eq!(health["serviceId"], host.peer.to_string());
    assert!(health["checks"]["volume:state"][0]["observedValue"] == "healthy");
    let wrong_pin = "0".repeat(64);
    far(&town, &wrong_pin, &read, "health", &[]).badly();
    let refused = far(&town, &pin, &read, "mode", &["draining"]).badly();
    assert!(refused.contains("scope-too-small"), "{refused}");
    let stranger = town.dir.join("stranger");
    std::fs::write(&stranger, format!("hft_00000000_{}", "0".repeat(64))).expect("written");
    let refused = far(&town, &pin, &stranger, "health", &[]).badly();
    assert!(refused.contains("not-authorized"), "{refused}");
    let id = std::fs::read_to_string(&read).expect("the token")[4..12].to_owned();
    on(&host.dir, "token", &["revoke", &id]).well();
    far(&town, &pin, &read, "health", &[]).badly();
}

#[test]
fn a_drained_host_takes_nothing_new_and_is_still_draining_after_a_restart() {
    // Goal: an operator can empty a host's sessions before work. Method: drain from afar, look at
    // mode and health, kill -9, look again, then serve again by itself after its time.
    let mut town = town("watching-drain");
    let pin = town.hosts[0]
        .ready()
        .health_fingerprint
        .clone()
        .expect("a fingerprint");
    let operate = token(&town, "operate");
    far(
        &town,
        &pin,
        &operate,
        "mode",
        &["draining", "--reason", "new drive"],
    )
    .well();
    let host = &mut town.hosts[0];
    host.kill();
    host.start();
    let mode: serde_json::Value = on(&host.dir, "mode", &["--json"]).json();
    assert_eq!(
        (&mode["mode"], &mode["reason"]),
        (&"draining".into(), &"new drive".into())
    );
    let health: serde_json::Value = on(&host.dir, "health", &["--json"]).json();
    assert!(
        health["notes"][0]
            .as_str()
            .is_some_and(|note| note.contains("draining"))
    );
    let audit = std::fs::read_to_string(host.dir.join("audit.jsonl")).expect("an audit log");
    let line: serde_json::Value = serde_json::from_str(audit.trim()).expect("one line");
    assert_eq!(line["caller"], "watcher");
    assert_eq!(
        (&line["door"], &line["path"]),
        (&"remote".into(), &"/api/v1/mode".into())
    );
    on(&host.dir, "mode", &["draining", "--minutes", "0"]).well();
    until("the mode to end", LIMIT, || {
        let mode: serde_json::Value = on(&host.dir, "mode", &["--json"]).json();
        (mode["mode"] == "serving").then_some(())
    });
}

#[test]
fn the_local_door_answers_its_own_names_and_no_foreign_page() {
    // Goal: a page in the operator's browser cannot use the local API. Method: raw requests with a
    // rebound name, a foreign origin, a wrong token, an oversized body.
    let town = town("watching-local");
    let host = &town.hosts[0];
    let api = host.ready().api.expect("a local door");
    let text = until("the machine to be looked at", LIMIT, || {
        let (status, text) = plain(api, "GET /metrics HTTP/1.1\r\nHost: localhost");
        assert_eq!(status, 200, "{text}");
        text.contains("holdfast_neighbour_entries").then_some(text)
    });
    for part in ["holdfast_shards 0.0", "holdfast_neighbour_entries", "# EOF"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(plain(api, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1").0, 200);
    let (status, text) = plain(api, "GET /health HTTP/1.1\r\nHost: evil.example");
    assert_eq!(status, 421, "{text}");
    let foreign = "GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example";
    assert_eq!(plain(api, foreign).0, 403);
    let guess = "POST /api/v1/restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\
                 Authorization: Bearer nonsense";
    assert_eq!(plain(api, guess).0, 401);
    let none = "POST /api/v1/restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0";
    let (status, text) = plain(api, none);
    assert!(status == 401 && text.contains("scope-too-small"), "{text}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(api).expect("the door answers");
    // The host may close before it has read everything.
    let _ = write!(stream, "{long}\r\n\r\n");
    drop(stream);
    let (_, text) = plain(api, "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost");
    for path in [
        "/livez",
        "/readyz",
        "/health",
        "/metrics",
        "/api/v1/events",
        "/api/v1/mode",
    ] {
        assert!(
            text.contains(&format!("\"{path}\"")),
            "{path} is not described"
        );
    }
}

#[test]
fn the_remote_door_speaks_tls_only_and_locks_out_whoever_guesses() {
    // Goal: nothing leaves the box in clear, and guessing is slow. Method: plain HTTP gets no
    // answer; six wrong tokens, then a right one.
    let town = town("watching-guess");
    let host = &town.hosts[0];
    let pin = host
        .ready()
        .health_fingerprint
        .clone()
        .expect("a fingerprint");
    let remote = host.ready().health.expect("the remote door");
    let mut stream = TcpStream::connect(remote).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    write!(stream, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    // A closed or reset connection and a TLS alert are all no answer.
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "clear text was answered");
    let read = token(&town, "read");
    let stranger = town.dir.join("stranger");
    std::fs::write(&stranger, format!("hft_00000000_{}", "0".repeat(64))).expect("written");
    for _ in 0..5 {
        far(&town, &pin, &stranger, "health", &[]).badly();
    }
    let refused = far(&town, &pin, &read, "health", &[]).badly();
    assert!(refused.contains("locked-out"), "{refused}");
}

#[test]
fn events_tell_what_happened_and_settings_go_back() {
    // Goal: the log's warnings reach a watcher, and a change over the API can be taken back.
    // Method: drain and serve, read the events; set a live key over HTTP, roll back.
    let town = town("watching-events");
    let host = &town.hosts[0];
    on(&host.dir, "mode", &["maintenance"]).well();
    let events = on(&host.dir, "events", &["--json"]).well().out;
    assert!(events.contains("mode set"), "{events}");
    let api = host.ready().api.expect("a local door");
    let key = std::fs::read_to_string(host.dir.join("api.token")).expect("the token");
    let head = format!("HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}");
    let order = r#"{"value":"\"77\""}"#;
    let set = format!(
        "PUT /api/v1/config/offer.price {head}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{order}",
        order.len()
    );
    let (status, text) = plain(api, set.trim_end());
    assert_eq!(status, 200, "{text}");
    let price = || plain(api, "GET /api/v1/config HTTP/1.1\r\nHost: localhost").1;
    assert!(price().contains(r#""key":"offer.price","value":"\"77\"""#));
    let back = format!("POST /api/v1/config/rollback {head}\r\nContent-Length: 0");
    assert_eq!(plain(api, &back).0, 200);
    assert!(!price().contains(r#"\"77\""#), "the change is still there");
}
