//! What goes wrong: a gateway that is killed, hosts that die, clocks that are off, requests that
//! lie, keys that may not.

use std::time::Duration;

use host_ledger::catalogue::{Catalogue, RowChange};

use crate::served::{Key, Served, start_town, town};
use crate::stage::{noise, until};

#[test]
fn a_multipart_upload_goes_on_after_the_gateway_was_killed() {
    // Goal: parts that were answered survive kill -9, and what was cut off is given back. Method:
    // one part answered, one in flight at the kill; then the rest on a new process.
    let mut served = Served::start(town(), "killed");
    served.aws(&["s3", "mb", "s3://big"]).well();
    let parts = [
        noise("part one", 5 << 20),
        noise("part two", 5 << 20),
        noise("three", 999),
    ];
    let files: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(index, bytes)| served.home.file(&format!("part-{index}"), bytes))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let at = ["--bucket", "big", "--key", "whole"];
    let begin = [&["s3api", "create-multipart-upload"][..], &at].concat();
    let begin = [&begin[..], &["--query", "UploadId", "--output", "text"]].concat();
    let id = served.aws(&begin).well().trim().to_owned();
    let send = |served: &Served, number: &str, file: &str| {
        let part = ["--upload-id", &id, "--part-number", number, "--body", file];
        let part = [&["s3api", "upload-part"][..], &at, &part].concat();
        served.aws(&[&part[..], &["--query", "ETag", "--output", "text"]].concat())
    };
    let first = send(&served, "1", &files[0]).well();
    let answered = std::thread::scope(|scope| {
        let flying = scope.spawn(|| send(&served, "2", &files[1]));
        let spool = served.home.dir.join("gateway/spool");
        until("the part is on its way", Duration::from_secs(40), || {
            std::fs::read_dir(&spool).ok()?.next().map(|_| ())
        });
        let pid = served.child.pid().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-9", &pid])
            .status();
        assert!(killed.expect("kill runs").success());
        flying.join().expect("the client ends").success
    });
    served.child.kill();
    served.again();
    let list = [&["s3api", "list-parts"][..], &at, &["--upload-id", &id]].concat();
    let query = ["--query", "Parts[].PartNumber", "--output", "text"];
    let listed = served.aws(&[&list[..], &query].concat()).well();
    let listed: Vec<&str> = listed.split_whitespace().collect();
    assert!(listed.contains(&"1"), "{listed:?}");
    assert!(!answered || listed.contains(&"2"), "{listed:?}");
    let second = send(&served, "2", &files[1]).well();
    let third = send(&served, "3", &files[2]).well();
    let tags = [&first, &second, &third].map(|tag| tag.trim().trim_matches('"').to_owned());
    let named: Vec<String> = tags
        .iter()
        .zip(1..)
        .map(|(tag, number)| format!("{{ETag=\"{tag}\",PartNumber={number}}}"))
        .collect();
    let named = format!("Parts=[{}]", named.join(","));
    let end = ["--upload-id", &id, "--multipart-upload", &named];
    served
        .aws(&[&["s3api", "complete-multipart-upload"][..], &at, &end].concat())
        .well();
    let out = served.home.dir.join("whole").to_string_lossy().into_owned();
    served.aws(&["s3", "cp", "s3://big/whole", &out]).well();
    assert!(std::fs::read(&out).expect("there") == parts.concat());
    // Three parts are three objects of the renter; the one that was cut off is none.
    let none_left = "what was cut off is given back";
    until(none_left, Duration::from_secs(60), || {
        let listed = served.home.say(&["ls", "--json"]).well().out;
        (listed.matches("\"id\"").count() == 3).then_some(())
    });
}

#[test]
fn hosts_may_die_during_a_sync() {
    let mut town = start_town("dying");
    let served = Served::start(&town, "sync");
    let tree = served.dir("tree");
    for index in 0..12 {
        let bytes = noise(&format!("dying {index}"), 400_000);
        std::fs::write(tree.join(format!("f{index}")), bytes).expect("written");
    }
    let words = tree.to_string_lossy().into_owned();
    served.rclone(&["mkdir", "hf:tree"]).well();
    let half = ["copy", "--include", "f[0-5]", &words, "hf:tree"];
    served.rclone(&half).well();
    for host in town.hosts.iter_mut().take(2) {
        host.kill();
    }
    served.rclone(&["sync", &words, "hf:tree"]).well();
    served
        .rclone(&["check", "--download", &words, "hf:tree"])
        .well();
}

