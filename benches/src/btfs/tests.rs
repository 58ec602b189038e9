//! Goal: the measurement still runs, and the driver of the peer keeps its word. Method: a small
//! file through a small network without a peer; a shell script in the peer's place, which keeps
//! the file in its repository, once honest and once not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::peer::Peer;
use super::{CHUNKERS, report};

/// A program in the peer's place: `add` keeps the file, `get` runs what is given.
fn script(dir: &Path, get: &str) -> PathBuf {
    let path = dir.join("btfs");
    let text = format!(
        r#"#!/bin/sh
set -e
case "$1 $2" in
"version --number") echo 4.1.0-test ;;
"init --empty-repo") mkdir "$BTFS_PATH" ;;
"--offline add") for last; do :; done; cp "$last" "$BTFS_PATH/kept"; echo QmKept ;;
"--offline get") test "$3" = QmKept; {get} ;;
*) echo "what is $*?" >&2; exit 1 ;;
esac
"#
    );
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("executable");
    path
}

#[test]
fn without_the_peer_ours_meets_the_waits_alone_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let report = report(true, dir.path(), Path::new("nowhere")).expect("runs");
    let said = report.notes.concat();
    if said.contains("not built") {
        assert!(report.rows.is_empty());
    } else {
        assert_eq!(report.rows.len(), 1);
        assert!(report.rows.iter().all(|row| row.ours > 0.0));
        assert!(said.contains("not compared"), "{said}");
    }
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 0, "its files are gone");
}

#[test]
fn each_round_of_the_peer_has_a_fresh_repository() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, b"kept").expect("written");
    let program = script(dir.path(), r#"cp "$BTFS_PATH/kept" "$5""#);
    let home = dir.path().join("home");
    let peer = Peer::find(&program, &home)
        .expect("runs")
        .expect("is there");
    assert_eq!(peer.version, "4.1.0-test");
    for (_, chunker) in CHUNKERS {
        // A repository that stayed would fail the script's mkdir.
        peer.round(chunker, &file).expect("the same file");
    }
}

#[test]
fn a_peer_that_gives_another_file_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, b"kept").expect("written");
    let program = script(dir.path(), r#"echo other > "$5""#);
    let home = dir.path().join("home");
    let peer = Peer::find(&program, &home)
        .expect("runs")
        .expect("is there");
    let why = peer.round("size-262144", &file).expect_err("another file");
    assert!(why.to_string().contains("another file"), "{why}");
}

#[test]
fn a_peer_that_does_not_run_is_an_error_and_none_is_none() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(
        Peer::find(&dir.path().join("btfs"), dir.path())
            .expect("no error")
            .is_none()
    );
    let program = dir.path().join("btfs-text");
    std::fs::write(&program, b"no program").expect("written");
    Peer::find(&program, dir.path()).expect_err("it does not run");
}
