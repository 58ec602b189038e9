//! The partition table of a system disk that is larger than the image it was flashed from: what is
//! written, in which order, so that `state` reaches the disk's end.
//!
//! Enters: the first copy of the table and the sectors of the disk. Leaves: pieces to write and
//! flush one after another. The second copy is written first and at the disk's end, where firmware
//! and kernel (`gpt` on the command line) look when the first is torn. Deliberately absent: moving
//! a partition, and any table that is not ours.

use crate::error::Error;
use crate::names::STATE;

/// Bytes of a sector.
pub const SECTOR: u64 = 512;
const ENTRY: usize = 128;
/// Sectors of the entries.
const ENTRIES: u64 = 32;
/// Bytes of protective record, head and entries.
pub const FRONT: usize = 34 * 512;
/// Ends of partitions lie at multiples of this many sectors.
const ALIGN: u64 = 2048;

/// The table that reaches further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// What is written where, in this order, each flushed before the next.
    pub pieces: Vec<(u64, Vec<u8>)>,
    /// Number of the state partition.
    pub index: u32,
    /// Its first byte.
    pub start: u64,
    /// Its bytes from now on.
    pub len: u64,
}

/// Tells the kernel where `state` ends now. Errors as the kernel says.
///
/// # Errors
/// What the kernel said; the table on the disk stays, and the next start reads it.
pub fn resize(disk: &std::fs::File, grown: &Grown) -> std::io::Result<()> {
    crate::flags::resize(disk, grown.index, grown.start, grown.len)
}

/// The table for a disk of `sectors`, out of its first copy; nothing when it reaches the end.
///
/// # Errors
/// `Table` when the copy does not verify, or `state` is not the last partition.
pub fn grown(front: &[u8], sectors: u64) -> Result<Option<Grown>, Error> {
    let bad = |why| Error::Table { why };
    let head = front.get(512..604).ok_or(bad("is too short"))?;
    let mut entries = front.get(1024..FRONT).ok_or(bad("is too short"))?.to_vec();
    if !head.starts_with(b"EFI PART") || number(head, 12, 4) != 92 {
        return Err(bad("is no GPT"));
    }
    if number(head, 16, 4) != u64::from(sum_of(head)) {
        return Err(bad("has a head whose sum is wrong"));
    }
    if number(head, 72, 8) != 2 || number(head, 80, 4) != 128 || number(head, 84, 4) != 128 {
        return Err(bad("has another shape than ours"));
    }
    if number(head, 88, 4) != u64::from(crc32(&entries)) {
        return Err(bad("has entries whose sum is wrong"));
    }
    let last = sectors.saturating_sub(1);
    let (end, at, index) = state(&entries).ok_or(bad("has no state partition at its end"))?;
    // The last whole mebibyte before the second copy.
    let new = (last - ENTRIES.min(last)) / ALIGN * ALIGN;
    let new = new.saturating_sub(1);
    if new <= end {
        return Ok(None);
    }
    let entry = entries.get_mut(at..at + ENTRY).ok_or(bad("is too short"))?;
    entry[40..48].copy_from_slice(&new.to_le_bytes());
    let start = number(entry, 32, 8);
    let first = header(head, 1, last, 2, &entries);
    let second = header(head, last, 1, last - ENTRIES, &entries);
    let mut protective = front.get(..512).unwrap_or_default().to_vec();
    if let Some(size) = protective.get_mut(458..462) {
        size.copy_from_slice(&u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes());
    }
    let back = [entries.as_slice(), &second].concat();
    let front = [first.as_slice(), &entries].concat();
    Ok(Some(Grown {
        pieces: vec![
            ((last - ENTRIES) * SECTOR, back),
            (SECTOR, front),
            (0, protective),
        ],
        index,
        start: start * SECTOR,
        len: (new + 1 - start) * SECTOR,
    }))
}

/// Last sector, place in `entries` and number of the state partition, when nothing lies behind it.
fn state(entries: &[u8]) -> Option<(u64, usize, u32)> {
    let label: Vec<u8> = STATE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = None;
    let mut furthest = 0;
    for (at, entry) in entries.chunks_exact(ENTRY).enumerate() {
        let end = number(entry, 40, 8);
        furthest = furthest.max(end);
        let name = entry.get(56..).unwrap_or_default();
        let after = name.get(label.len()..label.len() + 2);
        if name.starts_with(&label) && after == Some(&[0, 0]) {
            found = Some((end, at * ENTRY, u32::try_from(at).ok()? + 1));
        }
    }
    found.filter(|(end, ..)| *end == furthest)
}

/// A head like `old` at another place.
fn header(old: &[u8], own: u64, other: u64, entries_at: u64, entries: &[u8]) -> Vec<u8> {
    let last = own.max(other);
    let mut head = old.to_vec();
    for (at, sector) in [
        (24, own),
        (32, other),
        (48, last - ENTRIES - 1),
        (72, entries_at),
    ] {
        head[at..at + 8].copy_from_slice(&sector.to_le_bytes());
    }
    head[88..92].copy_from_slice(&crc32(entries).to_le_bytes());
    let sum = sum_of(&head);
    head[16..20].copy_from_slice(&sum.to_le_bytes());
    head.resize(512, 0);
    head
}

/// The sum of a head, which is taken without itself.
fn sum_of(head: &[u8]) -> u32 {
    let mut copy = head.to_vec();
    if let Some(own) = copy.get_mut(16..20) {
        own.fill(0);
    }
    crc32(&copy)
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    let bytes = bytes.get(at..at + len).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// CRC-32 as Ethernet and this table use it.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carry = 0_u32.wrapping_sub(sum & 1);
            sum >> 1 ^ carry & 0xedb8_8320
        })
    })
}

#[cfg(test)]
mod tests;
