//! The one admin command: read log page 0x02. Needs CAP_SYS_ADMIN when it is called.
//!
//! Enters: an open controller or namespace. Leaves: the page. Invariant: the command is built here
//! from constants alone, so no caller can send another opcode; it transfers from the drive only.
//! Source: linux/nvme_ioctl.h (`NVME_IOCTL_ADMIN_CMD`), NVM Express "Get Log Page".

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::error::Error;
use crate::health::PAGE_LEN;

/// `_IOWR('N', 0x41, struct nvme_passthru_cmd)`: the number the kernel knows since 3.3.
pub const ADMIN_COMMAND: u32 = 0xc048_4e41;
const GET_LOG_PAGE: u8 = 0x02;
const HEALTH_PAGE: u32 = 0x02;
/// The health of the whole controller.
const EVERY_NAMESPACE: u32 = u32::MAX;
/// The kernel's own default is a minute; a watch does not wait as long.
const TIMEOUT_MS: u32 = 5_000;

/// `struct nvme_passthru_cmd`.
#[derive(Debug, Default)]
#[repr(C)]
struct Command {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    words: [u32; 2],
    metadata: u64,
    address: u64,
    metadata_len: u32,
    data_len: u32,
    /// Command words 10 to 15.
    more: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

const _: () = assert!(size_of::<Command>() == 72);

/// Reads the health page. Cost: one admin command, at most five seconds.
///
/// # Errors
/// `Refused` by the kernel (EACCES without the capability), `Status` by the drive.
#[expect(unsafe_code, reason = "the ioctl of an admin command")]
pub fn health_page(drive: &File) -> Result<[u8; PAGE_LEN], Error> {
    let mut page = [0_u8; PAGE_LEN];
    let dwords = u32::try_from(PAGE_LEN / 4 - 1).unwrap_or_default();
    let mut command = Command {
        opcode: GET_LOG_PAGE,
        namespace: EVERY_NAMESPACE,
        address: page.as_mut_ptr().expose_provenance() as u64,
        data_len: u32::try_from(PAGE_LEN).unwrap_or_default(),
        more: [dwords << 16 | HEALTH_PAGE, 0, 0, 0, 0, 0],
        timeout_ms: TIMEOUT_MS,
        ..Command::default()
    };
    // SAFETY: the descriptor is open for the borrow of `drive`; `command` is the struct of this
    // ioctl (its size is asserted above and part of the number); the kernel writes at most
    // `data_len` bytes to `address`, which is `page`, alive and not otherwise used until here.
    let status = unsafe { libc::ioctl(drive.as_raw_fd(), ADMIN_COMMAND.into(), &raw mut command) };
    match status {
        0 => Ok(page),
        1.. => Err(Error::Status {
            status: u16::try_from(status).unwrap_or(u16::MAX),
        }),
        _ => Err(Error::Refused(io::Error::last_os_error())),
    }
}

#[cfg(test)]
mod tests;
