//! The system partition's file system, FAT32 with long names, written in one go: firmware reads
//! nothing else. Fixed times and identity; equal files give equal bytes.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::gpt::SECTOR;

const CLUSTER_SECTORS: u64 = 8;
const CLUSTER: usize = 4096;
const RESERVED: u64 = 32;
const END: u32 = 0x0fff_ffff;
/// 1 January 2024, so that no clock shows through.
const DATE: u16 = (2024 - 1980) << 9 | 1 << 5 | 1;
const FOLDER: u8 = 0x10;
const ARCHIVE: u8 = 0x20;

/// A folder's content by name.
#[derive(Debug, Default)]
pub(crate) struct Folder<'a> {
    folders: BTreeMap<String, Folder<'a>>,
    files: BTreeMap<String, &'a [u8]>,
}

impl<'a> Folder<'a> {
    /// Puts a file at `path`, making the folders on the way.
    pub(crate) fn put(&mut self, path: &str, content: &'a [u8]) {
        match path.split_once('/') {
            Some((folder, rest)) => self
                .folders
                .entry(folder.to_owned())
                .or_default()
                .put(rest, content),
            None => {
                self.files.insert(path.to_owned(), content);
            }
        }
    }
}

/// The file system of `bytes` bytes that holds `root`, as pieces at their offsets; the rest is
/// zeros.
///
/// # Errors
/// `Size` when the files do not fit.
pub(crate) fn write(root: &Folder<'_>, bytes: u64) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let sectors = bytes / SECTOR;
    let mut fat_sectors = 1;
    // Grows to its fixed point: more sectors of table mean fewer clusters.
    loop {
        let clusters = (sectors - RESERVED - 2 * fat_sectors) / CLUSTER_SECTORS;
        let need = ((clusters + 2) * 4).div_ceil(SECTOR);
        if need <= fat_sectors {
            break;
        }
        fat_sectors = need;
    }
    let data_at = (RESERVED + 2 * fat_sectors) * SECTOR;
    let mut disk = Disk {
        table: vec![0x0fff_fff8, END],
        data: Vec::new(),
    };
    disk.reserve(1);
    let listing = disk.folder(root, 2, 0);
    disk.fill_first(&listing)?;
    let have = data_at + disk.data.len() as u64;
    if have > bytes {
        return Err(Error::Size {
            what: "the system partition's content",
            have,
            most: bytes,
        });
    }
    let free = (bytes - have) / SECTOR / CLUSTER_SECTORS;
    let boot = boot_sector(sectors, fat_sectors);
    let note = free_note(free, disk.table.len());
    let table: Vec<u8> = disk
        .table
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    Ok(vec![
        (0, boot.clone()),
        (SECTOR, note.clone()),
        (6 * SECTOR, boot),
        (7 * SECTOR, note),
        (RESERVED * SECTOR, table.clone()),
        ((RESERVED + fat_sectors) * SECTOR, table),
        (data_at, disk.data),
    ])
}

/// Clusters in use, from number 2 on.
struct Disk {
    table: Vec<u32>,
    data: Vec<u8>,
}

impl Disk {
    /// Takes `count` clusters in a row; returns the first.
    fn reserve(&mut self, count: usize) -> u32 {
        let first = word(self.table.len());
        for index in 1..=count {
            let next = first + word(index);
            self.table.push(if index == count { END } else { next });
        }
        self.data.resize(self.data.len() + count * CLUSTER, 0);
        first
    }

    fn store(&mut self, content: &[u8]) -> u32 {
        if content.is_empty() {
            return 0;
        }
        let at = self.data.len();
        let first = self.reserve(content.len().div_ceil(CLUSTER));
        if let Some(place) = self.data.get_mut(at..at + content.len()) {
            place.copy_from_slice(content);
        }
        first
    }

    /// The root's listing goes where it is expected.
    fn fill_first(&mut self, listing: &[u8]) -> Result<(), Error> {
        let place = self.data.get_mut(..listing.len().min(CLUSTER));
        match place {
            Some(place) if listing.len() <= CLUSTER => {
                place.copy_from_slice(listing);
                Ok(())
            }
            _ => Err(Error::Size {
                what: "the system partition's first folder",
                have: listing.len() as u64,
                most: CLUSTER as u64,
            }),
        }
    }

