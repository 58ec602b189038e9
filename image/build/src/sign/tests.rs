//! Signing in steps: what one holder signs another adds to; a bundle is packed by neither alone.

use std::path::Path;

use crate::bundle::{self, Plan};
use crate::error::Error;
use crate::keys::{self, Held, Role};
use crate::place::write;

fn built(at: &Path) -> std::path::PathBuf {
    let folder = at.join("built");
    for (name, text) in [
        ("root.img", "root"),
        ("kernel.efi", "kernel"),
        ("root-words", "w"),
    ] {
        write(&folder.join(name), text.as_bytes()).expect("written");
    }
    folder
}

fn plan(at: &Path, built: &Path, held: Vec<Held>) -> Plan {
    Plan {
        built: built.to_owned(),
        machine: "qemu".to_owned(),
        version: "0.2.0".parse().expect("a version"),
        min_version: "0.0.0".parse().expect("a version"),
        root: at.join("set/1.root.json"),
        held,
        expires: None,
    }
}

fn some(at: &Path, roles: &[Role]) -> Vec<Held> {
    keys::open(&[at.join("set")], roles, None).expect("keys of tests")
}

#[tokio::test]
async fn a_bundle_waits_until_enough_have_signed_its_targets() {
    let at = tempfile::tempdir().expect("a folder");
    let at = at.path();
    keys::test_set(&at.join("set")).expect("a set");
    let built = built(at);
    let mut one = some(at, &[Role::Targets]);
    let other = one.pop().expect("two keys");
    let waiting = bundle::make(&plan(at, &built, one)).await;
    let Err(Error::Unsigned { path, have, want }) = waiting else {
        panic!("it waits");
    };
    assert_eq!((have, want), (1, 2));
    assert!(!built.join("bundle.tar").exists());
    super::metadata(&path, &[other]).expect("the other signs");
    let online = some(at, &[Role::Snapshot, Role::Timestamp]);
    let tar = bundle::make(&plan(at, &built, online))
        .await
        .expect("whole");
    assert!(tar.metadata().expect("packed").len() > 1024);
}

#[tokio::test]
async fn a_build_that_changed_after_it_was_signed_is_signed_anew() {
    let at = tempfile::tempdir().expect("a folder");
    let at = at.path();
    keys::test_set(&at.join("set")).expect("a set");
    let built = built(at);
    let all = [Role::Targets, Role::Snapshot, Role::Timestamp];
    let made = bundle::make(&plan(at, &built, some(at, &all))).await;
    made.expect("whole");
    write(&built.join("root.img"), b"another root").expect("written");
    let online = some(at, &[Role::Snapshot, Role::Timestamp]);
    let waiting = bundle::make(&plan(at, &built, online)).await;
    assert!(matches!(waiting, Err(Error::Unsigned { have: 0, .. })));
}

#[tokio::test]
async fn a_part_too_large_for_a_box_makes_no_bundle() {
    let at = tempfile::tempdir().expect("a folder");
    let at = at.path();
    keys::test_set(&at.join("set")).expect("a set");
    let built = built(at);
    let kernel = std::fs::File::create(built.join("kernel.efi")).expect("a kernel");
    kernel.set_len(crate::disk::KERNEL_MOST + 1).expect("long");
    let refused = bundle::make(&plan(at, &built, some(at, &Role::ALL))).await;
    assert!(matches!(
        refused,
        Err(Error::Size {
            what: "the kernel image",
            ..
        })
    ));
}

#[test]
fn what_is_no_metadata_is_not_signed() {
    let at = tempfile::tempdir().expect("a folder");
    let path = at.path().join("other.json");
    for text in [
        "{}",
        "no json",
        r#"{"signed":{"_type":"else"},"signatures":[]}"#,
    ] {
        write(&path, text.as_bytes()).expect("written");
        assert!(matches!(
            super::metadata(&path, &[]),
            Err(Error::List { .. })
        ));
    }
}
