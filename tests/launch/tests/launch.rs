//! Goal: the launcher answers people in words and machines in statuses. Method: start it.
//!
//! This program has a second task: `cargo demo` builds it beside the programs. A test program in
//! the selection makes cargo unify the features of test dependencies too, so that the programs of
//! the demo and of the tests are the same build and no crate is compiled twice.

use std::process::{Command, Output};

fn launch(words: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_tests-launch");
    Command::new(program)
        .args(words)
        .output()
        .expect("the launcher starts")
}

#[test]
fn the_list_names_every_tier() {
    let output = launch(&["verify", "--list"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    for tier in [
        "build",
        "unit",
        "tidy",
        "it",
        "crash",
        "contracts",
        "chain",
        "vectors",
        "demo",
    ] {
        assert!(
            text.contains(&format!("  {tier} ")),
            "{tier} is not in {text}"
        );
    }
}

#[test]
fn an_unknown_tier_ends_with_status_two_and_its_name() {
    let output = launch(&["verify", "crush"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("crush"));
}

#[test]
fn no_word_ends_with_the_usage() {
    let output = launch(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: cargo demo"));
}
