//! Releases over plain HTTP: what a browser, a cache and curl ask.

use serde::Deserialize;

use crate::served::{Served, town};
use crate::stage::{Home, noise, sha256};

const GEOMETRY: [&str; 6] = ["--data", "2", "--parity", "2", "--days", "1"];

#[derive(Debug, Deserialize)]
struct Published {
    release: String,
}

/// Publishes a folder as a version of `site`.
fn publish_as(
    (home, version): (&Home, &str),
    (tree, out): (&str, &str),
    more: &[&str],
) -> Published {
    let words = ["publish", tree, "--out", out, "--name", "site", "--json"];
    let words = [&words[..], &["--version", version], &GEOMETRY, more];
    home.say(&words.concat()).json()
}

fn publish(home: &Home, version: &str, more: &[(&str, Vec<u8>)]) -> (String, String) {
    let tree = home.dir.join(format!("site-{version}"));
    std::fs::create_dir_all(tree.join("docs")).expect("made");
    std::fs::write(tree.join("index.html"), format!("<h1>{version}</h1>")).expect("written");
    std::fs::write(tree.join("docs/a <b>.txt"), "text").expect("written");
    for (name, bytes) in more {
        std::fs::write(tree.join(name), bytes).expect("written");
    }
    let (tree, out) = (tree.to_string_lossy().into_owned(), home.dir.join(version));
    let out = out.to_string_lossy().into_owned();
    let done = publish_as((home, version), (&tree, &out), &[]);
    (done.release, out)
}

