//! Every rule of compatibility, each broken alone.

use super::{Artefact, Facts, Manifest};
use crate::error::Error;
use crate::version::Version;

fn manifest() -> Manifest {
    let part = |bytes| Artefact {
        bytes,
        sha256: "00".repeat(32),
    };
    Manifest {
        schema: 1,
        machine: "qemu".to_owned(),
        version: Version(1, 2, 0),
        min_version: Version(1, 0, 0),
        state_reads: 2,
        state_writes: 1,
        root_words: String::new(),
        root: part(40 << 20),
        kernel: part(15 << 20),
    }
}

fn facts() -> Facts {
    Facts {
        machine: "qemu".to_owned(),
        running: Version(1, 1, 9),
        floor: Version(1, 0, 0),
        state_reads: 1,
        slot: 1 << 30,
    }
}

#[test]
fn a_newer_bundle_of_this_machine_is_taken() {
    assert_eq!(manifest().fits(&facts()), Ok(()));
}

#[test]
fn each_broken_rule_is_refused_by_its_name() {
    let refused = |change: fn(&mut Manifest)| {
        let mut broken = manifest();
        change(&mut broken);
        broken.fits(&facts()).err()
    };
    let machine = refused(|manifest| manifest.machine = "nvme-1u".to_owned());
    assert!(matches!(machine, Some(Error::Machine { .. })));
    let same = refused(|manifest| manifest.version = Version(1, 1, 9));
    assert!(matches!(same, Some(Error::NotNewer { .. })));
    let floor = refused(|manifest| manifest.version = Version(0, 9, 9));
    assert!(matches!(floor, Some(Error::Floor { .. })));
    let back = refused(|manifest| manifest.state_writes = 2);
    assert!(matches!(back, Some(Error::NoWayBack { .. })));
    let size = refused(|manifest| manifest.root.bytes = 2 << 30);
    assert!(matches!(size, Some(Error::Size { .. })));
    let size = refused(|manifest| manifest.kernel.bytes = 97 << 20);
    assert!(matches!(size, Some(Error::Size { .. })));
}

#[test]
fn another_schema_or_unknown_keys_are_refused() {
    let text = serde_json::to_string(&manifest()).unwrap();
    assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest()));
    let newer = text.replace("\"schema\":1", "\"schema\":2");
    let refused = Manifest::parse(newer.as_bytes());
    assert!(matches!(refused, Err(Error::Schema { have: 2, want: 1 })));
    let more = text.replace("\"schema\":1", "\"schema\":1,\"extra\":0");
    assert!(matches!(
        Manifest::parse(more.as_bytes()),
        Err(Error::Text { .. })
    ));
}

#[test]
fn versions_are_compared_by_number() {
    let order = ["0.9.9", "0.10.0", "1.0.0", "1.0.10"];
    let parsed: Vec<Version> = order.iter().map(|text| text.parse().unwrap()).collect();
    assert!(parsed.is_sorted());
    for bad in ["1", "1.2", "1.2.3.4", "1.2.x", "", "1.2.-3"] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
}

#[test]
fn a_bundle_writes_nothing_that_it_does_not_read_nor_what_the_running_version_cannot() {
    let taken = |reads, writes, running| {
        let mut bundle = manifest();
        (bundle.state_reads, bundle.state_writes) = (reads, writes);
        let box_ = Facts {
            state_reads: running,
            ..facts()
        };
        bundle.fits(&box_)
    };
    // The next format comes in two releases: the first reads it, the second writes it.
    assert_eq!(taken(2, 1, 1), Ok(()));
    assert_eq!(taken(2, 2, 2), Ok(()));
    assert!(matches!(
        taken(2, 2, 1),
        Err(Error::NoWayBack {
            writes: 2,
            reads: 1
        })
    ));
    assert!(matches!(
        taken(1, 2, 2),
        Err(Error::Unread {
            writes: 2,
            reads: 1
        })
    ));
}
