//! Bundles are unpacked as they are; cut and hostile ones are refused.

use image_bundle::tar::Head;

use super::{carries, unpack};

fn bundle(path: &str, content: &[u8]) -> Vec<u8> {
    let head = Head {
        path: path.to_owned(),
        bytes: content.len() as u64,
    };
    let mut bytes = head.block().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

#[test]
fn what_is_packed_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar");
    let mut bytes = bundle("targets/a.json", b"content");
    // A stick is larger than what is written onto it.
    bytes.resize(1 << 16, 0);
    std::fs::write(&file, bytes).unwrap();
    assert!(carries(&file));
    let into = folder.path().join("into");
    unpack(&file, &into).unwrap();
    assert_eq!(
        std::fs::read(into.join("targets/a.json")).unwrap(),
        b"content"
    );
}

#[test]
fn a_cut_bundle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar");
    let bytes = bundle("targets/a.json", &[7; 5000]);
    for len in [100, 512, 3000, bytes.len()] {
        std::fs::write(&file, &bytes[..len]).unwrap();
        let into = folder.path().join(format!("into-{len}"));
        assert!(unpack(&file, &into).is_err(), "{len}");
    }
}

#[test]
fn the_same_path_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar");
    let mut bytes = bundle("targets/a.json", b"one");
    bytes.extend(bundle("targets/a.json", b"two"));
    bytes.resize(bytes.len() + 1024, 0);
    std::fs::write(&file, bytes).unwrap();
    assert!(unpack(&file, &folder.path().join("into")).is_err());
}
