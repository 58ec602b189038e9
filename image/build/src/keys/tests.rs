//! One folder, one role, one holder; and what a set of tests is.

use std::path::Path;

use super::{Held, Role, Wish, make, open, records, test_set};
use crate::trust;

const WORD: &[u8] = b"a passphrase";

fn wish<'a>(folder: &'a Path, role: Role, holder: &'a str) -> Wish<'a> {
    Wish {
        role,
        holder,
        folder,
        made_on: "elsewhere",
        passphrase: Some(WORD),
    }
}

#[test]
fn a_key_is_sealed_and_opens_under_its_passphrase_alone() {
    let at = tempfile::tempdir().expect("a folder");
    for role in [Role::Targets, Role::Db] {
        let folder = at.path().join(role.word());
        make(&wish(&folder, role, "ada")).expect("made");
        let held = open(std::slice::from_ref(&folder), &[role], Some(WORD)).expect("it opens");
        let [Held { record, .. }] = held.as_slice() else {
            panic!("one key");
        };
        assert_eq!((record.role, record.holder.as_str()), (role, "ada"));
        assert!(!record.test);
        let folders = [folder];
        assert!(open(&folders, &[role], Some(b"another")).is_err());
        let bare = open(&folders, &[role], None).err().expect("sealed");
        assert!(bare.to_string().contains("--passphrase-file"), "{bare}");
        assert!(
            open(&folders, &[Role::Root], None)
                .expect("none")
                .is_empty()
        );
    }
}

#[test]
fn a_folder_takes_neither_another_role_nor_another_holder_nor_the_same_key_twice() {
    let at = tempfile::tempdir().expect("a folder");
    let folder = at.path();
    make(&wish(folder, Role::Root, "ada")).expect("made");
    for (role, holder) in [
        (Role::Targets, "ada"),
        (Role::Root, "ben"),
        (Role::Root, "ada"),
    ] {
        assert!(make(&wish(folder, role, holder)).is_err(), "{holder}");
    }
    assert_eq!(records(folder).expect("records").len(), 1);
}

#[test]
fn a_holder_has_a_plain_name() {
    let at = tempfile::tempdir().expect("a folder");
    for name in ["", "../ada", "ada-2", "a b"] {
        assert!(
            make(&wish(at.path(), Role::Root, name)).is_err(),
            "{name:?}"
        );
    }
}

#[test]
fn a_set_of_tests_is_marked_in_every_place_and_takes_no_real_key() {
    let at = tempfile::tempdir().expect("a folder");
    let path = test_set(at.path()).expect("a set");
    let text = std::fs::read(&path).expect("its root");
    let root = trust::read(&path, &text).expect("signed by its own keys");
    assert!(trust::is_test(&root));
    for (_, record) in records(at.path()).expect("records") {
        assert!(record.test);
        if let Some(pem) = record.certificate {
            let der = crate::certificate::der(&pem).expect("a certificate");
            let mark = super::TEST_MARK.as_bytes();
            assert!(der.windows(mark.len()).any(|some| some == mark));
        }
    }
    assert!(make(&wish(at.path(), Role::Root, "ada")).is_err());
    let before = std::fs::read(at.path().join("db-1.key")).expect("a key");
    test_set(at.path()).expect("the same set");
    assert_eq!(
        std::fs::read(at.path().join("db-1.key")).expect("a key"),
        before
    );
}
