//! Releases: published, verified from a copy with common tools, followed by channel, restored on a
//! bare machine.

use std::process::Command;

use host_core::Amount;
use serde::Deserialize;

use crate::stage::{holdfast, noise, shared};

const RICH: Amount = Amount(1_000_000_000_000_000_000);
const GEOMETRY: [&str; 6] = ["--data", "2", "--parity", "2", "--days", "1"];

#[derive(Debug, Deserialize)]
struct Published {
    manifest_sha256: String,
    files: usize,
    release: String,
}

fn text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

fn tool(dir: &std::path::Path, program: &str, script: &str) -> bool {
    let mut command = Command::new(program);
    let ended = command.args(["-c", script]).current_dir(dir).output();
    ended.expect("the tool runs").status.success()
}

#[test]
fn a_release_is_published_verified_anywhere_and_restored_from_phrase_and_id() {
    // Goal: the runbook of docs/operating/publish.md. Method: publish a tree; check the copy with
    // our verifier, sha256sum and ssh-keygen; damage it; then a machine that has nothing but the
    // phrase and the release's id.
    let home = shared().renter("publisher", RICH);
    let tree = home.dir.join("dist");
    std::fs::create_dir_all(tree.join("bin")).expect("made");
    for index in 0..40 {
        let bytes = noise(&format!("release {index}"), 200 + index * 500);
        std::fs::write(tree.join(format!("bin/tool-{index}")), bytes).expect("written");
    }
    std::fs::write(tree.join("README"), "read me\n").expect("written");
    let (dist, out) = (text(&tree), text(&home.dir.join("out")));
    let names = ["--name", "tool", "--version", "1.0", "--date", "1700000000"];
    let publish = [
        &["publish", &dist, "--out", &out, "--json"][..],
        &names,
        &GEOMETRY,
    ]
    .concat();
    let done: Published = home.say(&publish).json();
    assert_eq!(done.files, 41);
    let manifest = format!("{out}/manifest.json");
    let key = format!("{out}/publish.pub");
    let verify = ["verify", &manifest, "--key", &key, "--dir", &dist];
    holdfast(None, &verify).well();
    let sums = format!("sha256sum --quiet -c '{out}/SHA256SUMS'");
    assert!(tool(&tree, "sh", &sums));
    let ssh = format!(
        "printf 'tool ' > '{out}/allowed' && cat '{key}' >> '{out}/allowed' && ssh-keygen -Y verify \
         -f '{out}/allowed' -I tool -n holdfast-release -s '{manifest}.sig' < '{manifest}'"
    );
    assert!(tool(&tree, "sh", &ssh), "ssh-keygen takes the signature");

    let again = text(&home.dir.join("again"));
    let dry = [
        &["publish", &dist, "--out", &again, "--dry-run", "--json"][..],
        &names,
    ]
    .concat();
    #[derive(Debug, Deserialize)]
    struct Dry {
        manifest_sha256: String,
    }
    let dry: Dry = home.say(&dry).json();
    assert_eq!(
        dry.manifest_sha256, done.manifest_sha256,
        "the same tree, the same bytes"
    );

    let bare = home.dir.join("bare");
    let phrase = home.file("phrase", home.phrase.as_bytes());
    let network = text(&shared().file);
    let recover = ["recover", "--phrase", &text(&phrase), "--network", &network];
    holdfast(Some(&bare), &recover).well();
    let (into, report) = (text(&bare.join("scratch")), text(&bare.join("report")));
    let drill = [
        "rehearse",
        &done.release,
        "--key",
        &key,
        "--into",
        &into,
        "--report",
        &report,
    ];
    let said = holdfast(Some(&bare), &[&drill[..], &["--objective", "600"]].concat()).well();
    assert!(said.out.contains("passed"), "{}", said.out);
    holdfast(None, &["verify", &manifest, "--key", &key, "--dir", &into]).well();
    assert!(
        std::fs::read_to_string(bare.join("report/trend.svg"))
            .expect("there")
            .contains("rect")
    );
    let sampled = text(&bare.join("sampled"));
    let drill = [
        "rehearse",
        &done.release,
        "--key",
        &key,
        "--into",
        &sampled,
        "--report",
        &report,
    ];
    holdfast(Some(&bare), &[&drill[..], &["--sample", "3"]].concat()).well();
    let late = text(&bare.join("late"));
    let drill = [
        "rehearse",
        &done.release,
        "--key",
        &key,
        "--into",
        &late,
        "--report",
        &report,
    ];
    let said = holdfast(Some(&bare), &[&drill[..], &["--objective", "0"]].concat());
    assert!(!said.success, "a drill over its time fails");

    std::fs::write(tree.join("README"), "read Me\n").expect("written");
    let said = holdfast(None, &verify);
    assert!(
        !said.success && said.out.contains("README has another SHA-256"),
        "{}",
        said.out
    );
    let forged = std::fs::read_to_string(&manifest)
        .expect("there")
        .replace("1.0", "1.1");
    std::fs::write(&manifest, forged).expect("written");
    let said = holdfast(None, &verify).badly();
    assert!(said.contains("signature"), "{said}");
}

