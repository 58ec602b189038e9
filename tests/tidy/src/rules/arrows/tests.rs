//! Goal: each rule about arrows can fail. Method: a tree with one wrong arrow.

use super::{drivers, levels, manifests, written_down};
use crate::tree::tests::{manifest, tree};

fn pair(from: &str, to: &str) -> crate::tree::Tree {
    let paths = [from, to].map(|name| format!("{}/Cargo.toml", name.replace('-', "/")));
    let texts = [manifest(from, &[to]), manifest(to, &[])];
    tree(&[(&paths[0], &texts[0]), (&paths[1], &texts[1])])
}

#[test]
fn an_arrow_upwards_is_a_fault() {
    assert_eq!(levels(&pair("host-core", "host-ledger")).faults.len(), 1);
    assert!(levels(&pair("host-ledger", "host-core")).faults.is_empty());
}

#[test]
fn an_arrow_sideways_is_a_fault() {
    assert_eq!(levels(&pair("host-session", "host-renter")).faults.len(), 1);
}

#[test]
fn the_board_imports_nothing_from_the_host() {
    assert_eq!(levels(&pair("board-watch", "host-core")).faults.len(), 1);
    assert_eq!(levels(&pair("host-store", "board-watch")).faults.len(), 1);
    assert!(
        levels(&pair("host-daemon", "board-watch"))
            .faults
            .is_empty()
    );
}

#[test]
fn a_room_without_a_level_is_a_fault() {
    assert_eq!(levels(&pair("host-attic", "host-core")).faults.len(), 1);
}

#[test]
fn a_driver_is_imported_by_roots_alone() {
    assert_eq!(drivers(&pair("host-store", "host-uring")).faults.len(), 1);
    assert!(
        drivers(&pair("host-daemon", "host-uring"))
            .faults
            .is_empty()
    );
}

#[test]
fn an_arrow_must_stand_in_the_map() {
    let texts = [
        manifest("host-store", &["host-core"]),
        manifest("host-core", &[]),
    ];
    let with = |map: &str| {
        written_down(&tree(&[
            ("host/store/Cargo.toml", &texts[0]),
            ("host/core/Cargo.toml", &texts[1]),
            ("docs/ARCHITECTURE.md", map),
        ]))
    };
    assert_eq!(with("# Map\n").faults.len(), 1);
    assert!(with("| `host-store` | `host-core` |\n").faults.is_empty());
    assert_eq!(
        with("| host-store | host-core, host-proof |\n").notes.len(),
        1
    );
}

#[test]
fn a_version_or_lints_of_its_own_are_faults() {
    let text = "[package]\nname = \"host-core\"\n[dependencies]\nhex = \"0.4\"\n";
    assert_eq!(
        manifests(&tree(&[("host/core/Cargo.toml", text)]))
            .faults
            .len(),
        2
    );
}
