//! What a case does to a machine's disk while it is off: rot in a slot, a full system partition.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, ensure};
use board_slot::Slot;

const SECTOR: u64 = 512;

/// First byte and bytes of the partition with a label.
fn partition(disk: &File, label: &str) -> anyhow::Result<(u64, u64)> {
    let mut table = vec![0; 128 * 128];
    disk.read_exact_at(&mut table, 2 * SECTOR)?;
    let wanted: Vec<u8> = label.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for entry in table.chunks_exact(128) {
        let name = entry.get(56..).unwrap_or_default();
        let end = name.get(wanted.len()..wanted.len() + 2);
        if name.starts_with(&wanted) && end == Some(&[0, 0]) {
            let first = number(entry, 32, 8);
            let last = number(entry, 40, 8);
            return Ok((first * SECTOR, (last + 1 - first) * SECTOR));
        }
    }
    anyhow::bail!("the disk has no partition {label}")
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let bytes = bytes.get(at..at + len).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn open(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("disk.raw");
    File::options()
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| path.display().to_string())
}

/// Turns a byte of the slot's first block, which every start reads.
pub(crate) fn rot(folder: &Path, slot: Slot) -> anyhow::Result<()> {
    let disk = open(folder)?;
    let (at, _) = partition(&disk, slot.label())?;
    let at = at + ROTTEN as u64;
    let mut byte = [0];
    disk.read_exact_at(&mut byte, at)?;
    disk.write_all_at(&[byte[0] ^ 1], at)?;
    Ok(())
}

/// Turns a byte of the words in the kernel image of `version`, which its signature covers; in every
/// copy, since those that were removed before are still found in free clusters.
pub(crate) fn tamper(folder: &Path, version: &str) -> anyhow::Result<()> {
    let disk = open(folder)?;
    let (start, len) = partition(&disk, "esp")?;
    let words = format!("holdfast.version={version}");
    let mut piece = vec![0; 4 << 20];
    // Pieces overlap by the words' length, so that none is missed between two.
    let step = piece.len() - words.len();
    let mut turned = 0;
    for at in (0..len.saturating_sub(piece.len() as u64)).step_by(step) {
        disk.read_exact_at(&mut piece, start + at)?;
        for (found, have) in piece.windows(words.len()).enumerate() {
            if have == words.as_bytes() {
                let last = start + at + (found + words.len() - 1) as u64;
                disk.write_all_at(b"9", last)?;
                turned += 1;
            }
        }
    }
    disk.sync_all()?;
    ensure!(turned > 0, "no kernel image says {words}");
    Ok(())
}

/// A byte that every start reads: in the superblock of the root.
pub(crate) const ROTTEN: usize = 1024 + 8;

/// Gives every free cluster of the system partition away.
pub(crate) fn fill_esp(folder: &Path) -> anyhow::Result<()> {
    let disk = open(folder)?;
    let (at, _) = partition(&disk, "esp")?;
    let mut head = [0; 512];
    disk.read_exact_at(&mut head, at)?;
    ensure!(head.get(82..87) == Some(b"FAT32"), "no FAT32");
    let reserved = number(&head, 14, 2);
    let tables = number(&head, 16, 1);
    let sectors = number(&head, 36, 4);
    let mut table = vec![0; usize::try_from(sectors * SECTOR)?];
    let first = at + reserved * SECTOR;
    disk.read_exact_at(&mut table, first)?;
    for entry in table.chunks_exact_mut(4) {
        if number(entry, 0, 4) & 0x0fff_ffff == 0 {
            entry.copy_from_slice(&0x0fff_fff8_u32.to_le_bytes());
        }
    }
    for copy in 0..tables {
        disk.write_all_at(&table, first + copy * sectors * SECTOR)?;
    }
    // The count of free clusters in the second sector.
    let facts = at + number(&head, 48, 2) * SECTOR;
    disk.write_all_at(&0_u32.to_le_bytes(), facts + 488)?;
    disk.sync_all()?;
    Ok(())
}

/// Overwrites the head of a partition, so that nothing can be mounted from it.
pub(crate) fn wreck(folder: &Path, label: &str) -> anyhow::Result<()> {
    let disk = open(folder)?;
    let (at, len) = partition(&disk, label)?;
    disk.write_all_at(&vec![0xA5; usize::try_from(len.min(8 << 20))?], at)?;
    disk.sync_all()?;
    Ok(())
}

/// Whether the partition with a label holds these bytes anywhere, in files or in what is free.
pub(crate) fn holds(folder: &Path, label: &str, bytes: &[u8]) -> anyhow::Result<bool> {
    let disk = open(folder)?;
    let (mut at, mut left) = partition(&disk, label)?;
    let mut piece = Vec::new();
    while left > 0 {
        // What spans two pieces is in the first of them too.
        let len = left.min(16 << 20);
        let more = (len + bytes.len() as u64).min(left);
        piece.resize(usize::try_from(more)?, 0);
        disk.read_exact_at(&mut piece, at)?;
        if piece.windows(bytes.len()).any(|window| window == bytes) {
            return Ok(true);
        }
        (at, left) = (at + len, left - len);
    }
    Ok(false)
}
