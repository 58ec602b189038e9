//! The partition table of a system disk, both copies, with identities that follow from labels so
//! that two builds are equal. Layout: docs/formats/partition.md.

use board_slot::table::crc32;
use sha2::{Digest, Sha256};

/// Bytes of a sector.
pub(crate) const SECTOR: u64 = 512;
/// Partitions begin at multiples of this.
pub(crate) const ALIGN: u64 = 1 << 20;

const ENTRIES: u64 = 128;
const ENTRY: usize = 128;
/// Sectors of the table of entries.
const TABLE: u64 = 32;

/// GUID of an EFI system partition, in the order of its bytes on disk.
pub(crate) const KIND_ESP: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];
/// GUID of a root partition of this processor.
pub(crate) const KIND_ROOT: [u8; 16] = [
    0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7, 0x09,
];
/// GUID of variable data.
pub(crate) const KIND_STATE: [u8; 16] = [
    0x16, 0xb0, 0x21, 0x4d, 0x34, 0xb5, 0xc2, 0x45, 0xa9, 0xfb, 0x5c, 0x16, 0xe0, 0x91, 0xfd, 0x2d,
];

/// A partition to be.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Its label.
    pub(crate) label: &'static str,
    /// GUID of its kind.
    pub(crate) kind: [u8; 16],
    /// First byte.
    pub(crate) start: u64,
    /// Bytes.
    pub(crate) len: u64,
}

/// The identity of what is called `label`.
pub(crate) fn identity(label: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update("holdfast.gpt.1")
        .chain_update(label)
        .finalize()
        .into();
    let mut guid = [0; 16];
    guid.copy_from_slice(&digest[..16]);
    guid[7] = guid[7] & 0x0f | 0x80;
    guid[8] = guid[8] & 0x3f | 0x80;
    guid
}

/// What is written where: protective record, first table, second table at the end of `bytes`.
pub(crate) fn table(parts: &[Part], bytes: u64) -> Vec<(u64, Vec<u8>)> {
    let last = bytes / SECTOR - 1;
    let mut entries = vec![0; ENTRY * usize::try_from(ENTRIES).unwrap_or(128)];
    for (part, entry) in parts.iter().zip(entries.chunks_exact_mut(ENTRY)) {
        entry.copy_from_slice(&entry_of(part));
    }
    let sum = crc32(&entries);
    let first = header(1, last, 2, sum);
    let second = header(last, 1, last - TABLE, sum);
    vec![
        (0, protective(last)),
        (SECTOR, first),
        (2 * SECTOR, entries.clone()),
        ((last - TABLE) * SECTOR, entries),
        (last * SECTOR, second),
    ]
}

fn entry_of(part: &Part) -> Vec<u8> {
    let mut entry = part.kind.to_vec();
    entry.extend_from_slice(&identity(part.label));
    entry.extend_from_slice(&(part.start / SECTOR).to_le_bytes());
    entry.extend_from_slice(&((part.start + part.len) / SECTOR - 1).to_le_bytes());
    entry.extend_from_slice(&[0; 8]);
    entry.extend(part.label.encode_utf16().flat_map(u16::to_le_bytes));
    entry.resize(ENTRY, 0);
    entry
}

fn header(own: u64, other: u64, entries_at: u64, entries_sum: u32) -> Vec<u8> {
    let last = own.max(other);
    let mut head = b"EFI PART".to_vec();
    head.extend_from_slice(&0x0001_0000_u32.to_le_bytes());
    head.extend_from_slice(&92_u32.to_le_bytes());
    head.extend_from_slice(&[0; 8]);
    for sector in [own, other, 2 + TABLE, last - TABLE - 1] {
        head.extend_from_slice(&sector.to_le_bytes());
    }
    head.extend_from_slice(&identity("disk"));
    head.extend_from_slice(&entries_at.to_le_bytes());
    head.extend_from_slice(&128_u32.to_le_bytes());
    head.extend_from_slice(&128_u32.to_le_bytes());
    head.extend_from_slice(&entries_sum.to_le_bytes());
    let sum = crc32(&head);
    head[16..20].copy_from_slice(&sum.to_le_bytes());
    head.resize(512, 0);
    head
}

/// What firmware without UEFI runs from the first sector: it says `LEGACY_WORDS` on screen and
/// first serial port, and stops. Entered at 0x7c00.
#[rustfmt::skip]
const LEGACY: [u8; 40] = [
    0xfa, // cli
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd8, // mov ds, ax
    0x8e, 0xd0, // mov ss, ax
    0xbc, 0x00, 0x7c, // mov sp, 0x7c00
    0xfb, // sti
    0xfc, // cld
    0xbe, 0x28, 0x7c, // mov si, 0x7c00 + 40
    0xac, // next: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x11, // jz end
    0x50, // push ax
    0xb4, 0x0e, // mov ah, 0x0e
    0xbb, 0x07, 0x00, // mov bx, 7
    0xcd, 0x10, // int 0x10: a letter on the screen
    0x58, // pop ax
    0xb4, 0x01, // mov ah, 1
    0x31, 0xd2, // xor dx, dx
    0xcd, 0x14, // int 0x14: a letter on the first serial port
    0xeb, 0xea, // jmp next
    0xf4, // end: hlt
    0xeb, 0xfd, // jmp end
];
/// What it says.
const LEGACY_WORDS: &[u8] = b"\r\nHoldfast starts from UEFI firmware alone: switch it on in the \
    setup of this machine, and legacy boot (CSM) off.\r\n\0";

fn protective(last: u64) -> Vec<u8> {
    let mut sector = LEGACY.to_vec();
    sector.extend_from_slice(LEGACY_WORDS);
    sector.resize(446, 0);
    sector.extend_from_slice(&[0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0]);
    let sectors = u32::try_from(last).unwrap_or(u32::MAX);
    sector.extend_from_slice(&sectors.to_le_bytes());
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    sector
}

#[cfg(test)]
mod tests;