    /// Stores everything below a folder; returns its listing.
    fn folder(&mut self, folder: &Folder<'_>, own: u32, parent: u32) -> Vec<u8> {
        let mut listing = Vec::new();
        if own != 2 {
            listing.extend(record(b".          ", FOLDER, own, 0));
            listing.extend(record(b"..         ", FOLDER, parent, 0));
        }
        for (index, (name, below)) in folder.folders.iter().enumerate() {
            // One cluster a folder: a hundred names, and we have four.
            let at = self.data.len();
            let cluster = self.reserve(1);
            let parent = if own == 2 { 0 } else { own };
            let inner = self.folder(below, cluster, parent);
            if let Some(place) = self.data.get_mut(at..at + inner.len().min(CLUSTER)) {
                place.copy_from_slice(inner.get(..place.len()).unwrap_or_default());
            }
            listing.extend(named(name, index, FOLDER, cluster, 0));
        }
        for (index, (name, content)) in folder.files.iter().enumerate() {
            let cluster = self.store(content);
            let index = index + folder.folders.len();
            listing.extend(named(name, index, ARCHIVE, cluster, word(content.len())));
        }
        listing
    }
}

fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The records of one name: its long form where the short one cannot say it, then the short one.
fn named(name: &str, index: usize, kind: u8, cluster: u32, len: u32) -> Vec<u8> {
    let (short, exact) = short_name(name, index);
    let mut out = Vec::new();
    if !exact {
        out.extend(long_records(name, &short));
    }
    out.extend(record(&short, kind, cluster, len));
    out
}

fn short_name(name: &str, index: usize) -> ([u8; 11], bool) {
    let (base, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let fits = base.len() <= 8 && ending.len() <= 3 && !base.contains('.');
    let base = if fits {
        base.to_uppercase()
    } else {
        let head: String = base.chars().filter(|c| *c != '.').take(6).collect();
        format!("{}~{}", head.to_uppercase(), index + 1)
    };
    let mut short = [b' '; 11];
    for (place, byte) in short.iter_mut().zip(base.bytes().take(8)) {
        *place = byte;
    }
    for (place, byte) in short.iter_mut().skip(8).zip(ending.to_uppercase().bytes()) {
        *place = byte;
    }
    (short, fits && name == name.to_uppercase())
}

fn long_records(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let sum = short
        .iter()
        .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let mut letters: Vec<u16> = name.encode_utf16().collect();
    let count = letters.len().div_ceil(13);
    if letters.len() < count * 13 {
        letters.push(0);
    }
    letters.resize(count * 13, 0xffff);
    let mut out = Vec::new();
    for (index, piece) in letters.chunks(13).enumerate().rev() {
        let number = u8::try_from(index + 1).unwrap_or(0x3f);
        let last = if index + 1 == count { 0x40 } else { 0 };
        let text: Vec<u8> = piece
            .iter()
            .flat_map(|letter| letter.to_le_bytes())
            .collect();
        let (first, rest) = text.split_at(10);
        let (second, third) = rest.split_at(12);
        out.push(number | last);
        out.extend_from_slice(first);
        out.extend_from_slice(&[0x0f, 0, sum]);
        out.extend_from_slice(second);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(third);
    }
    out
}

fn record(short: &[u8; 11], kind: u8, cluster: u32, len: u32) -> Vec<u8> {
    let [low_a, low_b, high_a, high_b] = cluster.to_le_bytes();
    let [day_a, day_b] = DATE.to_le_bytes();
    let mut out = short.to_vec();
    out.extend_from_slice(&[kind, 0, 0, 0, 0, day_a, day_b, day_a, day_b]);
    out.extend_from_slice(&[high_a, high_b, 0, 0, day_a, day_b, low_a, low_b]);
    out.extend_from_slice(&len.to_le_bytes());
    out
}

fn boot_sector(sectors: u64, fat_sectors: u64) -> Vec<u8> {
    let wide = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = vec![0xeb, 0x58, 0x90];
    out.extend_from_slice(b"HOLDFAST");
    out.extend_from_slice(&512_u16.to_le_bytes());
    out.push(8);
    out.extend_from_slice(&32_u16.to_le_bytes());
    out.extend_from_slice(&[2, 0, 0, 0, 0, 0xf8, 0, 0]);
    out.extend_from_slice(&[32, 0, 8, 0]);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&wide(sectors));
    out.extend_from_slice(&wide(fat_sectors));
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&2_u32.to_le_bytes());
    out.extend_from_slice(&[1, 0, 6, 0]);
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&[0x80, 0, 0x29]);
    out.extend_from_slice(b"HFST");
    out.extend_from_slice(b"HOLDFAST   FAT32   ");
    out.resize(510, 0);
    out.extend_from_slice(&[0x55, 0xaa]);
    out
}

fn free_note(free: u64, next: usize) -> Vec<u8> {
    let mut out = b"RRaA".to_vec();
    out.resize(484, 0);
    out.extend_from_slice(b"rrAa");
    out.extend_from_slice(&u32::try_from(free).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&word(next).to_le_bytes());
    out.resize(510, 0);
    out.extend_from_slice(&[0x55, 0xaa]);
    out
}
