//! A root that came along in the boot archive: a start from the network has no slot to look for.
//! The file becomes a block device, so that dm-verity checks it as it checks a partition.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use board_slot::names::STATE;
use board_slot::slots::{self, Partition};

use crate::error::Error;

/// The root in the boot archive.
pub(crate) const ROOT: &str = "/carried/root.img";

/// A disk with a state partition appears within this time, or the state is kept in memory.
const PATIENCE: Duration = Duration::from_secs(5);
const GET_FREE: u64 = 0x4c82;
const CONFIGURE: u64 = 0x4c0a;
/// Bytes of a `loop_config`, and where its flags are.
const CONFIG: usize = 304;
const FLAGS: usize = 60;
const READ_ONLY: u32 = 1;
const BLOCK: u32 = 4096;

/// Makes a block device of the carried root; returns its major:minor number.
pub(crate) fn attach() -> Result<String, Error> {
    let fail = |step| move |why| Error::Carried { step, why };
    let file = File::open(ROOT).map_err(fail("opening"))?;
    let control = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/loop-control")
        .map_err(fail("control"))?;
    // SAFETY: the call takes no argument and returns a number.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE) };
    if number < 0 {
        return Err(fail("number")(io::Error::last_os_error()));
    }
    let device = OpenOptions::new()
        .read(true)
        .open(format!("/dev/loop{number}"))
        .map_err(fail("device"))?;
    let mut config = [0_u8; CONFIG];
    let words = [
        (0, file.as_raw_fd().unsigned_abs()),
        (4, BLOCK),
        (FLAGS, READ_ONLY),
    ];
    for (at, word) in words {
        if let Some(place) = config.get_mut(at..at + 4) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
    }
    // SAFETY: the buffer has the size of a loop_config, which the kernel reads during the call.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, config.as_ptr()) };
    if done != 0 {
        return Err(fail("configure")(io::Error::last_os_error()));
    }
    // The kernel detaches no device that dm-verity holds.
    let text = std::fs::read_to_string(format!("/sys/class/block/loop{number}/dev"));
    Ok(text.map_err(fail("its number"))?.trim().to_owned())
}

/// The state partition of a box that starts from the network: the only one there is. Two of them
/// leave the choice to nobody, so neither is taken.
pub(crate) fn state() -> Result<Option<Partition>, Error> {
    let begun = Instant::now();
    loop {
        let mut all = slots::partitions(Path::new("/sys/class/block"))?;
        all.retain(|partition| partition.label == STATE);
        if all.len() > 1 {
            return Ok(None);
        }
        if let Some(found) = all.pop() {
            return Ok(Some(found));
        }
        if begun.elapsed() > PATIENCE {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
