//! The one ioctl pair of this room: efivarfs marks variables immutable, so that nobody wipes the
//! firmware by deleting files; ours must be unmarked before they are written.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

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
