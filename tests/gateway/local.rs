//! The API for applications, as a program asks it: curl with the token, and sockets that are cut.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use holdfast_tests::program;
use serde_json::{Value, json};

use crate::page::{Answer, split};
use crate::served::{Served, town};
use crate::stage::{noise, sha256, until};

const API: [&str; 2] = ["--api", "127.0.0.1:0"];
/// Longest wait for a put.
const SOON: Duration = Duration::from_secs(120);
const GUIDE: &str = include_str!("../../docs/operating/applications.md");

/// A program with the token.
struct Program<'a> {
    served: &'a Served,
    token: String,
}

fn token(served: &Served) -> String {
    let path = served.home.dir.join("gateway/api.token");
    std::fs::read_to_string(path).expect("a token")
}

impl<'a> Program<'a> {
    fn new(served: &'a Served) -> Self {
        Self {
            served,
            token: token(served),
        }
    }

    fn address(&self) -> &str {
        self.served.api.as_deref().expect("an api")
    }

    fn ask_as(&self, token: &str, path: &str, words: &[&str]) -> Answer {
        let url = format!("http://{}/api/v1/{path}", self.address());
        let bearer = format!("Authorization: Bearer {token}");
        let fixed = ["-sS", "-i", "--path-as-is", "-H", &bearer];
        let words = [&fixed[..], words, &[&url]].concat();
        let said = self.served.client("curl", &words);
        assert!(said.success, "{path}: {}", said.err);
        split(&said.out)
    }

