//! Goal: a package that is only listed is found. Method: one door in four states.

use super::{Use, card_use, check};
use crate::tree::Tree;
use crate::tree::tests::{manifest, tree};

fn ledger(needs: &[&str], code: &str) -> Tree {
    let text = manifest("host-ledger", needs);
    tree(&[
        ("host/ledger/Cargo.toml", &text),
        ("host/ledger/src/lib.rs", code),
    ])
}

fn used(tree: &Tree) -> Use {
    card_use(tree, &["redb"], "host-ledger")
}

#[test]
fn a_door_that_uses_its_package_passes() {
    let tree = ledger(&["redb"], "use redb::Database;");
    assert_eq!(used(&tree), Use::Used);
    assert!(check(&tree).faults.is_empty());
}

#[test]
fn a_door_that_does_not_name_its_package_is_a_fault() {
    let tree = ledger(&[], "fn a() {}");
    assert_eq!(used(&tree), Use::NotInManifest);
    assert_eq!(check(&tree).faults.len(), 1);
}

#[test]
fn a_package_in_the_manifest_alone_is_a_fault() {
    let tree = ledger(&["redb"], "// redb\nfn a() {}");
    assert_eq!(used(&tree), Use::NotInSources);
    assert_eq!(check(&tree).faults.len(), 1);
}

#[test]
fn a_door_that_does_not_exist_yet_is_no_fault() {
    assert_eq!(used(&ledger(&["redb"], "//! Head.\n")), Use::NoDoor);
    assert!(check(&tree(&[])).faults.is_empty());
}
