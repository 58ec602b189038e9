//! A gateway whose home took a policy of classes.

use crate::served::{Served, town};
use crate::stage::noise;

const POLICY: &str = r#"kind = "holdfast classes 1"
version = 1
[class.archive]
public = false
days = 2
retain_days = 3
buckets = ["archive"]
[class.working]
public = true
replaced = true
buckets = ["work-*"]
"#;

#[test]
fn a_gateway_holds_its_buckets_to_their_classes() {
    // Goal: what a class demands of a bucket is demanded of every client, by the rule's name.
    // Method: the policy is taken between two starts; the second is refused until it stores for
    // long enough.
    let mut served = Served::start(town(), "classed");
    for bucket in ["archive", "work-1", "free"] {
        served.aws(&["s3", "mb", &format!("s3://{bucket}")]).well();
    }
    served.child.kill();
    let home = &served.home;
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let policy = text(home.file("policy.toml", POLICY.as_bytes()));
    let (dist, out) = (text(served.dir("dist")), text(home.dir.join("out")));
    home.file("dist/file", b"one");
    let names = ["--name", "tool", "--version", "1", "--out", &out];
    let shape = ["--data", "2", "--parity", "2", "--days", "1", "--dry-run"];
    home.say(&[&["publish", &dist][..], &names, &shape].concat())
        .well();
    home.say(&["classes", "sign", &policy]).well();
    let key = format!("{out}/publish.pub");
    home.say(&["classes", "take", &policy, "--key", &key])
        .well();
    let short = ["gateway", "--listen", "127.0.0.1:0", "--days", "1"];
    let refused = home.say(&[&short[..], &["--data", "2", "--parity", "2"]].concat());
    let refused = refused.badly();
    assert!(refused.contains("class archive, rule `days`"), "{refused}");

    served.again_with(&["--days", "2"]);
    let body = text(served.home.file("body", &noise("classed", 900)));
    let put = |path: &str| served.curl(path, &["-T", &body]).well();
    for path in ["archive/a", "work-1/a", "free/a", "work-1/a", "free/a"] {
        assert_eq!(put(path), "", "{path}");
    }
    let again = put("archive/a");
    assert!(
        again.contains("AccessDenied") && again.contains("class archive, replaced"),
        "{again}"
    );
    let gone = served.curl("archive/a", &["-X", "DELETE"]).well();
    assert!(gone.contains("locked until"), "{gone}");
    for path in ["work-1/a", "free/a"] {
        assert_eq!(served.curl(path, &["-X", "DELETE"]).well(), "", "{path}");
    }
    let head = ["s3api", "head-object", "--bucket", "archive", "--key", "a"];
    let head = served.aws(&head).well();
    assert!(head.contains("COMPLIANCE"), "{head}");
    let home = &served.home;
    let opened = home.say(&["gateway", "open", "archive"]).badly();
    assert!(opened.contains("class archive, public"), "{opened}");
    home.say(&["gateway", "open", "archive", "--private"])
        .well();
    home.say(&["gateway", "open", "work-1"]).well();
}