    fn ask(&self, path: &str, words: &[&str]) -> Answer {
        self.ask_as(&self.token, path, words)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask(path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(path, &["-X", "POST", "--data", &body.to_string()])
    }

    fn begin(&self, order: &Value) -> String {
        let answer = self.post("puts", order);
        assert_eq!(answer.status, 201, "{}", answer.json());
        let said = answer.json();
        said["session"].as_str().expect("a session").to_owned()
    }

    fn send(&self, session: &str, offset: u64, bytes: &[u8]) -> Answer {
        let file = self.served.home.file("part", bytes);
        let path = format!("puts/{session}/body?offset={offset}");
        let data = format!("@{}", file.to_string_lossy());
        self.ask(
            &path,
            &["-X", "PUT", "-H", "Expect:", "--data-binary", &data],
        )
    }

    fn received(&self, session: &str) -> u64 {
        let said = self.get(&format!("puts/{session}"));
        said["received"].as_u64().expect("a number")
    }

    /// Sends a part of a body that says it is longer.
    fn send_some(&self, session: &str, offset: u64, len: usize, some: &[u8]) -> TcpStream {
        let address = self.address();
        let mut stream = TcpStream::connect(address).expect("connects");
        let token = &self.token;
        let head = format!(
            "PUT /api/v1/puts/{session}/body?offset={offset} HTTP/1.1\r\nhost: {address}\r\n\
             authorization: Bearer {token}\r\ncontent-length: {len}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(some).expect("sent");
        stream
    }

    /// Waits for the state that a put ends with.
    fn settled(&self, session: &str) -> Value {
        until("the put ends", SOON, || {
            let said = self.get(&format!("puts/{session}"));
            (said["state"] != "storing").then_some(said)
        })
    }

    fn stored(&self, name: &str, bytes: &[u8], more: &Value) -> Value {
        let session = self.begin(&order(name, bytes, more));
        assert_eq!(self.send(&session, 0, bytes).status, 200);
        let asked = self.ask(&format!("puts/{session}/store"), &["-X", "POST"]);
        assert!([200, 202].contains(&asked.status), "{}", asked.json());
        self.settled(&session)
    }
}

fn order(name: &str, bytes: &[u8], more: &Value) -> Value {
    let mut order = json!({
        "name": name, "length": bytes.len(), "days": 1, "data": 2, "parity": 2,
    });
    for (key, value) in more.as_object().expect("fields") {
        order[key] = value.clone();
    }
    order
}

fn kill(served: &mut Served) {
    let pid = served.child.pid().to_string();
    let killed = Command::new("kill").args(["-9", &pid]).status();
    assert!(killed.expect("kill runs").success());
    served.child.kill();
}

#[test]
fn a_put_goes_on_after_a_cut_connection_and_after_kills_and_ends_as_one_object() {
    // Goal: what was answered or told as received is there after kill -9, what was not is sent
    // again, and however often it is killed and asked one object comes of it. Method: a body in
    // four pieces: one answered, one cut, one in flight at a kill, the rest; a kill while it is
    // stored.
    let mut served = Served::start_with(town(), "local", &API);
    let bytes = noise("local", (6 << 20) + 77);
    let mib = 1_u64 << 20;
    let whole = bytes.len() as u64;
    let program = Program::new(&served);
    let quote = json!({ "length": whole, "days": 1, "data": 2, "parity": 2 });
    let quote = program.post("quotes", &quote).json();
    let cost: u128 = quote["cost"]
        .as_str()
        .expect("a sum")
        .parse()
        .expect("a sum");
    assert!(cost > 0 && quote["vault_missing"] == "0", "{quote}");
    let digest = sha256(&bytes);
    let session = program.begin(&order("a film.bin", &bytes, &json!({ "sha256": digest })));
    let path = format!("puts/{session}");

    let early = program.ask(&format!("{path}/store"), &["-X", "POST"]);
    assert_eq!((early.status, early.code().as_str()), (409, "body-short"));
    let first = program.send(&session, 0, &bytes[..1 << 20]);
    assert_eq!(
        (first.status, &first.json()["received"]),
        (200, &mib.into())
    );
    for offset in [0, mib - 1, mib + 1, whole, whole + 1, u64::MAX] {
        let wrong = program.send(&session, offset, b"x");
        assert_eq!((wrong.status, wrong.code().as_str()), (409, "offset-wrong"));
        assert_eq!(wrong.json()["error"]["received"], mib);
    }
    for odd in [
        "",
        "?offset=",
        "?offset=-1",
        "?offset=x",
        "?offset=18446744073709551616",
    ] {
        let wrong = program.ask(&format!("{path}/body{odd}"), &["-X", "PUT", "--data", "x"]);
        assert_eq!(
            (wrong.status, wrong.code().as_str()),
            (400, "request-wrong")
        );
    }
    let long = program.send(&session, mib, &bytes);
    assert_eq!((long.status, long.code().as_str()), (413, "body-long"));

    let rest = bytes.len() - (1 << 20);
    let cut = program.send_some(&session, mib, rest, &bytes[1 << 20..2 << 20]);
    drop(cut);
    until("what came is kept", SOON, || {
        (program.received(&session) == 2 * mib).then_some(())
    });
    let flying = program.send_some(
        &session,
        2 * mib,
        rest - (1 << 20),
        &bytes[2 << 20..3 << 20],
    );
    let spool = served
        .home
        .dir
        .join(format!("gateway/puts/{session}/a film.bin"));
    until("bytes are in the file", SOON, || {
        let len = std::fs::metadata(&spool).expect("a body").len();
        (len > 2 * mib).then_some(())
    });
    let before = program.token;
    kill(&mut served);
    drop(flying);
    served.again_with(&API);
    let program = Program::new(&served);
    assert_eq!(program.token, before, "a token stays");
    assert_eq!(program.received(&session), 2 * mib);
    let last = program.send(&session, 2 * mib, &bytes[2 << 20..]);
    assert_eq!(
        (last.status, &last.json()["received"]),
        (200, &whole.into())
    );
    let begun = program.ask(&format!("{path}/store"), &["-X", "POST"]);
    assert_eq!(
        (begun.status, &begun.json()["state"]),
        (202, &"storing".into())
    );
    let again = program.ask(&format!("{path}/store"), &["-X", "POST"]);
    assert!([200, 202].contains(&again.status), "{}", again.json());
    let late = program.send(&session, whole, b"");
    assert_eq!((late.status, late.code().as_str()), (409, "put-settled"));
    kill(&mut served);

    served.again_with(&API);
    let program = Program::new(&served);
    let said = program.settled(&session);
    assert_eq!(said["state"], "stored", "{said}");
    assert_eq!(said["sha256"], digest.as_str());
    let done = program.ask(&format!("{path}/store"), &["-X", "POST"]);
    assert_eq!(
        (done.status, &done.json()["object"]),
        (200, &said["object"])
    );
    assert!(!spool.exists(), "the body is gone once it is stored");
    let objects = program.get("objects");
    let objects = objects["objects"].as_array().expect("a list");
    assert_eq!(objects.len(), 1, "{objects:?}");
    assert_eq!(objects[0]["name"], "a film.bin");
    let id = said["object"].as_str().expect("an object");
    let listed = served.home.say(&["ls", "--json"]).well().out;
    assert!(listed.contains(id), "{listed}");
    let body = program.ask(&format!("objects/{id}/body"), &[]);
    assert_eq!((body.status, sha256(&body.body)), (200, digest));
    let puts = program.get("puts");
    assert_eq!(puts["puts"].as_array().map(Vec::len), Some(1), "{puts}");
    let forgotten = program.ask(&path, &["-X", "DELETE"]);
    assert_eq!(forgotten.status, 200, "{}", forgotten.json());
    assert_eq!(program.ask(&path, &[]).code(), "put-unknown");
    assert_eq!(program.get(&format!("objects/{id}"))["name"], "a film.bin");
}

#[test]
fn objects_are_told_read_extended_and_deleted_within_what_keeps_them() {
    // Goal: status, ranges, renewal and deletion do what `holdfast` does, and what is retained or
    // used by S3 stays. Method: small objects of one wallet, each asked for what must not be.
    let served = Served::start_with(town(), "localobjects", &API);
    let program = Program::new(&served);
    let bytes = noise("local objects", 300_001);
    let said = program.stored("o.bin", &bytes, &json!({}));
    assert_eq!(said["state"], "stored", "{said}");
    let id = said["object"].as_str().expect("an object").to_owned();
    let path = format!("objects/{id}");
    let told = program.get(&format!("{path}?health=true"));
    assert_eq!(
        (&told["bytes"], &told["shards"]),
        (&bytes.len().into(), &4.into())
    );
    assert_eq!(
        (&told["health"]["alive"], &told["health"]["may_die"]),
        (&4.into(), &2.into())
    );
    assert!(told["paid_until_ms"].as_u64() > Some(0), "{told}");

    let body = format!("{path}/body");
    let part = program.ask(&body, &["-r", "1000-1999"]);
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, &bytes[1000..2000])
    );
    assert!(
        part.head.contains("bytes 1000-1999/300001"),
        "{}",
        part.head
    );
    let tail = program.ask(&body, &["-r", "-7"]);
    assert_eq!(tail.body, &bytes[bytes.len() - 7..]);
    let outside = program.ask(&body, &["-r", "300001-"]);
    assert_eq!(
        (outside.status, outside.code().as_str()),
        (416, "range-outside")
    );
    let head = program.ask(&body, &["--head"]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let length = head.head.to_lowercase().contains("content-length: 300001");
    assert!(length, "{}", head.head);

    let renewal = |days: u64, cap: &str| json!({ "days": days, "cap": cap });
    let dear = program.post(&format!("{path}/renew"), &renewal(3, "0"));
    assert_eq!((dear.status, dear.code().as_str()), (409, "over-cap"));
    let renewed = program.post(&format!("{path}/renew"), &renewal(3, "1000000000000000000"));
    assert_eq!(renewed.status, 200, "{}", renewed.json());
    let now = program.get(&path);
    assert!(
        now["end_epoch"].as_u64() > told["end_epoch"].as_u64(),
        "{now}"
    );
    assert_eq!(renewed.json()["leases"], 4);
    let shorter = program.post(&format!("{path}/renew"), &renewal(1, "9"));
    assert_eq!(shorter.code(), "already-stored");
    for odd in [
        json!({ "days": 0 }),
        json!({ "dais": 1 }),
        json!({}),
        json!(7),
    ] {
        let refused = program.post(&format!("{path}/renew"), &odd);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "request-wrong")
        );
    }

    let kept = program.stored("kept.bin", b"to be kept", &json!({ "retain_days": 2 }));
    let kept = kept["object"].as_str().expect("an object").to_owned();
    let refused = program.ask(&format!("objects/{kept}"), &["-X", "DELETE"]);
    assert_eq!((refused.status, refused.code().as_str()), (409, "retained"));
    served.aws(&["s3", "mb", "s3://used"]).well();
    let file = served.home.file("used", &noise("used", 400_000));
    let file = file.to_string_lossy().into_owned();
    served.aws(&["s3", "cp", &file, "s3://used/key"]).well();
    let all = program.get("objects");
    let all = all["objects"].as_array().expect("a list").iter();
    let ids: Vec<&str> = all.filter_map(|one| one["object"].as_str()).collect();
    assert_eq!(ids.len(), 3);
    let page = program.get("objects?most=2");
    assert_eq!(
        (&page["next"], page["objects"].as_array().map(Vec::len)),
        (&ids[1].into(), Some(2))
    );
    let rest = program.get(&format!("objects?most=2&after={}", ids[1]));
    assert_eq!(
        (&rest["next"], &rest["objects"][0]["object"]),
        (&Value::Null, &ids[2].into())
    );
    let used = ids
        .iter()
        .find(|one| **one != id && **one != kept)
        .expect("the key's");
    let refused = program.ask(&format!("objects/{used}"), &["-X", "DELETE"]);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (409, "object-in-use")
    );

    let gone = program.ask(&path, &["-X", "DELETE"]);
    assert_eq!(gone.status, 200, "{}", gone.json());
    let gone = gone.json();
    assert_eq!(
        (&gone["closed"], &gone["key_destroyed"]),
        (&4.into(), &true.into())
    );
    let report = gone["report"].as_str().expect("a report");
    let report = served.home.file("report.json", report.as_bytes());
    let signature = gone["signature"].as_str().expect("a signature");
    served.home.file("report.json.sig", signature.as_bytes());
    let shown = served
        .home
        .say(&["verify-deletion", &report.to_string_lossy(), "--json"]);
    assert!(shown.well().out.contains(&id));
    for path in [path.clone(), body] {
        assert_eq!(program.ask(&path, &[]).code(), "object-unknown", "{path}");
    }
    let acts = served.home.say(&["log", "export"]).well().out;
    assert!(
        acts.contains("\"api\"") && !acts.contains(&program.token),
        "{acts}"
    );
}

