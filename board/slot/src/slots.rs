//! Slots found by content: the partition whose top hash block hashes to what the signed command
//! line names is the one this kernel belongs to, whatever its name and whichever disk it is on.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cmdline::{BLOCK, Root, hex};
use crate::error::Error;
use crate::names::Slot;

/// A partition as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Name of its device, as in `nvme0n1p2`.
    pub device: String,
    /// Name of the disk's device.
    pub disk: String,
    /// Label in the table.
    pub label: String,
    /// Major and minor number.
    pub number: String,
    /// Number in the table.
    pub index: u32,
    /// First sector of 512 bytes.
    pub start: u64,
    /// Sectors of 512 bytes.
    pub sectors: u64,
}

/// Every partition with a label. Reads `sys` (`/sys/class/block`), no device.
///
/// # Errors
/// `File` when the folder cannot be read; a partition that vanishes meanwhile is left out.
pub fn partitions(sys: &Path) -> Result<Vec<Partition>, Error> {
    let folder = std::fs::read_dir(sys).map_err(|why| Error::File {
        path: sys.to_owned(),
        why,
    })?;
    let mut found: Vec<Partition> = folder
        .filter_map(Result::ok)
        .filter_map(|entry| partition(&entry.path()))
        .collect();
    found.sort_by(|left, right| left.device.cmp(&right.device));
    Ok(found)
}

fn partition(path: &Path) -> Option<Partition> {
    let number = |file: &str| -> Option<u64> {
        let text = std::fs::read_to_string(path.join(file)).ok()?;
        text.trim().parse().ok()
    };
    let event = std::fs::read_to_string(path.join("uevent")).ok()?;
    let word = |name: &str| {
        event
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    let real = path.canonicalize().ok()?;
    let disk = real.parent()?.file_name()?.to_str()?.to_owned();
    Some(Partition {
        device: word("DEVNAME")?,
        disk,
        label: word("PARTNAME")?,
        number: format!("{}:{}", word("MAJOR")?, word("MINOR")?),
        index: u32::try_from(number("partition")?).ok()?,
        start: number("start")?,
        sectors: number("size")?,
    })
}

/// The slot that holds `root`, among `partitions` whose devices are files in `dev`.
///
/// # Errors
/// `NoSlot` when none does.
pub fn find(root: &Root, partitions: &[Partition], dev: &Path) -> Result<(Slot, Partition), Error> {
    let mut looked = 0;
    for partition in partitions {
        let Some(slot) = Slot::of_label(&partition.label) else {
            continue;
        };
        looked += 1;
        if holds(root, &dev.join(&partition.device)) {
            return Ok((slot, partition.clone()));
        }
    }
    Err(Error::NoSlot {
        root_hash: hex(&root.hash),
        looked,
    })
}

/// Whether the top hash block of `device` is the one `root` names. An unreadable device is no.
#[must_use]
pub fn holds(root: &Root, device: &Path) -> bool {
    let mut block = vec![0; usize::try_from(BLOCK).unwrap_or(4096)];
    let read = File::open(device)
        .and_then(|file| file.read_exact_at(&mut block, root.blocks.saturating_mul(BLOCK)));
    read.is_ok() && top(&root.salt, &block) == root.hash
}

/// Hash of a block under a salt, as verity of format 1 computes it.
#[must_use]
pub fn top(salt: &[u8], block: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(block)
        .finalize()
        .into()
}

/// Path of a partition's device.
#[must_use]
pub fn device(partition: &Partition) -> PathBuf {
    Path::new("/dev").join(&partition.device)
}
