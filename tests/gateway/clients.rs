//! Each client does what people do with it, and what comes back is compared byte by byte.

use crate::served::{Served, town};
use crate::stage::{noise, sha256};

#[test]
fn aws_puts_gets_lists_copies_presigns_and_removes() {
    // Goal: the AWS command line finds an S3. Method: small and multipart files up and down,
    // ranges, conditions, listing by prefix, copy, presigned URL, removal.
    let served = Served::start(town(), "aws");
    let dir = served.dir("files");
    let (small, large) = (noise("small", 4_321), noise("large", (17 << 20) + 77));
    std::fs::write(dir.join("small"), &small).expect("written");
    std::fs::write(dir.join("large"), &large).expect("written");
    let file = |name: &str| dir.join(name).to_string_lossy().into_owned();
    served.aws(&["s3", "mb", "s3://docs"]).well();
    served
        .aws(&["s3", "cp", &file("small"), "s3://docs/a/small"])
        .well();
    served
        .aws(&["s3", "cp", &file("large"), "s3://docs/a/large"])
        .well();
    served
        .aws(&["s3", "cp", "s3://docs/a/small", &file("small.back")])
        .well();
    served
        .aws(&["s3", "cp", "s3://docs/a/large", &file("large.back")])
        .well();
    assert!(std::fs::read(dir.join("small.back")).expect("there") == small);
    assert!(std::fs::read(dir.join("large.back")).expect("there") == large);

    let object = [
        "s3api",
        "get-object",
        "--bucket",
        "docs",
        "--key",
        "a/large",
    ];
    let range = ["--range", "bytes=8388600-8388700"];
    served
        .aws(&[&object[..], &range, &[&file("range")]].concat())
        .well();
    assert!(std::fs::read(dir.join("range")).expect("there") == large[8_388_600..=8_388_700]);
    let head = [
        "s3api",
        "head-object",
        "--bucket",
        "docs",
        "--key",
        "a/small",
    ];
    let head = served.aws(&[&head[..], &["--query", "ETag", "--output", "text"]].concat());
    let tag = head.well().trim().to_owned();
    let same = [
        "s3api",
        "get-object",
        "--bucket",
        "docs",
        "--key",
        "a/small",
    ];
    let none = file("none");
    let unchanged = [&same[..], &["--if-none-match", &tag, &none]].concat();
    assert!(served.aws(&unchanged).badly().contains("304"));
    let other = [&same[..], &["--if-match", "\"ff\"", &none]].concat();
    assert!(served.aws(&other).badly().contains("PreconditionFailed"));

    let list = [
        "s3api",
        "list-objects-v2",
        "--bucket",
        "docs",
        "--delimiter",
        "/",
    ];
    let query = ["--query", "CommonPrefixes[].Prefix", "--output", "text"];
    assert_eq!(
        served.aws(&[&list[..], &query].concat()).well().trim(),
        "a/"
    );
    served
        .aws(&["s3", "cp", "s3://docs/a/small", "s3://docs/b/copy"])
        .well();
    let url = served.aws(&["s3", "presign", "s3://docs/b/copy"]).well();
    let got = served.client("curl", &["-sS", "--fail", url.trim()]);
    assert!(got.success && got.out == small, "{}", got.err);
    let unsigned = format!("http://{}/docs/b/copy", served.s3);
    let refused = served.client("curl", &["-sS", &unsigned]).well();
    assert!(refused.contains("AccessDenied"), "{refused}");

    served.aws(&["s3", "rm", "s3://docs/a/small"]).well();
    served
        .aws(&["s3", "cp", "s3://docs/b/copy", &file("copy.back")])
        .well();
    assert!(std::fs::read(dir.join("copy.back")).expect("there") == small);
    assert!(
        served
            .aws(&["s3", "rb", "s3://docs"])
            .badly()
            .contains("BucketNotEmpty")
    );
    served.aws(&["s3", "rb", "s3://docs", "--force"]).well();
}

#[test]
fn aws_keeps_versions_tags_and_locks() {
    let served = Served::start(town(), "versions");
    let file = served.home.file("v", b"one");
    let body = file.to_string_lossy().into_owned();
    let make = [
        "s3api",
        "create-bucket",
        "--bucket",
        "kept",
        "--object-lock-enabled-for-bucket",
    ];
    served.aws(&make).well();
    let at = ["--bucket", "kept", "--key", "k"];
    let put = [&["s3api", "put-object"][..], &at, &["--body", &body]].concat();
    let id = ["--query", "VersionId", "--output", "text"];
    let first = served
        .aws(&[&put[..], &["--tagging", "team=docs"], &id].concat())
        .well();
    std::fs::write(&file, b"two").expect("written");
    let second = served.aws(&[&put[..], &id].concat()).well();
    let (first, second) = (first.trim(), second.trim());
    assert_ne!(first, second);
    let out = served.home.dir.join("out").to_string_lossy().into_owned();
    let got = [
        &["s3api", "get-object"][..],
        &at,
        &["--version-id", first, &out],
    ]
    .concat();
    served.aws(&got).well();
    assert_eq!(std::fs::read(&out).expect("there"), b"one");
    let tags = [
        &["s3api", "get-object-tagging"][..],
        &at,
        &["--version-id", first],
    ]
    .concat();
    let tags = served.aws(
        &[
            &tags[..],
            &["--query", "TagSet[0].Value", "--output", "text"],
        ]
        .concat(),
    );
    assert_eq!(tags.well().trim(), "docs");

    let hold = [
        &["s3api", "put-object-legal-hold"][..],
        &at,
        &["--version-id", first],
    ]
    .concat();
    served
        .aws(&[&hold[..], &["--legal-hold", "Status=ON"]].concat())
        .well();
    let delete = [
        &["s3api", "delete-object"][..],
        &at,
        &["--version-id", first],
    ]
    .concat();
    assert!(served.aws(&delete).badly().contains("AccessDenied"));
    served
        .aws(&[&hold[..], &["--legal-hold", "Status=OFF"]].concat())
        .well();
    served.aws(&delete).well();
    served.aws(&["s3", "rm", "s3://kept/k"]).well();
    assert!(
        served
            .aws(&["s3", "cp", "s3://kept/k", &out])
            .badly()
            .contains("404")
    );
    let list = [
        "s3api",
        "list-object-versions",
        "--bucket",
        "kept",
        "--output",
        "text",
    ];
    let query = ["--query", "[length(Versions), length(DeleteMarkers)]"];
    let listed = served.aws(&[&list[..], &query].concat()).well();
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["1", "1"]);
}

