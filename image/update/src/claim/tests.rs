//! Claim files: what they are, and that they bind once.

use super::{MAGIC, OWNER, bind, read};

/// A certificate as operators' tools make them.
const CERTIFICATE: &[u8] = include_bytes!("owner.pem");

fn file(content: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    // A stick is larger than what is written onto it.
    bytes.resize(1 << 17, 7);
    bytes
}

#[test]
fn a_claim_file_is_read_up_to_its_end_and_binds_once() {
    let folder = tempfile::tempdir().unwrap();
    let stick = folder.path().join("stick");
    std::fs::write(&stick, file(CERTIFICATE)).unwrap();
    let authority = read(&stick, MAGIC).unwrap();
    assert_eq!(authority, CERTIFICATE);
    bind(folder.path(), &authority).unwrap();
    assert_eq!(
        std::fs::read(folder.path().join(OWNER)).unwrap(),
        CERTIFICATE
    );
    assert!(bind(folder.path(), &authority).is_err());
}

#[test]
fn other_drives_and_files_without_a_certificate_claim_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stick = folder.path().join("stick");
    std::fs::write(&stick, vec![0; 4096]).unwrap();
    assert_eq!(read(&stick, MAGIC), None);
    assert!(bind(folder.path(), b"nothing").is_err());
    let mut with_key = CERTIFICATE.to_vec();
    with_key.extend_from_slice(b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n");
    assert!(bind(folder.path(), &with_key).is_err());
    assert!(!folder.path().join(OWNER).exists());
}