#[test]
fn a_release_that_is_retained_or_held_is_not_deleted() {
    // Goal: what a manifest promises to keep, `rm` does not delete; the promise is never made
    // shorter, and every change of it is logged.
    let home = shared().renter("retainer", RICH);
    let (tree, out) = (home.dir.join("dist"), text(&home.dir.join("out")));
    std::fs::create_dir_all(&tree).expect("made");
    std::fs::write(tree.join("file"), "kept").expect("written");
    let names = ["--name", "tool", "--version", "1", "--out", &out];
    let more = ["--retain", "2", "--hold", "--json"];
    let tree = text(&tree);
    let publish = [&["publish", &tree][..], &names, &GEOMETRY, &more].concat();
    let done: Published = home.say(&publish).json();
    let id = &done.release;
    let said = home.say(&["rm", id]).badly();
    assert!(said.contains("legal hold"), "{said}");
    home.say(&["retain", id, "--release"]).well();
    home.say(&["retain", id, "--days", "1"]).well();
    let said = home.say(&["rm", id]).badly();
    assert!(said.contains("retained until"), "{said}");
    let path = home.dir.join("retained").join(id);
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("there")).expect("JSON");
    let day_ms = 24 * 60 * 60 * 1000;
    let two_days = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970");
    let two_days = u64::try_from(two_days.as_millis()).expect("small") + 2 * day_ms;
    let until = kept["until_ms"].as_u64().expect("a number");
    assert!(until > two_days - day_ms / 2, "a day less was asked for");
    let log = home.say(&["log", "export"]).well().out;
    assert_eq!(log.matches("\"retain\"").count(), 4, "two changes: {log}");

    // The same once the time has come; a file that does not read keeps what it is about.
    std::fs::write(&path, "{").expect("written");
    home.say(&["rm", id]).badly();
    std::fs::write(&path, "{\"until_ms\":1,\"hold\":false}").expect("written");
    home.say(&["rm", id]).well();
}

#[test]
fn a_home_that_took_a_policy_publishes_by_its_classes() {
    // Goal: what a class demands is demanded of every publication and drill, by the rule's name;
    // a policy that is old or not its keeper's is not taken.
    let home = shared().renter("classy", RICH);
    let tree = home.dir.join("dist");
    std::fs::create_dir_all(&tree).expect("made");
    std::fs::write(tree.join("file"), "one").expect("written");
    let policy = |version: u64| {
        format!(
            "kind = \"holdfast classes 1\"\nversion = {version}\n[class.once]\npublic = true\n\
             retain_days = 3\nrestore_seconds = 0\n"
        )
    };
    let file = text(&home.file("classes.toml.draft", policy(2).as_bytes()));
    home.say(&["classes", "sign", &file]).well();
    let (dist, out) = (text(&tree), text(&home.dir.join("out")));
    let publish = |more: &[&str]| {
        let names = ["--name", "tool", "--version", "1", "--out", &out];
        home.say(&[&["publish", &dist][..], &names, &GEOMETRY, more].concat())
    };
    publish(&["--dry-run"]).well();
    let key = format!("{out}/publish.pub");
    let take = ["classes", "take", &file, "--key", &key];
    home.say(&take).well();
    let said = publish(&[]).badly();
    assert!(said.contains("--class (once)"), "{said}");
    let said = publish(&["--class", "once"]).badly();
    assert!(said.contains("class once, rule `public`"), "{said}");
    let public = ["--class", "once", "--public", "--json"];
    let said = publish(&[&public[..], &["--retain", "2"]].concat()).badly();
    assert!(said.contains("`retain_days`: 2 days, at least 3"), "{said}");
    let done: Published = publish(&public).json();
    let said = publish(&public).badly();
    assert!(said.contains("rule `replaced`"), "{said}");
    let said = home.say(&["rm", &done.release]).badly();
    assert!(said.contains("retained until"), "{said}");
    let (into, report) = (text(&home.dir.join("into")), text(&home.dir.join("report")));
    let drill = ["rehearse", &done.release, "--key", &key, "--into", &into];
    let drill = [&drill[..], &["--report", &report, "--class", "once"]].concat();
    let said = home.say(&drill);
    assert!(!said.success && said.out.contains("FAILED"), "{}", said.out);
    let said = home.say(&["classes", "explain", "once"]).well().out;
    assert!(said.contains("beyond recall"), "{said}");

    std::fs::write(&file, policy(1)).expect("written");
    let said = home.say(&take).badly();
    assert!(said.contains("signature"), "{said}");
    home.say(&["classes", "sign", &file]).well();
    let said = home.say(&take).badly();
    assert!(said.contains("1 does not follow 2"), "{said}");
}

