//! Goal: each rule about vendors can fail. Method: one room with one wrong thing.

use super::{doors, pure, renter_feature, tokio, unsafety};
use crate::tree::Tree;
use crate::tree::tests::{manifest, tree};

fn room(name: &str, needs: &[&str], code: &str) -> Tree {
    let folder = name.replace('-', "/");
    let paths = [
        format!("{folder}/Cargo.toml"),
        format!("{folder}/src/lib.rs"),
    ];
    tree(&[(&paths[0], &manifest(name, needs)), (&paths[1], code)])
}

#[test]
fn a_vendor_outside_its_door_is_a_fault() {
    assert_eq!(doors(&room("host-store", &["redb"], "")).faults.len(), 1);
    assert!(doors(&room("host-ledger", &["redb"], "")).faults.is_empty());
    assert!(doors(&room("board-watch", &["nix"], "")).faults.is_empty());
}

#[test]
fn a_vendor_without_a_door_is_a_fault_everywhere() {
    assert_eq!(
        doors(&room("host-chain", &["ethers-providers"], ""))
            .faults
            .len(),
        1
    );
}

#[test]
fn tokio_in_the_ledger_is_a_fault() {
    assert_eq!(tokio(&room("host-ledger", &["tokio"], "")).faults.len(), 1);
    assert!(
        tokio(&room("host-session", &["tokio"], ""))
            .faults
            .is_empty()
    );
}

#[test]
fn unsafe_code_outside_its_room_is_a_fault() {
    let code = "fn a() { unsafe { b() } }";
    assert_eq!(unsafety(&room("host-store", &[], code)).faults.len(), 1);
    assert!(unsafety(&room("host-uring", &[], code)).faults.is_empty());
    assert!(
        unsafety(&room("host-store", &[], "// unsafe\n"))
            .faults
            .is_empty()
    );
    assert_eq!(
        unsafety(&room("host-store", &[], "#![allow(unsafe_code)]"))
            .faults
            .len(),
        1
    );
}

#[test]
fn the_renters_feature_outside_a_root_is_a_fault() {
    let code = "#[cfg(feature = \"renter\")]\nfn a() {}";
    assert_eq!(
        renter_feature(&room("host-session", &[], code))
            .faults
            .len(),
        1
    );
    assert!(
        renter_feature(&room("host-daemon", &[], code))
            .faults
            .is_empty()
    );
}

#[test]
fn a_pure_room_that_speaks_is_a_fault() {
    assert_eq!(pure(&room("host-core", &["tracing"], "")).faults.len(), 1);
    assert_eq!(
        pure(&room("host-proof", &[], "fn a() { println!(\"x\") }"))
            .faults
            .len(),
        1
    );
    assert!(
        pure(&room(
            "host-net",
            &["tracing"],
            "fn a() { tracing::info!() }"
        ))
        .faults
        .is_empty()
    );
}