#[test]
fn a_release_is_browsed_cached_ranged_and_blocked() {
    let served = Served::start(town(), "pages");
    let large = noise("page", (3 << 20) + 5);
    let files = [
        ("404.html", b"not here".to_vec()),
        ("large.bin", large.clone()),
    ];
    let (release, out) = publish(&served.home, "1.0", &files);
    served.home.say(&["gateway", "show", &release]).well();
    let get = |path: &str, more: &[&str]| {
        let url = format!("http://{}{path}", served.http);
        served
            .client("curl", &[&["-sS", "-i"][..], more, &[&url]].concat())
            .well()
    };
    let page = get("/r/site/1.0/", &[]);
    assert!(
        page.starts_with("HTTP/1.1 200") && page.ends_with("<h1>1.0</h1>"),
        "{page}"
    );
    assert!(
        page.contains("immutable") && page.contains("text/html"),
        "{page}"
    );
    let tag = format!("\"{}\"", sha256(b"<h1>1.0</h1>"));
    let known = format!("If-None-Match: {tag}");
    assert!(page.contains(&tag) && get("/r/site/1.0/", &["-H", &known]).contains(" 304 "));
    assert!(get("/r/site/1.0", &[]).contains("location: /r/site/1.0/"));
    assert!(get("/r/site/1.0/docs/", &[]).contains("a &lt;b&gt;.txt"));
    assert!(get("/r/site/1.0/docs/a%20%3Cb%3E.txt", &[]).ends_with("text"));
    let missing = get("/r/site/1.0/nothing", &[]);
    assert!(
        missing.starts_with("HTTP/1.1 404") && missing.ends_with("not here"),
        "{missing}"
    );
    for path in [
        "/r/site/1.0/../../../etc/passwd",
        "/r/site/1.0/%2e%2e/%2e%2e/x",
        "/etc/passwd",
    ] {
        assert!(
            get(path, &["--path-as-is"]).starts_with("HTTP/1.1 404"),
            "{path}"
        );
    }
    assert!(get("/r/site/1.0/", &["-X", "DELETE"]).starts_with("HTTP/1.1 405"));
    let head = get("/r/site/1.0/large.bin", &["-I"]);
    assert!(
        head.contains(&format!("content-length: {}", large.len())),
        "{head}"
    );

    let url = format!("http://{}/r/site/1.0/large.bin", served.http);
    let whole = served.client("curl", &["-sS", "--fail", &url]);
    assert!(whole.success && whole.out == large);
    let some = served.client("curl", &["-sS", "--fail", "-r", "1048570-2097160", &url]);
    assert!(some.success && some.out == large[1_048_570..=2_097_160]);
    assert!(get("/r/site/1.0/large.bin", &["-r", "9000000-"]).starts_with("HTTP/1.1 416"));

    let manifest = std::fs::read_to_string(format!("{out}/manifest.json")).expect("there");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let cid = manifest["files"][0]["cid"]
        .as_str()
        .expect("a CID")
        .to_owned();
    assert!(get(&format!("/cid/{cid}"), &[]).ends_with("not here"));
    served
        .home
        .say(&["gateway", "block", &cid, "--why", "court order 7"])
        .well();
    let blocked = get(&format!("/cid/{cid}"), &[]);
    assert!(
        blocked.starts_with("HTTP/1.1 451") && blocked.contains("court order 7"),
        "{blocked}"
    );
    assert!(get("/r/site/1.0/nothing", &[]).starts_with("HTTP/1.1 451"));
    served.home.say(&["gateway", "block", &cid]).well();
    assert!(get(&format!("/cid/{cid}"), &[]).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_channel_moves_the_page_and_a_private_release_needs_a_token() {
    let mut served = Served::start(town(), "moving");
    let (one, first) = publish(&served.home, "1", &[]);
    let (two, second) = publish(&served.home, "2", &[]);
    let pointer = served
        .home
        .dir
        .join("stable")
        .to_string_lossy()
        .into_owned();
    let set = |served: &Served, out: &str| {
        let manifest = format!("{out}/manifest.json");
        let words = [
            "channel",
            &pointer,
            "--channel",
            "stable",
            "--set",
            &manifest,
        ];
        served.home.say(&words).well();
    };
    let get = |served: &Served, path: &str, more: &[&str]| {
        let url = format!("http://{}{path}", served.http);
        served
            .client("curl", &[&["-sS", "-i"][..], more, &[&url]].concat())
            .well()
    };
    set(&served, &first);
    let early = served.home.say(&["gateway", "point", &pointer]).badly();
    assert!(early.contains("not shown"), "{early}");
    served.home.say(&["gateway", "show", &one]).well();
    served
        .home
        .say(&["gateway", "show", &two, "--private"])
        .well();
    served.home.say(&["gateway", "point", &pointer]).well();
    let page = get(&served, "/r/site/stable/", &[]);
    assert!(
        page.ends_with("<h1>1</h1>") && page.contains("must-revalidate"),
        "{page}"
    );
    let old = ["", ".sig"].map(|end| std::fs::read(format!("{pointer}{end}")).expect("there"));
    set(&served, &second);
    served.home.say(&["gateway", "point", &pointer]).well();
    assert!(get(&served, "/r/site/stable/", &[]).starts_with("HTTP/1.1 401"));
    #[derive(Debug, Deserialize)]
    struct Made {
        token: String,
    }
    let made: Made = served
        .home
        .say(&["gateway", "make-token", "ci", "--json"])
        .json();
    let bearer = format!("Authorization: Bearer {}", made.token);
    std::fs::write(&pointer, &old[0]).expect("written");
    std::fs::write(format!("{pointer}.sig"), &old[1]).expect("written");
    let replayed = served.home.say(&["gateway", "point", &pointer]).badly();
    assert!(replayed.contains("replay"), "{replayed}");
    // All of it stands after the gateway was killed.
    served.child.kill();
    served.again();
    let page = get(&served, "/r/site/stable/", &["-H", &bearer]);
    assert!(
        page.ends_with("<h1>2</h1>") && page.contains("private"),
        "{page}"
    );
    let wrong = ["-H", "Authorization: Bearer nothing"];
    assert!(get(&served, "/r/site/2/", &wrong).starts_with("HTTP/1.1 401"));
}

#[test]
fn an_opened_bucket_and_an_opened_object_are_read_by_name_and_by_id() {
    // Goal: what was opened reads over HTTP, and nothing else does. Method: a bucket with a site
    // and a large object; before it is opened, open, by token only, closed again.
    let served = Served::start(town(), "opened");
    let large = noise("opened", (2 << 20) + 9);
    let file = |name: &str, bytes: &[u8]| {
        let path = served.home.file(name, bytes);
        path.to_string_lossy().into_owned()
    };
    let (index, body) = (
        file("index.html", b"<h1>site</h1>"),
        file("body.bin", &large),
    );
    served.aws(&["s3", "mb", "s3://site"]).well();
    let put = ["s3", "cp", &index, "s3://site/docs/index.html"];
    served.aws(&put).well();
    served.aws(&["s3", "cp", &body, "s3://site/a b.bin"]).well();
    let get = |path: &str, more: &[&str]| {
        let url = format!("http://{}{path}", served.http);
        served.client("curl", &[&["-sS", "-i"][..], more, &[&url]].concat())
    };
    let starts = |path: &str, more: &[&str], status: &str| {
        let said = get(path, more).well();
        assert!(
            said.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {said}"
        );
        said
    };
    starts("/b/site/docs/", &[], "404");
    served.home.say(&["gateway", "open", "site"]).well();
    let page = starts("/b/site/docs/", &[], "200");
    assert!(
        page.contains("text/html") && page.ends_with("<h1>site</h1>"),
        "{page}"
    );
    let url = format!("http://{}/b/site/a%20b.bin", served.http);
    let whole = served.client("curl", &["-sS", "--fail", &url]);
    assert!(whole.success && sha256(&whole.out) == sha256(&large));
    let some = served.client("curl", &["-sS", "--fail", "-r", "1048000-1050000", &url]);
    assert!(some.success && some.out == large[1_048_000..=1_050_000]);
    let stale = ["-H", "If-Range: \"old\"", "-r", "0-1"];
    starts("/b/site/a%20b.bin", &stale, "200");
    let none = served
        .home
        .say(&["gateway", "open", "nothing-here"])
        .badly();
    assert!(none.contains("neither a bucket nor an object"), "{none}");
    let key = "/b/site/a b.bin";
    served
        .home
        .say(&["gateway", "block", key, "--why", "order 9"])
        .well();
    assert!(starts("/b/site/a%20b.bin", &[], "451").contains("order 9"));
    served
        .home
        .say(&["gateway", "open", "site", "--private"])
        .well();
    starts("/b/site/docs/", &[], "401");
    starts("/b/site/nothing", &[], "401");
    served
        .home
        .say(&["gateway", "open", "site", "--close"])
        .well();
    starts("/b/site/docs/", &[], "404");

    let id = served.home.put("plain.txt", b"by its id", &[]);
    starts(&format!("/o/{id}"), &[], "404");
    served.home.say(&["gateway", "open", &id]).well();
    let page = starts(&format!("/o/{id}"), &[], "200");
    assert!(
        page.contains("immutable") && page.ends_with("by its id"),
        "{page}"
    );
    let known = format!("If-None-Match: \"{id}\"");
    starts(&format!("/o/{id}"), &["-H", &known], "304");
}

#[test]
fn a_release_has_propagated_when_its_shards_and_every_place_have_it() {
    // Goal: told once, and not before somebody elsewhere can read it and check it. Method: asked
    // before the gateway shows it, then after; what the gateway serves is held to the key.
    let served = Served::start(town(), "arriving");
    let (release, out) = publish(&served.home, "2.0", &[]);
    let base = format!("http://{}/r", served.http);
    let ask = ["log", "propagations", "--at", &base, "--json"];
    let early = served.home.say(&ask).well().out;
    assert!(early.contains("404") && early.contains(&base), "{early}");
    let late = served.home.say(&[&ask[..], &["--within", "1"]].concat());
    assert!(late.badly().contains("1 releases have not arrived"));
    served.home.say(&["gateway", "show", &release]).well();
    let there = served.home.say(&[&ask[..], &["--within", "60"]].concat());
    let there = there.well().out;
    assert!(
        there.contains("\"places\":1") || there.contains("\"places\": 1"),
        "{there}"
    );
    assert_eq!(served.home.say(&ask).well().out.trim(), "[]");
    let told = served.home.say(&["log", "events"]).well().out;
    assert_eq!(told.matches("\"propagated\"").count(), 1, "{told}");

    let copy = served.dir("copy");
    for name in ["manifest.json", "manifest.json.sig", "SHA256SUMS"] {
        let path = copy.join(name).to_string_lossy().into_owned();
        let url = format!("{base}/site/2.0/{name}");
        served.client("curl", &["-sSf", "-o", &path, &url]).well();
        let ours = std::fs::read(format!("{out}/{name}")).expect("written");
        assert!(std::fs::read(&path).expect("there") == ours, "{name}");
    }
}

#[test]
fn a_packed_release_is_read_as_if_it_were_not() {
    // Goal: fewer bytes kept, the same bytes given. Method: a long text, a short one and noise,
    // packed; whole and in ranges over HTTP, and a rehearsal by the publisher.
    let served = Served::start(town(), "packing");
    let line = "a line of a long text that says the same again\n";
    let text: Vec<u8> = line.repeat(60_000).into_bytes();
    let files = [
        ("long.txt", text.clone()),
        ("noise", noise("packed", 70_000)),
    ];
    let plain = publish(&served.home, "3.0", &files).1;
    let tree = served
        .home
        .dir
        .join("site-3.0")
        .to_string_lossy()
        .into_owned();
    let out = served
        .home
        .dir
        .join("packed")
        .to_string_lossy()
        .into_owned();
    let packed = ["--compress", "zstd"];
    let done = publish_as((&served.home, "3.1"), (&tree, &out), &packed);
    let manifest = std::fs::read_to_string(format!("{out}/manifest.json")).expect("written");
    assert!(manifest.contains("release manifest 2") && manifest.contains("\"packing\": \"zstd"));
    let sums = |out: &str| std::fs::read(format!("{out}/SHA256SUMS")).expect("written");
    assert!(sums(&out) == sums(&plain), "digests are of the files");
    served.home.say(&["gateway", "show", &done.release]).well();
    let get = |name: &str, more: &[&str]| {
        let url = format!("http://{}/r/site/3.1/{name}", served.http);
        let said = served.client("curl", &[&["-sSf"][..], more, &[&url]].concat());
        assert!(said.success, "{}", said.err);
        said.out
    };
    assert!(get("long.txt", &[]) == text);
    assert!(get("long.txt", &["-r", "2000000-2000999"]) == text[2_000_000..2_001_000]);
    assert!(get("long.txt", &["-r", "-10"]) == text[text.len() - 10..]);
    assert_eq!(get("docs/a%20%3Cb%3E.txt", &[]), b"text");
    assert!(get("noise", &[]) == files[1].1);
    let into = served.dir("scratch").to_string_lossy().into_owned();
    let (key, report) = (format!("{out}/publish.pub"), served.dir("reports"));
    let report = report.to_string_lossy().into_owned();
    let ask = [
        "rehearse",
        &done.release,
        "--key",
        &key,
        "--into",
        &into,
        "--report",
        &report,
    ];
    served.home.say(&ask).well();
    assert!(std::fs::read(format!("{into}/long.txt")).expect("restored") == text);
}

#[test]
fn a_release_is_had_as_a_car_file_and_the_files_of_one_are_published() {
    // Goal: in and out of IPFS by the same root. Method: a release whole from the gateway, packed
    // or not, against the archive made of the folder; unpacked it is published again.
    let served = Served::start(town(), "archived");
    let long = noise("archived", (2 << 20) + 7);
    let (release, _) = publish(&served.home, "4.0", &[("long.bin", long)]);
    served.home.say(&["gateway", "show", &release]).well();
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let tree = text(served.home.dir.join("site-4.0"));
    let (ours, theirs) = (
        served.home.dir.join("ours.car"),
        served.home.dir.join("theirs.car"),
    );
    let pack = ["car", "pack", &tree, "--out", &text(ours.clone())];
    let root = served.home.say(&pack).well().out.trim().to_owned();
    let url = format!("http://{}/r/site/4.0/?format=car", served.http);
    let said = served.client(
        "curl",
        &["-sSf", "-D", "-", "-o", &text(theirs.clone()), &url],
    );
    let said = said.well();
    assert!(
        said.contains("application/vnd.ipld.car") && said.contains(&root),
        "{said}"
    );
    let read = |path: &std::path::Path| std::fs::read(path).expect("there");
    assert!(read(&ours) == read(&theirs));
    let back = text(served.home.dir.join("back"));
    let unpack = ["car", "unpack", &text(theirs.clone()), &back, "--json"];
    let unpacked = served.home.say(&unpack).well().out;
    assert!(unpacked.contains(&root), "{unpacked}");
    let out = text(served.home.dir.join("back-out"));
    let packed = ["--compress", "zstd"];
    let done = publish_as((&served.home, "4.1"), (&back, &out), &packed);
    let manifest = std::fs::read_to_string(format!("{out}/manifest.json")).expect("written");
    assert!(manifest.contains(&root), "{manifest}");
    served.home.say(&["gateway", "show", &done.release]).well();
    let url = url.replace("4.0", "4.1");
    let out = text(theirs.clone());
    served.client("curl", &["-sSf", "-o", &out, &url]).well();
    assert!(
        read(&ours) == read(&theirs),
        "a packed release gives the same archive"
    );
    let why = [
        "gateway",
        "block",
        "site/4.1/index.html",
        "--why",
        "a court",
    ];
    served.home.say(&why).well();
    let blocked = served.client("curl", &["-sS", &url]).well();
    assert!(blocked.contains("a court"), "{blocked}");
}
