//! Whole block devices as volumes: what is in use or holds something is refused.
//!
//! Enters: the path of a block device. Leaves: leave to write over it, or why not. A device that
//! the system uses (mounted, swap, part of a RAID) refuses an exclusive descriptor, which says
//! more than any list of mounts could. A device counts as empty when its first and its last
//! mebibyte are zeros: every file system, partition table and RAID member writes there.
//! Deliberately no attempt to read what it is; a few common ones are named for people.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::open::OpenError;

/// Bytes looked at, and cleared, at either end.
const EDGE: u64 = 1 << 20;

/// Where a format writes which bytes, and its name for people.
const KNOWN: [(usize, &[u8], &str); 8] = [
    (0, b"HFVOLUME", "a Holdfast volume"),
    (0, b"LUKS\xba\xbe", "an encrypted volume (LUKS)"),
    (0, b"XFSB", "an xfs file system"),
    (512, b"EFI PART", "a partition table (GPT)"),
    (536, b"LVM2 001", "a physical volume (LVM)"),
    (1080, &[0x53, 0xef], "an ext2, 3 or 4 file system"),
    (4086, b"SWAPSPACE2", "swap space"),
    (65600, b"_BHRfS_M", "a btrfs file system"),
];

/// Whether the path is a block device's.
pub(crate) fn is_raw(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| facts.file_type().is_block_device())
}

/// The flags beside others with which a volume's path is opened: a block device exclusively, so
/// that neither the system nor another host takes it while it serves.
pub(crate) fn flags(path: &Path) -> i32 {
    if is_raw(path) { libc::O_EXCL } else { 0 }
}

/// Bytes of the device's logical block, or none when the kernel does not say. Source: ioctl_list,
/// BLKSSZGET.
pub(crate) fn logical_block(file: &File) -> Option<u32> {
    let mut block: libc::c_int = 0;
    // SAFETY: the descriptor is open for the whole call, and BLKSSZGET writes one int into memory
    // that is exactly that; on what is no block device it fails and writes nothing.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::BLKSSZGET, &raw mut block) };
    u32::try_from(block)
        .ok()
        .filter(|block| result == 0 && *block > 0)
}

/// Refuses a block device that holds anything.
pub(crate) fn must_be_empty(path: &Path) -> Result<(), OpenError> {
    let file = exclusive(path, false)?;
    for (at, len) in edges(&file, path)? {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        file.read_exact_at(&mut bytes, at)
            .map_err(os("read", path))?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(OpenError::Foreign {
                path: path.into(),
                holds: if at == 0 { name(&bytes) } else { UNKNOWN },
            });
        }
    }
    Ok(())
}

/// Clears a block device so that `open` takes it as new: its first and last mebibyte become
/// zeros, durably. This is the owner's explicit word and never done unasked; what the device held
/// is lost. Errors: Busy while the system or another host uses it; NotRaw for anything but a
/// block device; Os.
pub fn clear(path: &Path) -> Result<(), OpenError> {
    if !is_raw(path) {
        return Err(OpenError::NotRaw { path: path.into() });
    }
    let file = exclusive(path, true)?;
    for (at, len) in edges(&file, path)? {
        let zeros = vec![0; usize::try_from(len).unwrap_or(0)];
        file.write_all_at(&zeros, at).map_err(os("clear", path))?;
    }
    file.sync_all().map_err(os("flush", path))
}

const UNKNOWN: &str = "bytes of unknown kind";

fn name(start: &[u8]) -> &'static str {
    let found = KNOWN.iter().find(|(at, mark, _)| {
        let there = start.get(*at..).unwrap_or_default();
        there.starts_with(mark)
    });
    found.map_or(UNKNOWN, |(_, _, name)| name)
}

/// Start and length of either end; one run where they meet.
fn edges(file: &File, path: &Path) -> Result<Vec<(u64, u64)>, OpenError> {
    let size = crate::open::size_of(file).map_err(os("measure", path))?;
    Ok(if size <= 2 * EDGE {
        vec![(0, size)]
    } else {
        vec![(0, EDGE), (size - EDGE, EDGE)]
    })
}

fn exclusive(path: &Path, write: bool) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(write).custom_flags(libc::O_EXCL);
    options.open(path).map_err(os("open", path))
}

/// An error of the kernel, a device in use named as such.
pub(crate) fn os<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl Fn(std::io::Error) -> OpenError + 'a {
    move |source| match source.raw_os_error() {
        Some(libc::EBUSY) => OpenError::Busy { path: path.into() },
        _ => OpenError::Os {
            what,
            path: path.into(),
            source,
        },
    }
}