#[test]
fn what_a_stranger_asks_and_what_does_not_read_is_refused_in_one_shape() {
    // Goal: no answer without the token, every refusal says code, words, next step and whether to
    // retry, and nothing that is sent ends the program. Method: requests that lie.
    let served = Served::start_with(town(), "localrefused", &API);
    let refused = served.home.say(&["gateway", "--api", "0.0.0.0:0"]).badly();
    assert!(refused.contains("--api-anywhere"), "{refused}");
    let program = Program::new(&served);
    let document = program.get("openapi.json");
    let paths = document["paths"].as_object().expect("paths");
    for (path, methods) in paths {
        let path = path.trim_start_matches("/api/v1/");
        let path = path
            .replace("{session}", "none")
            .replace("{object}", "none");
        for method in methods.as_object().expect("methods").keys() {
            let method = method.to_uppercase();
            let words = ["-X", method.as_str(), "--data", "{"];
            // A client that waits for the body that a HEAD's length promises waits for ever.
            let words = if method == "HEAD" {
                &["--head"][..]
            } else {
                &words
            };
            for token in ["", "0000", &program.token[1..]] {
                let answer = program.ask_as(token, &path, words);
                assert_eq!(answer.status, 401, "{method} {path}");
            }
            let answer = program.ask(&path, words);
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
        }
    }
    for (header, code) in [
        ("Host: evil.example", "page-refused"),
        ("Origin: http://evil.example", "page-refused"),
        ("Sec-Fetch-Site: cross-site", "page-refused"),
    ] {
        let answer = program.ask("objects", &["-H", header]);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, code),
            "{header}"
        );
    }
    let wrong = program.ask("puts", &["-X", "PATCH"]);
    assert_eq!(wrong.code(), "method-wrong");
    for path in ["none", "../../etc/passwd", "objects/zz/body/more"] {
        assert_eq!(program.ask(path, &[]).code(), "route-unknown", "{path}");
    }
    let shape = program.ask("puts/..%2f..", &[]).json();
    assert_eq!(shape["error"]["code"], "put-unknown", "{shape}");
    for field in ["code", "who", "message", "next"] {
        assert!(shape["error"][field].is_string(), "{shape}");
    }
    assert_eq!(shape["error"]["retry"], false);
    let more = |more: Value| order("a", b"1234", &more);
    for odd in [
        more(json!({ "length": 0 })),
        more(json!({ "length": u64::MAX })),
        more(json!({ "name": "../a" })),
        more(json!({ "days": 4000 })),
        more(json!({ "data": 60000, "parity": 60000 })),
        more(json!({ "sha256": "00" })),
        json!([]),
    ] {
        let answer = program.post("puts", &odd);
        assert_eq!(answer.status, 400, "{odd}: {}", answer.json());
    }
    let large = program.post("puts", &more(json!({ "length": 1_u64 << 41 })));
    assert_eq!((large.status, large.code().as_str()), (507, "spool-full"));
    let beyond = "a".repeat(70 << 10);
    let file = served.home.file("beyond", beyond.as_bytes());
    let data = format!("@{}", file.to_string_lossy());
    let answer = program.ask("puts", &["-X", "POST", "--data-binary", &data]);
    assert_eq!(answer.code(), "request-wrong");

    let differs = program.stored("d", b"1234", &json!({ "sha256": "00".repeat(32) }));
    assert_eq!(differs["error"]["code"], "body-differs", "{differs}");
    let dear = program.stored("c", b"1234", &json!({ "cap": "0" }));
    assert_eq!(
        (&dear["state"], &dear["error"]["code"]),
        (&"failed".into(), &"over-cap".into())
    );
    let session = dear["session"].as_str().expect("a session");
    let chunked = program.begin(&more(json!({})));
    let path = format!("puts/{chunked}/body?offset=0");
    let long = served.home.file("long", b"12345");
    let upload = [
        "-H",
        "Transfer-Encoding: chunked",
        "-T",
        &long.to_string_lossy(),
    ];
    let answer = program.ask(&path, &upload);
    assert_eq!((answer.status, answer.code().as_str()), (413, "body-long"));
    for session in [session, &chunked] {
        let path = format!("puts/{session}");
        assert_eq!(program.ask(&path, &["-X", "DELETE"]).status, 200);
        assert_eq!(program.ask(&path, &["-X", "DELETE"]).code(), "put-unknown");
    }
    let mut raw = TcpStream::connect(program.address()).expect("connects");
    raw.write_all(b"PUT /api/v1/puts HTTP/9\r\n\r\n")
        .expect("sent");
    let mut said = Vec::new();
    let _closed = raw.read_to_end(&mut said);
    assert_eq!(program.get("objects")["objects"], json!([]));
    let log = std::fs::read_to_string(served.home.dir.join("gateway.log")).unwrap_or_default();
    assert!(
        !log.contains(&program.token) && !log.contains("panicked"),
        "{log}"
    );
}

