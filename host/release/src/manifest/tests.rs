//! Manifests, their own and forged ones.

use super::*;

fn line(path: &str, size: u64, at: u64) -> FileLine {
    FileLine {
        path: path.to_owned(),
        size,
        sha256: hex::encode([1; 32]),
        cid: cid_of(&[1; 32]),
        at,
        packed: None,
        exec: false,
    }
}

fn manifest(files: Vec<FileLine>) -> Manifest {
    let names = ("net", "tool", "1.0");
    Manifest::new(
        names,
        5,
        Retention::default(),
        (files, "00".to_owned()),
        json!({}),
    )
}

#[test]
fn a_manifest_reads_back_as_it_was_written() {
    let made = manifest(vec![line("a", 3, 0), line("b/c", 4, 3)]);
    assert_eq!(Manifest::parse(&made.to_text()).expect("reads"), made);
    assert_eq!(made.to_text(), made.clone().to_text());
    assert_eq!(made.bytes, 7);
}

#[test]
fn a_forged_path_is_refused() {
    for path in [
        "../x", "/etc/x", "a/../b", "a//b", "./a", "", "a\\b", "a\nb", "a/",
    ] {
        let forged = manifest(vec![line(path, 1, 0)]).to_text();
        assert!(
            matches!(Manifest::parse(&forged), Err(Error::Path { .. })),
            "{path:?}"
        );
    }
    let twice = manifest(vec![line("a", 1, 0), line("a", 1, 1)]).to_text();
    assert!(matches!(Manifest::parse(&twice), Err(Error::Path { .. })));
}

#[test]
fn places_must_add_up() {
    let gap = manifest(vec![line("a", 1, 0), line("b", 1, 2)]).to_text();
    assert!(matches!(Manifest::parse(&gap), Err(Error::Sums { .. })));
    let over = manifest(Vec::new())
        .to_text()
        .replace("\"bytes\": 0", "\"bytes\": 9");
    assert!(matches!(
        Manifest::parse(&over),
        Err(Error::Unreadable { .. })
    ));
}

#[test]
fn a_cid_is_the_one_other_tools_make() {
    // Source: the CID of the empty block, as IPFS implementations print it.
    let empty = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
    let digest: [u8; 32] =
        hex::decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            .expect("hex")
            .try_into()
            .expect("32 bytes");
    assert_eq!(cid_of(&digest), empty);
}