#[test]
fn rclone_syncs_and_checks_a_tree() {
    let served = Served::start(town(), "rclone");
    let tree = served.dir("tree");
    for index in 0..24 {
        let folder = tree.join(format!("d{}", index % 4));
        std::fs::create_dir_all(&folder).expect("made");
        let bytes = noise(&format!("file-{index}"), 100 + index * 977);
        std::fs::write(folder.join(format!("file {index} +ü.bin")), bytes).expect("written");
    }
    std::fs::write(tree.join("large"), noise("rclone large", 9 << 20)).expect("written");
    std::fs::write(tree.join("empty"), b"").expect("written");
    let tree = tree.to_string_lossy().into_owned();
    served.rclone(&["mkdir", "hf:tree"]).well();
    served.rclone(&["sync", &tree, "hf:tree/t"]).well();
    served
        .rclone(&["check", "--download", &tree, "hf:tree/t"])
        .well();
    let cat = [
        "cat",
        "--offset",
        "1000000",
        "--count",
        "70000",
        "hf:tree/t/large",
    ];
    let run = served.rclone(&cat);
    assert!(run.success && run.out == noise("rclone large", 9 << 20)[1_000_000..1_070_000]);
    std::fs::remove_dir_all(served.home.dir.join("tree/d0")).expect("removed");
    std::fs::write(served.home.dir.join("tree/large"), b"now small").expect("written");
    served.rclone(&["sync", &tree, "hf:tree/t"]).well();
    served
        .rclone(&["check", "--download", &tree, "hf:tree/t"])
        .well();
    let size = served
        .rclone(&["lsf", "-R", "--files-only", "hf:tree/t"])
        .well();
    assert_eq!(size.lines().count(), 20, "{size}");
}

#[test]
fn restic_backs_up_checks_restores_and_prunes() {
    let served = Served::start(town(), "restic");
    let source = served.dir("source");
    std::fs::write(source.join("a"), noise("restic a", 3 << 20)).expect("written");
    std::fs::write(source.join("b"), noise("restic b", 70_000)).expect("written");
    let words = source.to_string_lossy().into_owned();
    served.restic(&["init"]).well();
    served.restic(&["backup", &words]).well();
    std::fs::write(source.join("a"), noise("restic a2", 2 << 20)).expect("written");
    served.restic(&["backup", &words]).well();
    served.restic(&["check", "--read-data"]).well();
    served
        .restic(&["forget", "--keep-last", "1", "--prune"])
        .well();
    served.restic(&["check", "--read-data"]).well();
    let target = served.dir("restored");
    let into = target.to_string_lossy().into_owned();
    served
        .restic(&["restore", "latest", "--target", &into])
        .well();
    let back = target.join(source.strip_prefix("/").expect("absolute"));
    for (name, bytes) in [
        ("a", noise("restic a2", 2 << 20)),
        ("b", noise("restic b", 70_000)),
    ] {
        assert!(
            std::fs::read(back.join(name)).expect("restored") == bytes,
            "{name}"
        );
    }
}

#[test]
fn curl_signs_puts_ranges_heads_and_removes() {
    let served = Served::start(town(), "curl");
    let bytes = noise("curl", 600_000);
    let body = served.home.file("body", &bytes);
    let body = body.to_string_lossy().into_owned();
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    let bucket = served.curl("plain", &[&["-X", "PUT"][..], &code].concat());
    assert_eq!(bucket.well(), "200");
    let data = format!("@{body}");
    let put = ["-X", "PUT", "--data-binary", &data];
    let put = [&put[..], &["-H", "x-amz-meta-team: docs"], &code].concat();
    let put = served.curl("plain/dir/k", &put);
    assert_eq!(put.well(), "200");
    let got = served.curl("plain/dir/k", &[]);
    assert!(got.success && sha256(&got.out) == sha256(&bytes));
    let run = served.curl("plain/dir/k", &["-r", "300000-300099"]);
    assert!(run.success && run.out == bytes[300_000..300_100]);
    let head = served.curl("plain/dir/k", &["-I"]).well();
    assert!(head.contains("content-length: 600000"), "{head}");
    assert!(head.contains("x-amz-meta-team: docs"), "{head}");
    let outside = served.curl("plain/dir/k", &["-r", "600000-"]).well();
    assert!(outside.contains("InvalidRange"), "{outside}");
    let gone = served.curl("plain/dir/k", &[&["-X", "DELETE"][..], &code].concat());
    assert_eq!(gone.well(), "204");
    assert!(served.curl("plain/dir/k", &[]).well().contains("NoSuchKey"));
    let acl = served.aws(&["s3api", "get-bucket-acl", "--bucket", "plain"]);
    let acl = acl.badly();
    assert!(acl.contains("NotImplemented"), "{acl}");
}
