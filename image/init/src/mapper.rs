//! dm-verity by ioctl: three calls make `/dev/dm-0` out of a partition whose every block is checked
//! against the root hash. Corruption restarts the machine: a lying disk must not go on.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use board_slot::cmdline::{BLOCK, Root, hex};

use crate::error::Error;

/// The verified device.
pub(crate) const DEVICE: &str = "/dev/dm-0";

const NAME: &[u8] = b"holdfast-root";
const HEADER: usize = 312;
const TARGET: usize = 40;
const READ_ONLY: u32 = 1;
const CREATE: u64 = 3;
const RESUME: u64 = 6;
const LOAD: u64 = 9;

/// Opens the root in the device with this major:minor number.
pub(crate) fn open(root: &Root, number: &str) -> Result<(), Error> {
    let fail = |step| move |why| Error::Verity { step, why };
    let control = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/mapper/control")
        .map_err(fail("control"))?;
    call(&control, CREATE, &mut message(0, 0, &[])).map_err(fail("create"))?;
    call(
        &control,
        LOAD,
        &mut message(READ_ONLY, 1, &target(root, number)),
    )
    .map_err(fail("load"))?;
    call(&control, RESUME, &mut message(0, 0, &[])).map_err(fail("resume"))
}

/// A `dm_ioctl` with what follows it.
fn message(flags: u32, targets: u32, rest: &[u8]) -> Vec<u8> {
    let size = u32::try_from(HEADER + rest.len()).unwrap_or(u32::MAX);
    let start = u32::try_from(HEADER).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEADER + rest.len());
    for word in [4, 0, 0, size, start, targets, 0, flags, 0, 0, 0, 0] {
        out.extend_from_slice(&u32::to_ne_bytes(word));
    }
    out.extend_from_slice(NAME);
    out.resize(HEADER, 0);
    out.extend_from_slice(rest);
    out
}

/// A `dm_target_spec` with its parameters.
fn target(root: &Root, number: &str) -> Vec<u8> {
    let salt = if root.salt.is_empty() {
        "-".to_owned()
    } else {
        hex(&root.salt)
    };
    let parameters = format!(
        "1 {number} {number} {BLOCK} {BLOCK} {blocks} {blocks} sha256 {} {salt} 1 restart_on_corruption",
        hex(&root.hash),
        blocks = root.blocks,
    );
    let mut out = Vec::new();
    out.extend_from_slice(&0_u64.to_ne_bytes());
    out.extend_from_slice(&(root.blocks * (BLOCK / 512)).to_ne_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(b"verity");
    out.resize(TARGET, 0);
    out.extend_from_slice(parameters.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn call(control: &File, number: u64, message: &mut [u8]) -> io::Result<()> {
    let size = u64::try_from(HEADER).unwrap_or_default();
    // _IOWR of device mapper's magic.
    let request = 3 << 30 | size << 16 | 0xfd << 8 | number;
    // SAFETY: the message begins with a dm_ioctl whose data_size is the slice's length; the kernel
    // reads and writes within it during the call only.
    let done = unsafe { libc::ioctl(control.as_raw_fd(), request, message.as_mut_ptr()) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
