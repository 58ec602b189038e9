//! The verbs of board-nvme over a sysfs of our own; opening needs root and a loop device.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::Command;

use board_wire::nvme::DriveName;
use board_wire::{Error, NvmeClient, Refusal};

use crate::ground::{Program, own_user};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Three drives, two of which carry the same serial.
fn program(folder: &Path, claims: &str) -> Program {
    for (controller, serial) in [(0, "hf0"), (1, "twin"), (2, "twin"), (3, "bare")] {
        let at = folder.join(format!("sys/class/block/nvme{controller}n1"));
        write(&at.join("size"), "2048\n");
        write(&at.join("device/serial"), serial);
        write(&at.join("device/model"), "Example\n");
    }
    fs::create_dir_all(folder.join("dev")).expect("a folder");
    write(&folder.join("claims"), claims);
    let mut command = Command::new(env!("CARGO_BIN_EXE_board-nvme"));
    command.arg("--sysfs").arg(folder.join("sys"));
    command.arg("--devices").arg(folder.join("dev"));
    command.arg("--claims").arg(folder.join("claims"));
    Program::start(command, own_user())
}

fn name(serial: &str) -> DriveName {
    DriveName {
        serial: serial.into(),
        namespace: 1,
    }
}

fn refusal<T: std::fmt::Debug>(told: Result<T, Error>) -> Refusal {
    match told.expect_err("a refusal") {
        Error::Refused(why) => why,
        other => panic!("{other}"),
    }
}

#[test]
fn drives_are_listed_with_their_claims() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path(), "hf0 1\n");
    let drives = NvmeClient::new(&program.socket).drives().expect("a list");
    let seen: Vec<_> = drives
        .iter()
        .map(|drive| (drive.name.serial.as_str(), drive.claimed))
        .collect();
    let expected = [
        ("hf0", true),
        ("twin", false),
        ("twin", false),
        ("bare", false),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_drive_that_is_not_claimed_is_neither_read_nor_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path(), "hf0 1\ntwin 1\n");
    let client = NvmeClient::new(&program.socket);
    assert_eq!(refusal(client.health(name("bare"))), Refusal::NotClaimed);
    assert_eq!(refusal(client.open(name("bare"))), Refusal::NotClaimed);
    assert_eq!(refusal(client.open(name("none"))), Refusal::NoDrive);
    let twins = Refusal::Ambiguous { count: 2 };
    assert_eq!(refusal(client.open(name("twin"))), twins);
    for path in ["../../etc/shadow", "/dev/sda", "a/b"] {
        assert_eq!(refusal(client.open(name(path))), Refusal::Malformed);
    }
}

#[test]
fn what_is_no_block_device_is_not_handed_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path(), "hf0 1\n");
    let client = NvmeClient::new(&program.socket);
    write(&folder.path().join("dev/nvme0n1"), "a file");
    let why = refusal(client.health(name("hf0")));
    let errno = libc::ENOTBLK;
    assert_eq!(why, Refusal::Kernel { errno });
    let why = refusal(client.open(name("hf0")));
    assert!(matches!(why, Refusal::Kernel { .. }), "{why:?}");
    fs::remove_file(folder.path().join("dev/nvme0n1")).expect("it goes");
    std::os::unix::fs::symlink("/dev/null", folder.path().join("dev/nvme0n1")).expect("a link");
    let why = refusal(client.open(name("hf0")));
    assert!(matches!(why, Refusal::Kernel { .. }), "{why:?}");
}

#[test]
fn a_claimed_drive_is_opened_for_one_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = folder.path().join("image");
    let file = fs::File::create(&image).expect("a file");
    file.set_len(1 << 20).expect("a length");
    let Some(device) = Loop::over(&image) else {
        return;
    };
    let program = program(folder.path(), "hf0 1\n");
    device.appear_as(&folder.path().join("dev/nvme0n1"));
    let client = NvmeClient::new(&program.socket);
    let drive = fs::File::from(client.open(name("hf0")).expect("it opens"));
    assert!(
        drive
            .metadata()
            .expect("facts")
            .file_type()
            .is_block_device()
    );
    let errno = libc::EBUSY;
    assert_eq!(refusal(client.open(name("hf0"))), Refusal::Kernel { errno });
    drop(drive);
    client.open(name("hf0")).expect("it opens again");
    // A loop device knows no admin command: the kernel says so, and we pass it on.
    let why = refusal(client.health(name("hf0")));
    assert!(matches!(why, Refusal::Kernel { .. }), "{why:?}");
}

/// A loop device, given back at the end.
struct Loop(String);

impl Loop {
    fn over(image: &Path) -> Option<Self> {
        let out = Command::new("losetup")
            .args(["--find", "--show", "--sector-size", "512"])
            .arg(image)
            .output();
        let out = out.ok().filter(|out| out.status.success());
        if out.is_none() {
            let _said = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"skipped: needs root and a loop device\n",
            );
        }
        let name = String::from_utf8_lossy(&out?.stdout).trim().to_owned();
        Some(Self(name))
    }

    /// The same device under another name.
    fn appear_as(&self, path: &Path) {
        use std::os::unix::fs::MetadataExt;
        let number = fs::metadata(&self.0).expect("it is there").rdev();
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::sys::stat::mknod(path, nix::sys::stat::SFlag::S_IFBLK, mode, number).expect("a node");
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _gone = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}