/// The script of a CI example: the lines under the `|` that belong to it, as the file has them.
fn script(file: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let whole = std::fs::read_to_string(root.join("docs/operating/ci").join(file)).expect("there");
    let mut lines = whole.lines().skip_while(|line| line.trim() != "set -eu");
    let first = lines.next().expect("a script");
    let indent = first.len() - first.trim_start().len();
    let of_script = |line: &&str| line.len() - line.trim_start().len() >= indent;
    let rest = lines.take_while(of_script).map(|line| &line[indent..]);
    let rest: Vec<&str> = rest.collect();
    format!("set -eu\n{}\n", rest.join("\n"))
}

#[test]
fn the_ci_examples_publish_check_point_and_write_it_into_the_readme() {
    // Goal: who copies an example has a job that works. Method: the scripts as the files have them,
    // one release after the other in the same checkout.
    let home = shared().renter("ci", RICH);
    let checkout = home.dir.join("checkout");
    std::fs::create_dir_all(checkout.join("dist")).expect("made");
    let readme = "# tool\n\n<!-- release -->\nnone yet\n<!-- end of release -->\n\nmore\n";
    std::fs::write(checkout.join("README.md"), readme).expect("written");
    let bin = holdfast_tests::program("holdfast");
    let bin = bin.parent().expect("a folder");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    for (file, version) in [("github.yml", "1.0"), ("gitlab.yml", "1.1")] {
        std::fs::write(checkout.join("dist/tool"), version).expect("written");
        let run = Command::new("sh")
            .args(["-c", &script(file)])
            .current_dir(&checkout)
            .env_clear()
            .envs([
                ("PATH", path.as_str()),
                ("NAME", "tool"),
                ("VERSION", version),
            ])
            .env("BASE", "https://example.org/tool")
            .env("PUT", "--days 1 --data 2 --parity 2")
            .env("HOLDFAST_HOME", &home.dir)
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{file}: {said}");
        let written = std::fs::read_to_string(checkout.join("README.md")).expect("there");
        assert!(written.contains(&format!("## tool {version}")), "{written}");
        assert!(written.starts_with("# tool\n\n<!-- release -->\n## tool"));
        assert!(
            written.ends_with("<!-- end of release -->\n\nmore\n") && !written.contains("none")
        );
    }
    let feed = std::fs::read_to_string(checkout.join("public/stable.atom")).expect("there");
    assert_eq!(feed.matches("<entry>").count(), 2);
    let events = home.say(&["log", "events"]).well().out;
    assert_eq!(events.matches("\"verified\"").count(), 2);
}

#[test]
fn a_channel_goes_forward_and_a_scan_stops_a_release() {
    let home = shared().renter("channel", RICH);
    let tree = home.dir.join("dist");
    std::fs::create_dir_all(&tree).expect("made");
    let dist = text(&tree);
    let dry = |version: &str| {
        std::fs::write(tree.join("file"), version).expect("written");
        let out = text(&home.dir.join(version));
        let names = [
            "--name",
            "tool",
            "--version",
            version,
            "--out",
            &out,
            "--dry-run",
        ];
        home.say(&[&["publish", &dist][..], &names].concat()).well();
        out
    };
    let (one, two) = (dry("1.0"), dry("2.0"));
    let (pointer, key) = (text(&home.dir.join("stable")), format!("{one}/publish.pub"));
    let set = |out: &str| {
        let manifest = format!("{out}/manifest.json");
        home.say(&[
            "channel",
            &pointer,
            "--channel",
            "stable",
            "--set",
            &manifest,
        ])
        .well();
    };
    let memory = text(&home.dir.join("seen"));
    let follow = ["channel", &pointer, "--key", &key, "--seen", &memory];
    set(&one);
    holdfast(None, &follow).well();
    let old = ["", ".sig"].map(|end| std::fs::read(format!("{pointer}{end}")).expect("there"));
    set(&two);
    let said = holdfast(None, &follow).well();
    assert!(said.out.contains("2.0, number 2"), "{}", said.out);
    std::fs::write(&pointer, &old[0]).expect("written");
    std::fs::write(format!("{pointer}.sig"), &old[1]).expect("written");
    let said = holdfast(None, &follow).badly();
    assert!(said.contains("replay"), "{said}");

    let scan = home.file("scan.sh", b"#!/bin/sh\necho found something\nexit 1\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&scan, mode).expect("a program");
    let out = text(&home.dir.join("refused"));
    let names = [
        "--name",
        "tool",
        "--version",
        "3",
        "--out",
        &out,
        "--scan",
        &text(&scan),
    ];
    let said = home
        .say(&[&["publish", &dist][..], &names].concat())
        .badly();
    assert!(said.contains("found something"), "{said}");
    assert!(!home.dir.join("refused/manifest.json").exists());
}
