//! What each shape forgets, and that a cut in the middle begins again.

use std::path::Path;

use image_bundle::Version;

use super::{Shape, carry_out};
use crate::record::Record;

const FILES: [&str; 5] = [
    "owner.pem",
    "tokens.json",
    "host.toml",
    "key.json",
    "run/system.json",
];

fn ground() -> (tempfile::TempDir, Record) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("host/run")).unwrap();
    for name in FILES {
        std::fs::write(folder.path().join("host").join(name), name).unwrap();
    }
    let record = Record::open(&folder.path().join("record")).unwrap();
    record.raise_floor(Version(1, 0, 0)).unwrap();
    record.pin("1.0.0").unwrap();
    (folder, record)
}

fn left(folder: &Path) -> Vec<&'static str> {
    let there = |name: &&str| folder.join("host").join(name).exists();
    FILES.into_iter().filter(there).collect()
}

#[test]
fn without_a_wish_nothing_is_removed() {
    let (folder, record) = ground();
    assert_eq!(
        carry_out(&folder.path().join("host"), &record).unwrap(),
        None
    );
    assert_eq!(left(folder.path()).len(), FILES.len());
}

#[test]
fn keeping_forgets_the_owner_and_wiping_everything_but_the_floor() {
    for (shape, stays) in [
        (Shape::Keep, &["host.toml", "key.json"][..]),
        (Shape::Wipe, &[][..]),
    ] {
        let (folder, record) = ground();
        record.set_reset(Some(shape)).unwrap();
        let done = carry_out(&folder.path().join("host"), &record).unwrap();
        assert_eq!(done, Some(shape));
        assert_eq!(left(folder.path()), stays);
        assert_eq!(record.floor(), Version(1, 0, 0));
        assert_eq!((record.pinned().as_str(), record.reset()), ("", None));
    }
}

#[test]
fn a_cut_at_any_file_is_finished_by_the_next_start() {
    for cut in 0..FILES.len() {
        let (folder, record) = ground();
        let host = folder.path().join("host");
        record.set_reset(Some(Shape::Wipe)).unwrap();
        // What a cut leaves: some files gone, the wish still there.
        for name in FILES.iter().take(cut) {
            std::fs::remove_file(host.join(name)).unwrap();
        }
        let again = Record::open(&folder.path().join("record")).unwrap();
        assert_eq!(carry_out(&host, &again).unwrap(), Some(Shape::Wipe));
        assert_eq!(std::fs::read_dir(&host).unwrap().count(), 0);
    }
}