#[test]
fn a_clock_that_is_off_and_a_request_that_lies_are_refused_by_name() {
    let served = Served::start(town(), "skew");
    served.aws(&["s3", "mb", "s3://open"]).well();
    let url = format!("http://{}", served.s3);
    let path = format!("{url}/open/k");
    let scope = format!(
        "{}/20200101/us-east-1/s3/aws4_request",
        served.key.access_key
    );
    let old = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, \
         Signature={}",
        "0".repeat(64)
    );
    let date = ["-H", "x-amz-date: 20200101T000000Z"];
    let sum = ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"];
    let old = [&["-sS", "-H", &old][..], &date, &sum, &[&path]].concat();
    let said = served.client("curl", &old).well();
    assert!(said.contains("RequestTimeTooSkewed"), "{said}");
    let foreign = Key {
        access_key: "HFNOBODY".to_owned(),
        secret_key: "none".to_owned(),
    };
    let ls = ["s3", "ls", "--endpoint-url", &url];
    let said = served.client_as(&foreign, "aws", &ls).badly();
    assert!(said.contains("InvalidAccessKeyId"), "{said}");
    let wrong = Key {
        secret_key: "wrong".to_owned(),
        ..served.key.clone()
    };
    let said = served.client_as(&wrong, "aws", &ls).badly();
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
    let body = served
        .home
        .file("body", b"hello")
        .to_string_lossy()
        .into_owned();
    let put = [
        "s3api",
        "put-object",
        "--bucket",
        "open",
        "--key",
        "k",
        "--body",
        &body,
    ];
    let md5 = ["--content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="];
    let said = served.aws(&[&put[..], &md5].concat()).badly();
    assert!(said.contains("BadDigest"), "{said}");
    let [one, two, three] = ["x-a", "x-b", "x-c"].map(|name| {
        let long = "x".repeat(100_000);
        format!("{name}: {long}")
    });
    let long = ["-H", &one, "-H", &two, "-H", &three];
    let code = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", &path];
    let code = [&code[..], &long].concat();
    assert_eq!(served.client("curl", &code).well(), "431");
    // A key is a name, not a path: dots in it lead nowhere.
    let dots = [
        "s3api",
        "put-object",
        "--bucket",
        "open",
        "--key",
        "../../escape",
        "--body",
        &body,
    ];
    served.aws(&dots).well();
    let list = [
        "s3api",
        "list-objects-v2",
        "--bucket",
        "open",
        "--query",
        "Contents[].Key",
    ];
    let keys = served
        .aws(&[&list[..], &["--output", "text"]].concat())
        .well();
    assert_eq!(keys.trim(), "../../escape");
    assert!(!served.home.dir.join("escape").exists());
}

#[test]
fn a_scoped_key_reaches_no_further_than_its_scope() {
    let served = Served::start(town(), "scoped");
    let body = served
        .home
        .file("body", &[7; 1000])
        .to_string_lossy()
        .into_owned();
    for bucket in ["ci-1", "secret"] {
        served.aws(&["s3", "mb", &format!("s3://{bucket}")]).well();
    }
    let make = [
        "gateway", "make-key", "ci", "--bucket", "ci-*", "--quota", "1500", "--json",
    ];
    let key: Key = served.home.say(&make).json();
    let url = format!("http://{}", served.s3);
    let with = |words: &[&str]| {
        served.client_as(&key, "aws", &[words, &["--endpoint-url", &url]].concat())
    };
    with(&["s3", "cp", &body, "s3://ci-1/a"]).well();
    assert!(
        with(&["s3", "cp", &body, "s3://secret/a"])
            .badly()
            .contains("AccessDenied")
    );
    let steal = ["s3", "cp", "s3://secret/a", "s3://ci-1/b"];
    with(&steal).badly();
    assert!(
        with(&["s3", "cp", &body, "s3://ci-1/b"])
            .badly()
            .contains("QuotaExceeded")
    );
    let listed = with(&["s3", "ls"]).well();
    assert!(
        listed.contains("ci-1") && !listed.contains("secret"),
        "{listed}"
    );
    served
        .home
        .say(&["gateway", "revoke-key", &key.access_key])
        .well();
    assert!(with(&["s3", "ls"]).badly().contains("InvalidAccessKeyId"));

    let make = ["gateway", "make-key", "reader", "--read-only", "--json"];
    let reader: Key = served.home.say(&make).json();
    let read = |words: &[&str]| {
        served.client_as(&reader, "aws", &[words, &["--endpoint-url", &url]].concat())
    };
    read(&["s3", "ls", "s3://ci-1"]).well();
    assert!(
        read(&["s3", "rm", "s3://ci-1/a"])
            .badly()
            .contains("AccessDenied")
    );
}

