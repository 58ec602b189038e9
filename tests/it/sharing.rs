//! An object handed on through the command line, from one home to another.

use std::process::{Command, Stdio};

use holdfast_tests::program;
use serde::Deserialize;

use crate::objects::RICH;
use crate::stage::{noise, shared};

#[derive(Debug, Deserialize)]
struct Share {
    line: Option<String>,
    capsule: Option<String>,
}

#[test]
fn an_object_is_handed_on_as_a_line_and_as_a_file_and_taken_back_from_nobody() {
    // Goal: the line alone gives the object to another home, however it is carried there; what is
    // no line is refused by name; the log tells of the sharing and not of the line. Method: a
    // line as an argument, on standard input and in a file; then the object is deleted.
    let (one, two) = (
        shared().renter("sharing-one", RICH),
        shared().renter("sharing-two", RICH),
    );
    let bytes = noise("sharing", 1_500_000);
    let id = one.put("file", &bytes, &[]);
    let share: Share = one.say(&["share", &id, "--json"]).json();
    let line = share.line.expect("a line");
    assert_eq!(two.get(&line, &[]), bytes);

    let file = one.dir.join("line.txt");
    let path = file.to_string_lossy();
    let whole: Share = one.say(&["share", &id, "-o", &path, "--json"]).json();
    assert!(whole.line.is_none() && whole.capsule.is_none());
    let out = two.dir.join("from-file");
    let out_word = out.to_string_lossy();
    two.say(&["get", "--share", &path, "-o", &out_word]).well();
    assert_eq!(std::fs::read(&out).expect("written"), bytes);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&file).expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    let stdin = std::fs::File::open(&file).expect("opens");
    let status = Command::new(program("holdfast"))
        .args(["get", "--share", "-", "-o", &out_word])
        .env("HOLDFAST_HOME", &two.dir)
        .stdin(stdin)
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("starts").success());

    let refused = two.try_get(&line[..line.len() - 5], &two.dir.join("no"), &[]);
    assert!(refused.err.contains("share-wrong"), "{}", refused.err);
    let log = one.say(&["log", "export"]).out;
    assert!(log.contains("\"share\"") && !log.contains(&line[20..60]));

    one.say(&["rm", &id]).well();
    let gone = two.try_get(&line, &two.dir.join("no"), &[]);
    assert!(gone.err.contains("too-few-shards"), "{}", gone.err);
}
