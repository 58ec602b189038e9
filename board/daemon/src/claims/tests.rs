//! Which files claim drives, and which claim nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("written");
    fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("a mode");
    file
}

fn own() -> u32 {
    nix::unistd::geteuid().as_raw()
}

#[test]
fn a_claim_is_a_serial_and_a_namespace() {
    let file = file(
        "# drives of this box\nS4EWNX0R712345 1\n\nMY DRIVE 2\n",
        0o644,
    );
    let claims = read(file.path(), own()).expect("it reads");
    let names: Vec<_> = claims
        .iter()
        .map(|claim| (claim.serial.as_str(), claim.namespace))
        .collect();
    assert_eq!(names, [("S4EWNX0R712345", 1), ("MY DRIVE", 2)]);
}

#[test]
fn one_bad_line_claims_nothing() {
    for text in ["good 1\nbad", "good 1\nbad 0", "../x 1", "good 4294967295"] {
        let file = file(text, 0o644);
        assert!(
            matches!(read(file.path(), own()), Err(Error::Line { .. })),
            "{text}"
        );
    }
}

#[test]
fn a_file_that_others_may_write_claims_nothing() {
    for mode in [0o666, 0o664, 0o622] {
        let file = file("good 1\n", mode);
        assert!(matches!(
            read(file.path(), own()),
            Err(Error::Writable { .. })
        ));
    }
}

#[test]
fn no_file_is_no_claim() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(
        read(&folder.path().join("claims"), own()).expect("it reads"),
        []
    );
}
