//! Thresholds, and what a release refuses of a root.

use std::num::NonZeroU64;
use std::path::Path;

use super::{Plan, TEST_EXPIRES, fit_for_release, read, root};
use crate::keys::{self, Held, Record, Role, Wish};
use crate::{place, sign};

/// Keys of two holders for every role, made on a machine.
fn people(at: &Path, made_on: &str) -> Vec<Held> {
    let mut held = Vec::new();
    for role in [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp] {
        for holder in ["ada", "ben"] {
            let folder = at.join(format!("{}-{holder}", role.word()));
            let passphrase: Option<&[u8]> = Some(b"word");
            keys::make(&Wish {
                role,
                holder,
                folder: &folder,
                made_on,
                passphrase,
            })
            .expect("made");
            held.extend(keys::open(&[folder], &[role], passphrase).expect("opened"));
        }
    }
    held
}

fn records(held: &[Held]) -> Vec<Record> {
    held.iter().map(|held| held.record.clone()).collect()
}

fn written(at: &Path, held: &[Held], of: u64) -> std::path::PathBuf {
    let root = root(&Plan {
        records: &records(held),
        thresholds: &[(Role::Root, of), (Role::Targets, of)],
        version: NonZeroU64::MIN,
        expires: TEST_EXPIRES,
    })
    .expect("a root");
    let path = at.join("1.root.json");
    place::write(&path, &place::json(&root).expect("json")).expect("written");
    path
}

fn judged(path: &Path) -> Result<tough::schema::Root, crate::error::Error> {
    read(path, &std::fs::read(path).expect("there"))
}

#[test]
fn a_root_holds_once_as_many_holders_have_signed_as_it_asks_for() {
    let at = tempfile::tempdir().expect("a folder");
    let held = people(at.path(), "there");
    let path = written(at.path(), &held, 2);
    assert!(judged(&path).is_err());
    assert_eq!(sign::metadata(&path, &held[..1]).expect("ada signs"), 1);
    assert_eq!(sign::metadata(&path, &held[..1]).expect("again"), 1);
    assert!(judged(&path).is_err());
    assert_eq!(sign::metadata(&path, &held[1..2]).expect("ben signs"), 2);
    let root = judged(&path).expect("two have signed");
    fit_for_release(&root, "here").expect("a release may carry it");
}

#[test]
fn a_key_of_another_role_signs_nothing() {
    let at = tempfile::tempdir().expect("a folder");
    let held = people(at.path(), "there");
    let path = written(at.path(), &held, 2);
    let said = sign::metadata(&path, &held[2..])
        .expect_err("no root key")
        .to_string();
    assert!(said.contains("keys of role root"), "{said}");
}

#[test]
fn a_release_refuses_low_thresholds_marked_keys_and_keys_of_its_own_machine() {
    let at = tempfile::tempdir().expect("a folder");
    let held = people(at.path(), "here");
    let path = written(at.path(), &held, 2);
    sign::metadata(&path, &held).expect("signed");
    let said = fit_for_release(&judged(&path).expect("a root"), "here");
    assert!(
        said.expect_err("refused")
            .to_string()
            .contains("made on the machine")
    );
    let path = written(at.path(), &held, 1);
    sign::metadata(&path, &held).expect("signed");
    let said = fit_for_release(&judged(&path).expect("a root"), "there");
    assert!(said.expect_err("refused").to_string().contains("threshold"));
    let set = keys::test_set(&at.path().join("set")).expect("a set");
    let said = fit_for_release(&judged(&set).expect("a root"), "there");
    assert!(said.expect_err("refused").to_string().contains("marked"));
}

#[test]
fn a_root_that_asks_for_more_than_it_names_is_refused() {
    let at = tempfile::tempdir().expect("a folder");
    let held = people(at.path(), "there");
    for count in [0, 3] {
        let made = root(&Plan {
            records: &records(&held),
            thresholds: &[(Role::Targets, count)],
            version: NonZeroU64::MIN,
            expires: TEST_EXPIRES,
        });
        assert!(made.is_err(), "{count}");
    }
}