#[test]
fn of_many_writers_of_one_key_that_must_be_new_one_wins() {
    let served = Served::start(town(), "race");
    served.aws(&["s3", "mb", "s3://race"]).well();
    let codes: Vec<String> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|index| {
                let served = &served;
                scope.spawn(move || {
                    let body = format!("writer {index}");
                    let new = [
                        "-H",
                        "If-None-Match: *",
                        "-X",
                        "PUT",
                        "--data-binary",
                        &body,
                    ];
                    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
                    served.curl("race/key", &[&new[..], &code].concat()).well()
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().expect("ends"))
            .collect()
    });
    let won = codes.iter().filter(|code| *code == "200").count();
    let lost = codes.iter().filter(|code| *code == "412").count();
    assert_eq!((won, lost), (1, 5), "{codes:?}");
}

#[test]
fn small_objects_share_a_stored_one_and_are_packed_anew_when_most_are_gone() {
    // Goal: what is deleted stops costing. Method: forty small objects, thirty-four of them
    // deleted, one look at the shares; the rest still reads, also from a gateway without a cache.
    let mut served = Served::start(town(), "packed");
    let tree = served.dir("small");
    for index in 0..40 {
        let bytes = noise(&format!("small {index}"), 3_000);
        std::fs::write(tree.join(format!("s{index:02}")), bytes).expect("written");
    }
    let words = tree.to_string_lossy().into_owned();
    served.rclone(&["mkdir", "hf:small"]).well();
    served
        .rclone(&["copy", "--transfers", "32", &words, "hf:small"])
        .well();
    let objects = |served: &Served| {
        let listed = served.home.say(&["ls", "--json"]).well().out;
        listed.matches("\"id\"").count()
    };
    assert!(objects(&served) < 40, "small objects share");
    served
        .rclone(&["delete", "hf:small", "--include", "s[0-2]*"])
        .well();
    served
        .rclone(&["delete", "hf:small", "--include", "s3[0-3]"])
        .well();
    let compact = ["gateway", "compact", "--small-after", "0", "--json"];
    until(
        "what is mostly unused is emptied",
        Duration::from_secs(60),
        || {
            served.home.say(&compact).well();
            (objects(&served) <= 4).then_some(())
        },
    );
    served.child.kill();
    served.again();
    for index in 34..40 {
        let got = served.rclone(&["cat", &format!("hf:small/s{index}")]);
        assert!(got.success && got.out == noise(&format!("small {index}"), 3_000));
    }
}

#[test]
fn what_a_lifecycle_rule_says_is_too_old_goes_and_the_rest_stays() {
    // Goal: rules expire by age and prefix. Method: rows made two
    // days older in the catalogue of a stopped gateway.
    let mut served = Served::start(town(), "aged");
    let body = served
        .home
        .file("body", b"aged")
        .to_string_lossy()
        .into_owned();
    let make = ["s3api", "create-bucket", "--bucket", "aged"];
    served.aws(&make).well();
    for key in ["tmp/a", "keep/b"] {
        served
            .aws(&["s3", "cp", &body, &format!("s3://aged/{key}")])
            .well();
    }
    let rules = r#"{"Rules":[{"ID":"t","Status":"Enabled","Filter":{"Prefix":"tmp/"},"Expiration":{"Days":1}}]}"#;
    let of = ["--bucket", "aged", "--lifecycle-configuration", rules];
    let put = [&["s3api", "put-bucket-lifecycle-configuration"][..], &of].concat();
    served.aws(&put).well();
    served.child.kill();
    let path = served.home.dir.join("gateway/catalogue.redb");
    let rows = Catalogue::open(&path, 1 << 20).expect("opens after a kill");
    let mut change = RowChange::default();
    for (key, value) in rows.scan(b"oaged", b"oagee", 9).expect("scans") {
        let mut entry: serde_json::Value = serde_json::from_slice(&value).expect("JSON");
        let then = entry["modified_ms"].as_u64().expect("a time") - 2 * 86_400_000;
        entry["modified_ms"] = then.into();
        let aged = serde_json::to_vec(&entry).expect("JSON");
        change.write.insert(key, Some(aged));
    }
    assert_eq!(change.write.len(), 2);
    assert!(rows.commit(&change).expect("commits"));
    drop(rows);
    served.again();
    until("the rule is applied", Duration::from_secs(60), || {
        let listed = served.aws(&["s3", "ls", "--recursive", "s3://aged"]).well();
        assert!(listed.contains("keep/b"), "{listed}");
        (!listed.contains("tmp/a")).then_some(())
    });
    let dated = rules.replace("\"Days\":1", "\"Date\":\"2030-01-01T00:00:00Z\"");
    let of = ["--bucket", "aged", "--lifecycle-configuration", &dated];
    let put = [&["s3api", "put-bucket-lifecycle-configuration"][..], &of].concat();
    assert!(served.aws(&put).badly().contains("NotImplemented"));
}
