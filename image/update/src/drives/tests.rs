//! Goal: a drive is claimed by its serial number and by nothing else, and a claim that the host
//! refuses leaves nothing behind. Method: folders as the kernel shows them, nodes of a device that
//! every machine has, and a stand-in for the host's command line whose answer a file decides.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use super::{Places, claim, find, publish, restore};
use crate::error::Error;
use crate::record::Record;

struct Box {
    folder: tempfile::TempDir,
    places: Places,
    record: Record,
}

impl Box {
    /// A system disk `nvme0n1` and a data drive `nvme1n1`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let places = Places {
            blocks: at("block"),
            nodes: at("nodes"),
            claims: at("run/claims"),
            host: at("host"),
            program: at("program"),
        };
        std::fs::create_dir_all(&places.host).unwrap();
        let record = Record::open(&at("record")).unwrap();
        let made = Self {
            folder,
            places,
            record,
        };
        made.plug("nvme0n1", "SYS");
        made.plug("nvme1n1", "DATA1");
        made.answer(0);
        made
    }

    fn plug(&self, name: &str, serial: &str) {
        let at = self.places.blocks.join(name);
        std::fs::create_dir_all(at.join("device")).unwrap();
        std::fs::write(at.join("device/serial"), format!("{serial}   \n")).unwrap();
        std::fs::write(at.join("dev"), "7:0\n").unwrap();
        std::fs::write(at.join("size"), "262144\n").unwrap();
    }

    /// What the host's command line answers; its words are kept.
    fn answer(&self, status: u8) {
        let said = self.folder.path().join("said").display().to_string();
        let text = format!(
            "#!/bin/sh\necho \"$@\" >> {said}\necho 'it holds something' >&2\nexit {status}\n"
        );
        std::fs::write(&self.places.program, text).unwrap();
        let run = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&self.places.program, run).unwrap();
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    fn claim(&self, serial: &str, erase: bool) -> Result<String, Error> {
        claim(&self.places, &self.record, "nvme0n1", serial, erase)
    }

    fn node(&self, serial: &str) -> bool {
        std::fs::metadata(self.places.nodes.join(serial))
            .is_ok_and(|about| about.file_type().is_block_device())
    }
}

/// Whether this process may make devices; containers for builds mostly forbid it.
fn may_make_devices(folder: &Path) -> bool {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let path = folder.join("probe");
    let made = mknod(&path, SFlag::S_IFBLK, Mode::S_IRUSR, makedev(7, 0)).is_ok();
    let _ = std::fs::remove_file(path);
    made
}

#[test]
fn a_drive_is_found_by_its_serial_and_two_with_one_serial_are_refused() {
    let own = Box::new();
    let found = find(&own.places.blocks, "DATA1").unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.mib), ("nvme1n1", 128));
    assert_eq!(find(&own.places.blocks, "DATA").unwrap(), None);
    own.plug("nvme2n1", "DATA1");
    let why = find(&own.places.blocks, "DATA1").unwrap_err();
    assert!(why.to_string().contains("both have it"), "{why}");
}

#[test]
fn what_is_no_drive_of_this_box_is_refused_and_nothing_is_recorded() {
    let own = Box::new();
    for (serial, said) in [
        ("SYS", "it is the system disk"),
        ("DATA9", "no drive of this box has it"),
        ("../sda", "is no serial number"),
        ("", "is no serial number"),
        ("A B", "is no serial number"),
    ] {
        let why = own.claim(serial, true).unwrap_err();
        assert!(why.to_string().contains(said), "{serial}: {why}");
    }
    assert_eq!(own.record.drives(), Vec::<String>::new());
    assert_eq!(own.said(), "");
}

#[test]
fn a_claim_is_recorded_and_published_and_taken_back_when_the_host_refuses() {
    let own = Box::new();
    if !may_make_devices(own.folder.path()) {
        // What follows is shown by the virtual machine of tests/boot then.
        return;
    }
    own.answer(1);
    let why = own.claim("DATA1", false).unwrap_err();
    assert!(why.to_string().ends_with("it holds something"), "{why}");
    assert_eq!(own.record.drives(), Vec::<String>::new());
    assert!(!own.node("DATA1"));
    let claims = || std::fs::read_to_string(&own.places.claims).unwrap();
    assert!(!claims().contains("DATA1"));

    own.answer(0);
    own.claim("DATA1", true).unwrap();
    assert_eq!(own.record.drives(), ["DATA1"]);
    assert!(own.node("DATA1"));
    assert!(claims().contains("\nDATA1 1\n"));
    let said = own.said();
    let words = format!("add {}/DATA1=128 MiB --erase", own.places.nodes.display());
    assert!(said.ends_with(&format!("{words}\n")), "{said}");

    // A drive of ours that is refused later stays ours: its shards are on it.
    own.answer(1);
    assert!(own.claim("DATA1", false).is_err());
    assert_eq!(own.record.drives(), ["DATA1"]);
}

#[test]
fn a_start_gives_the_drives_back_wherever_they_are_and_names_the_missing() {
    let own = Box::new();
    let drives = ["DATA1".to_owned(), "GONE".to_owned()];
    own.record.set_drives(&drives).unwrap();
    std::fs::remove_dir_all(own.places.blocks.join("nvme1n1")).unwrap();
    own.plug("nvme7n1", "DATA1");
    restore(&own.places, &own.record).unwrap();
    let reasons = own.record.reasons().join("\n");
    assert!(reasons.contains("drive GONE: missing"), "{reasons}");
    if may_make_devices(own.folder.path()) {
        assert!(own.node("DATA1"));
        assert!(!reasons.contains("DATA1"), "{reasons}");
    }
    assert!(!own.node("GONE"));
    let claims = std::fs::read_to_string(&own.places.claims).unwrap();
    assert!(claims.contains("DATA1 1") && claims.contains("GONE 1"));
}

#[test]
fn claims_are_readable_by_the_program_that_opens_drives_and_writable_by_root_alone() {
    let own = Box::new();
    publish(&own.places, &["DATA1".to_owned()]).unwrap();
    let about = std::fs::metadata(&own.places.claims).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o644);
}
