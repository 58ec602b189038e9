//! Goal: one key a data directory, readable by its owner alone; one process at a time.

use super::*;

#[test]
fn a_key_is_made_once_with_mode_600_and_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("identity.key");
    let made = load_or_make(&path).expect("made");
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = load_or_make(&path).expect("read");
    assert_eq!(made.peer_id(), read.peer_id());
}

#[test]
fn a_key_others_may_read_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("identity.key");
    load_or_make(&path).expect("made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode");
    assert!(matches!(
        load_or_make(&path),
        Err(Error::KeyMode { mode: 0o640, .. })
    ));
}

#[test]
fn a_file_without_a_key_is_refused_not_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("identity.key");
    fs::write(&path, "no key").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    assert!(matches!(load_or_make(&path), Err(Error::KeyForm { .. })));
    assert_eq!(fs::read_to_string(&path).expect("there"), "no key");
}

#[test]
fn a_second_lock_names_the_first_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data");
    let held = lock(&path).expect("locked");
    let Err(Error::Locked { pid, .. }) = lock(&path) else {
        panic!("locked twice");
    };
    assert_eq!(pid, std::process::id().to_string());
    drop(held);
    lock(&path).expect("free again");
}