#[test]
fn the_guide_for_applications_does_what_it_says() {
    // Goal: the document's lines work as they stand. Method: its indented lines, in one shell.
    let served = Served::start_with(town(), "localguide", &API);
    let (_, steps) = GUIDE.split_once("## From a quote").expect("a section");
    let (steps, _) = steps.split_once("\n## ").expect("an end");
    let lines = steps.lines().filter_map(|line| line.strip_prefix("    "));
    let script: Vec<&str> = lines.collect();
    assert!(script.len() > 15, "{script:?}");
    let bytes = noise("guide", 5_000_000);
    let dir = served.dir("guide");
    std::fs::write(dir.join("film.bin"), &bytes).expect("written");
    let programs = program("holdfast");
    let programs = programs
        .parent()
        .expect("a folder")
        .to_string_lossy()
        .into_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script.join("\n")])
        .current_dir(&dir)
        .env("HOLDFAST_HOME", &served.home.dir)
        .env("A", served.api.as_deref().expect("an api"))
        .env("PATH", format!("{programs}:{path}"))
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}\n{errors}");
    let read = |name: &str| std::fs::read(dir.join(name)).expect("a file");
    assert_eq!(sha256(&read("whole")), sha256(&bytes));
    assert_eq!(read("part"), &bytes[1000..2000]);
    assert!(said.contains("\"vault_missing\":\"0\""), "{said}");
    let listed: Value = served.home.say(&["ls", "--json"]).json();
    assert_eq!(listed, json!([]), "it was deleted");
}
