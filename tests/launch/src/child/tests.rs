//! Goal: a command cannot outlive its limit or leave processes behind, unseen. Method: shells.

use super::{Outcome, member, run};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

fn shell(name: &str, script: &str, limit: Duration) -> Outcome {
    let log: PathBuf = std::env::temp_dir().join(format!("launch-{name}-{}", std::process::id()));
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let outcome = run(command, &log, Instant::now() + limit).expect("sh starts");
    let _removed = std::fs::remove_file(&log);
    outcome
}

#[test]
fn text_of_both_streams_comes_back() {
    let outcome = shell("streams", "echo one; echo two >&2", Duration::from_secs(20));
    assert!(outcome.success);
    assert_eq!(outcome.text, "one\ntwo\n");
}

#[test]
fn a_failing_status_is_no_success() {
    assert!(!shell("status", "exit 3", Duration::from_secs(20)).success);
}

#[test]
fn a_command_over_its_limit_is_killed_with_its_children() {
    let started = Instant::now();
    let outcome = shell("limit", "sleep 600 & sleep 600", Duration::from_millis(100));
    assert!(!outcome.success);
    assert_eq!(outcome.complaints, ["over its time limit, killed"]);
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_process_left_behind_is_named_and_fails_the_command() {
    let outcome = shell("left", "sleep 600 & echo $!", Duration::from_secs(20));
    assert!(!outcome.success);
    let pid = outcome.text.trim();
    assert_eq!(
        outcome.complaints,
        [format!("left processes behind: sleep ({pid})")]
    );
}

#[test]
fn a_member_is_read_whatever_its_name_holds() {
    assert_eq!(
        member("7 (a) b (c) S 1 42 42 0", 42).as_deref(),
        Some("a) b (c (7)")
    );
    assert_eq!(member("7 (sh) S 1 41 41 0", 42), None);
    assert_eq!(member("7 (sh) Z 1 42 42 0", 42), None);
}
