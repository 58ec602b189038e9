//! A bucket kept in Holdfast by another home, through the library that knows object stores.

use holdfast_tests::program;
use serde_json::Value;

use crate::served::{RICH, Served, town};
use crate::stage::noise;

#[test]
fn a_bucket_is_mirrored_and_a_mirror_fills_a_bucket() {
    // Goal: an object store is a canonical copy like a folder, prefixes and odd names included, and
    // a place to restore to. Method: this gateway's bucket, written by aws, mirrored by a second
    // home, changed, compared, and written into a second bucket that aws reads.
    let served = Served::start(town(), "mirrored");
    let home = town().renter("mirrors-a-bucket", RICH);
    let dir = served.dir("files");
    let odd = "b/odd name+%20 ü.bin";
    let (one, two) = (noise("one", 40_000), noise("two", (9 << 20) + 5));
    std::fs::write(dir.join("one"), &one).expect("written");
    std::fs::write(dir.join("two"), &two).expect("written");
    let file = |name: &str| dir.join(name).to_string_lossy().into_owned();
    served.aws(&["s3", "mb", "s3://canon"]).well();
    let put = |from: &str, to: &str| {
        let to = format!("s3://canon/docs/{to}");
        served.aws(&["s3", "cp", &file(from), &to]).well();
    };
    put("one", "a/one.bin");
    put("two", odd);
    served
        .aws(&["s3", "cp", &file("one"), "s3://canon/elsewhere"])
        .well();

    let place = [
        format!("HOLDFAST_HOME={}", home.dir.display()),
        format!("AWS_ENDPOINT_URL=http://{}", served.s3),
        program("holdfast").to_string_lossy().into_owned(),
        "mirror".to_owned(),
    ];
    let mirror = |words: &[&str]| {
        let place = place.iter().map(String::as_str);
        let all: Vec<&str> = place.chain(words.iter().copied()).collect();
        served.client("env", &all)
    };
    let told = |words: &[&str]| -> Value {
        let said = mirror(&[words, &["--json"]].concat()).well();
        serde_json::from_str(&said).expect("JSON")
    };
    let shape = ["--data", "2", "--parity", "2", "--days", "1"];
    mirror(&[&["add", "m", "s3://canon/docs"][..], &shape].concat()).well();
    let run = told(&["run", "m"]);
    assert_eq!(
        (&run["files"], &run["stored"]),
        (&2.into(), &2.into()),
        "{run}"
    );
    assert_eq!(told(&["run", "m"])["unchanged"], 2);
    assert_eq!(
        told(&["check", "m", "--deep"])["drift"],
        Value::Array(vec![])
    );

    put("two", "a/one.bin");
    let drift = mirror(&["check", "m"]).badly();
    assert!(drift.contains("a/one.bin: it changed"), "{drift}");
    assert_eq!(told(&["run", "m"])["stored"], 1);

    served.aws(&["s3", "mb", "s3://copy"]).well();
    let restored = told(&["restore", "m", "s3://copy/back"]);
    assert_eq!(restored["written"], 2, "{restored}");
    assert_eq!(
        told(&["restore", "m", "s3://copy/back"])["there_already"],
        2
    );
    let back = format!("s3://copy/back/{odd}");
    served.aws(&["s3", "cp", &back, &file("back")]).well();
    assert!(std::fs::read(dir.join("back")).expect("there") == two);

    served
        .aws(&["s3", "rm", &format!("s3://canon/docs/{odd}")])
        .well();
    let out = file("out");
    let got = told(&["get", "m", odd, "-o", &out]);
    assert_eq!(got["from"], "holdfast");
    assert!(std::fs::read(&out).expect("there") == two);
}
