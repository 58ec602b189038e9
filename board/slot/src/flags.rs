//! The ioctls of this room. efivarfs marks variables immutable, so that nobody wipes the firmware
//! by deleting files; ours must be unmarked before they are written. And the kernel, which keeps
//! the table of a disk in use, is told that a partition reaches further.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `BLKPG` and its operation `BLKPG_RESIZE_PARTITION` (linux/blkpg.h, which libc leaves out).
const BLKPG: u32 = 0x1269;
const RESIZE: libc::c_int = 3;

/// `struct blkpg_partition`.
#[repr(C)]
struct Part {
    start: libc::c_longlong,
    length: libc::c_longlong,
    pno: libc::c_int,
    devname: [u8; 64],
    volname: [u8; 64],
}

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
struct Order {
    op: libc::c_int,
    flags: libc::c_int,
    datalen: libc::c_int,
    data: *const Part,
}

const IMMUTABLE: libc::c_long = 0x10;

/// Takes the immutable mark from an open variable. Errors as the kernel says.
pub(crate) fn unmark(file: &File) -> io::Result<()> {
    let mut flags: libc::c_long = 0;
    // SAFETY: the descriptor is open for the call, and `flags` is a long that lives through it.
    let read = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_GETFLAGS, &raw mut flags) };
    if read != 0 {
        return Err(io::Error::last_os_error());
    }
    if flags & IMMUTABLE == 0 {
        return Ok(());
    }
    flags &= !IMMUTABLE;
    // SAFETY: as above; the kernel only reads `flags`.
    let written = unsafe { libc::ioctl(file.as_raw_fd(), libc::FS_IOC_SETFLAGS, &raw const flags) };
    if written != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Tells the kernel that partition `index` of an open disk has `len` bytes from `start`. Errors as
/// the kernel says; nothing is written to the disk.
pub(crate) fn resize(disk: &File, index: u32, start: u64, len: u64) -> io::Result<()> {
    let number = |value: u64| i64::try_from(value).map_err(io::Error::other);
    let part = Part {
        start: number(start)?,
        length: number(len)?,
        pno: libc::c_int::try_from(index).map_err(io::Error::other)?,
        devname: [0; 64],
        volname: [0; 64],
    };
    let order = Order {
        op: RESIZE,
        flags: 0,
        datalen: libc::c_int::try_from(size_of::<Part>()).map_err(io::Error::other)?,
        data: &raw const part,
    };
    // SAFETY: the descriptor is open for the call; the kernel only reads `order` and the `part` it
    // points at, which have the layout of linux/blkpg.h and live through the call.
    let done = unsafe { libc::ioctl(disk.as_raw_fd(), BLKPG.into(), &raw const order) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
