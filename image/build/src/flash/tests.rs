//! Disks are files here, the kernel's folders are made up; the writing is the real one.

use std::path::{Path, PathBuf};

use super::{FlashArgs, PIECE, run};
use crate::disks::Kernel;
use crate::place::write;

const LEN: usize = 5 * PIECE;

struct Bench {
    at: tempfile::TempDir,
    kernel: Kernel,
    image: PathBuf,
}

impl Bench {
    /// A machine with three disks of equal size, two of them with one serial, and an image.
    fn new() -> Self {
        let at = tempfile::tempdir().expect("a folder");
        let path = |name: &str| at.path().join(name);
        let kernel = Kernel {
            blocks: path("block"),
            devices: path("dev"),
            mounts: path("mountinfo"),
            swaps: path("swaps"),
        };
        for (name, serial, number) in [
            ("nvme0n1", "device/serial", "259:0"),
            ("vda", "serial", "252:0"),
            ("vdb", "serial", "252:16"),
        ] {
            let of = if name == "nvme0n1" { "N1 " } else { "TWIN" };
            let folder = kernel.blocks.join(name);
            write(&folder.join(serial), of.as_bytes()).expect("a serial");
            write(&folder.join("size"), (LEN / 512).to_string().as_bytes()).expect("a size");
            write(&folder.join("dev"), number.as_bytes()).expect("a number");
            write(&kernel.devices.join(name), &vec![0; LEN]).expect("a disk");
        }
        write(&kernel.blocks.join("loop0/size"), b"8").expect("no disk");
        write(&kernel.mounts, b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n").expect("mounts");
        write(
            &kernel.swaps,
            b"Filename Type Size\n/dev/sda2 partition 8\n",
        )
        .expect("swaps");
        let image = path("disk.raw");
        let content: Vec<u8> = (0..4 * PIECE + 512)
            .map(|byte| (byte % 253) as u8)
            .collect();
        write(&image, &content).expect("an image");
        Self { at, kernel, image }
    }

    fn flash(&self, serial: &str, erase: Option<&str>) -> Result<String, String> {
        let args = FlashArgs {
            image: self.image.clone(),
            serial: Some(serial.to_owned()),
            erase: erase.map(str::to_owned),
        };
        run(&args, &self.kernel).map_err(|why| why.to_string())
    }

    fn disk(&self) -> PathBuf {
        self.kernel.devices.join("nvme0n1")
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.disk()).expect("the disk")
    }
}

fn refused(said: Result<String, String>, why: &str) {
    let said = said.expect_err("refused");
    assert!(said.contains(why), "{said}");
}

fn append(path: &Path, line: &str) {
    let text = std::fs::read_to_string(path).expect("there") + line;
    std::fs::write(path, text).expect("written");
}

#[test]
fn an_empty_disk_holds_the_image_afterwards() {
    let bench = Bench::new();
    let said = bench.flash("N1", None).expect("written");
    assert!(said.contains("read back"), "{said}");
    let image = std::fs::read(&bench.image).expect("the image");
    assert_eq!(bench.bytes()[..image.len()], image);
    assert!(bench.bytes()[image.len()..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_disk_is_chosen_by_one_serial_and_no_name() {
    let bench = Bench::new();
    refused(bench.flash("TWIN", None), "both have it");
    refused(
        bench.flash("nvme0n1", None),
        "no disk has it; here are N1, TWIN, TWIN",
    );
    let list = FlashArgs {
        image: bench.image.clone(),
        serial: None,
        erase: None,
    };
    let said = run(&list, &bench.kernel).expect("a list");
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn a_disk_with_something_on_it_needs_its_serial_again_as_a_word() {
    let bench = Bench::new();
    for (at, magic, name) in [
        (512, &b"EFI PART"[..], "table of partitions"),
        (1080, &[0x53_u8, 0xef][..], "ext4"),
        (0, &b"LUKS"[..], "encrypted"),
        (LEN - 512, &b"EFI PART"[..], "not recognised"),
    ] {
        let mut bytes = vec![0; LEN];
        bytes[at..at + magic.len()].copy_from_slice(magic);
        std::fs::write(bench.disk(), &bytes).expect("content");
        refused(bench.flash("N1", None), name);
        refused(bench.flash("N1", Some("yes")), name);
        assert_eq!(bench.bytes(), bytes, "a refused disk is as it was");
        bench.flash("N1", Some("N1")).expect("erased");
        assert!(bench.bytes()[LEN - 512..].iter().all(|byte| *byte == 0));
    }
}

/// Something that begins to use a disk.
type Use = fn(&Bench);

#[test]
fn a_disk_in_use_is_refused_whatever_is_said() {
    let uses: [(&str, Use); 4] = [
        ("mounted on /srv", |bench| {
            append(
                &bench.kernel.mounts,
                "30 1 259:0 / /srv rw - xfs /dev/nvme0n1 rw\n",
            );
        }),
        ("mounted on /boot", |bench| {
            let part = bench.kernel.blocks.join("nvme0n1/nvme0n1p1");
            write(&part.join("partition"), b"1").expect("a partition");
            write(&part.join("dev"), b"259:1").expect("its number");
            append(
                &bench.kernel.mounts,
                "30 1 259:1 / /boot rw - vfat /dev/x rw\n",
            );
        }),
        ("dm-0 is made of it", |bench| {
            let holder = bench.kernel.blocks.join("nvme0n1/holders/dm-0");
            write(&holder, b"").expect("a holder");
        }),
        ("swaps to it", |bench| {
            append(&bench.kernel.swaps, "/dev/nvme0n1 partition 8\n");
        }),
    ];
    for (why, used) in uses {
        let bench = Bench::new();
        used(&bench);
        refused(bench.flash("N1", Some("N1")), why);
        assert!(bench.bytes().iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_small_disk_and_an_image_that_is_not_what_its_sum_says_are_refused() {
    let bench = Bench::new();
    write(&bench.kernel.blocks.join("nvme0n1/size"), b"100").expect("a size");
    refused(bench.flash("N1", None), "it has 51200 bytes");
    let bench = Bench::new();
    let sums = bench.at.path().join("SHA256SUMS");
    std::fs::write(&sums, format!("{}  disk.raw\n", "0".repeat(64))).expect("sums");
    refused(bench.flash("N1", None), "SHA256SUMS says");
    // Nothing starts from what is there now.
    assert!(bench.bytes()[..PIECE].iter().all(|byte| *byte == 0));
}
