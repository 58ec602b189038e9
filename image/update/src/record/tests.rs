//! The record survives being opened again; what is damaged counts as nothing.

use image_bundle::Version;

use super::{Record, Trial};

#[test]
fn a_trial_is_found_again_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let trial = Trial {
        slot: "slot-b".to_owned(),
        version: "2.0.0".to_owned(),
        min_version: Version(1, 0, 0),
        asked: true,
        before: Some(crate::host::Fitness {
            volumes: 2,
            warned: vec!["clock:skew: an hour".to_owned()],
        }),
    };
    Record::open(folder.path())
        .unwrap()
        .set_trial(Some(&trial))
        .unwrap();
    let again = Record::open(folder.path()).unwrap();
    assert_eq!(again.trial(), Some(trial));
    again.set_trial(None).unwrap();
    again.set_trial(None).unwrap();
    assert_eq!(again.trial(), None);
}

#[test]
fn the_floor_never_falls() {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::open(folder.path()).unwrap();
    record.raise_floor(Version(1, 2, 0)).unwrap();
    record.raise_floor(Version(1, 1, 9)).unwrap();
    assert_eq!(record.floor(), Version(1, 2, 0));
}

#[test]
fn a_damaged_trial_counts_as_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("trial.toml"), "slot = ").unwrap();
    assert_eq!(Record::open(folder.path()).unwrap().trial(), None);
}

#[test]
fn reasons_are_kept_in_order_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::open(folder.path()).unwrap();
    for number in 0..70 {
        record.keep_reason(&format!("reason\n{number}")).unwrap();
    }
    let reasons = record.reasons();
    assert_eq!(reasons.len(), 64);
    assert_eq!(reasons.last().map(String::as_str), Some("reason 69"));
}

#[test]
fn a_record_of_an_older_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let old = "slot = \"slot-b\"\nversion = \"2.0.0\"\nmin_version = \"1.0.0\"\n";
    std::fs::write(folder.path().join("trial.toml"), old).unwrap();
    let trial = Record::open(folder.path()).unwrap().trial().unwrap();
    assert!(!trial.asked && trial.before.is_none());
}
