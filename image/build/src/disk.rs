//! The disk: table, system partition, two slots, state; a sparse file. Sizes and places never
//! change after a disk was shipped; docs/formats/partition.md describes them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use board_slot::Slot;
use board_slot::names::{ESP, KERNELS, LOADER_CONF, STATE};

use crate::error::Error;
use crate::fat::{self, Folder};
use crate::gpt::{self, ALIGN, Part};
use crate::place::Place;
use crate::tool;

const GIB: u64 = 1 << 30;
/// Bytes of the system partition.
const ESP_LEN: u64 = GIB;
/// Bytes of a slot.
pub(crate) const SLOT_LEN: u64 = GIB;
/// Bytes of the state partition as it is shipped; it grows on its first start.
const STATE_LEN: u64 = GIB / 4;
/// What a stick that installs itself finds its order in.
const INSTALL: &str = "install.toml";
/// Most bytes of a kernel image: two and a third fit the system partition many times.
pub(crate) const KERNEL_MOST: u64 = 96 << 20;

/// What goes onto a disk.
pub(crate) struct Content<'a> {
    /// Root with its hash tree.
    pub(crate) root: &'a [u8],
    /// Kernel image.
    pub(crate) kernel: &'a [u8],
    /// systemd-boot, for firmware that lost its variables.
    pub(crate) loader: &'a [u8],
    /// The order of a stick that installs itself.
    pub(crate) install: Option<&'a str>,
}

/// The partitions, in their order.
pub(crate) fn parts() -> Vec<Part> {
    let mut start = ALIGN;
    let layout = [
        (ESP, gpt::KIND_ESP, ESP_LEN),
        (Slot::A.label(), gpt::KIND_ROOT, SLOT_LEN),
        (Slot::B.label(), gpt::KIND_ROOT, SLOT_LEN),
        (STATE, gpt::KIND_STATE, STATE_LEN),
    ];
    layout
        .into_iter()
        .map(|(label, kind, len)| {
            let part = Part {
                label,
                kind,
                start,
                len,
            };
            start += len;
            part
        })
        .collect()
}

/// Writes the disk.
pub(crate) fn write(place: &Place, path: &Path, content: &Content<'_>) -> Result<(), Error> {
    limit("the kernel image", content.kernel.len(), KERNEL_MOST)?;
    limit("the root", content.root.len(), SLOT_LEN)?;
    let parts = parts();
    let end = parts.last().map_or(0, |part| part.start + part.len);
    let bytes = end + ALIGN;
    let _ = std::fs::remove_file(path);
    let file = File::create_new(path).map_err(Error::file(path))?;
    file.set_len(bytes).map_err(Error::file(path))?;
    let put = |at: u64, piece: &[u8]| file.write_all_at(piece, at).map_err(Error::file(path));
    for (at, piece) in gpt::table(&parts, bytes) {
        put(at, &piece)?;
    }
    for part in &parts {
        match part.label {
            ESP => {
                for (at, piece) in system(content, part.len)? {
                    put(part.start + at, &piece)?;
                }
            }
            STATE => {
                sparse(&file, part.start, &state(place, part.len)?).map_err(Error::file(path))?
            }
            label if Slot::of_label(label) == Some(Slot::A) => put(part.start, content.root)?,
            _ => {}
        }
    }
    Ok(())
}

fn limit(what: &'static str, have: usize, most: u64) -> Result<(), Error> {
    let have = have as u64;
    if have > most {
        return Err(Error::Size { what, have, most });
    }
    Ok(())
}

/// The system partition of a new disk: slot a committed, slot b empty.
fn system(content: &Content<'_>, len: u64) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let conf = loader_conf(Slot::A);
    let mut root = Folder::default();
    root.put("EFI/BOOT/BOOTX64.EFI", content.loader);
    root.put(&format!("{KERNELS}/{}", Slot::A.kernel()), content.kernel);
    root.put(LOADER_CONF, conf.as_bytes());
    if let Some(order) = content.install {
        root.put(INSTALL, order.as_bytes());
    }
    fat::write(&root, len)
}

/// What the fallback loader reads.
fn loader_conf(slot: Slot) -> String {
    format!("default {}\ntimeout 0\neditor no\n", slot.kernel())
}

/// An empty ext4 of fixed identity.
fn state(place: &Place, len: u64) -> Result<Vec<u8>, Error> {
    let path = place.out.join("work/state.ext4");
    let _ = std::fs::remove_file(&path);
    let file = File::create_new(&path).map_err(Error::file(&path))?;
    file.set_len(len).map_err(Error::file(&path))?;
    let mut mkfs = tool::packaged(&place.tools(), "usr/sbin/mke2fs", "mkfs.ext4");
    mkfs.args(["-q", "-t", "ext4", "-L", STATE, "-m", "1", "-I", "256"])
        .args(["-U", "00000000-0000-4000-8000-000000000001"])
        .args([
            "-E",
            "hash_seed=00000000-0000-4000-8000-000000000002,lazy_itable_init=1,nodiscard",
        ])
        .arg(&path)
        .env("MKE2FS_CONFIG", place.tools().join("etc/mke2fs.conf"));
    tool::run(&mut mkfs, "e2fsprogs")?;
    crate::place::read(&path)
}

/// Writes `bytes` without its blocks of zeros.
fn sparse(file: &File, at: u64, bytes: &[u8]) -> std::io::Result<()> {
    const BLOCK: usize = 4096;
    for (index, block) in bytes.chunks(BLOCK).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, at + (index * BLOCK) as u64)?;
        }
    }
    Ok(())
}
