//! Handing over: the mounts move into the new root, the boot archive is freed, systemd begins.

use std::convert::Infallible;

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::{chdir, chroot, execv};

use crate::error::Error;
use crate::mounts::SYSROOT;

/// What is started in the new root.
const SYSTEM: &std::ffi::CStr = c"/usr/lib/systemd/systemd";

/// Replaces this program by the system.
pub(crate) fn hand_over() -> Result<Infallible, Error> {
    let fail = |step| move |why| Error::Switch { step, why };
    for folder in ["/dev", "/proc", "/sys", "/run"] {
        let target = format!("{SYSROOT}{folder}");
        moved(folder, &target).map_err(fail("moving the mounts"))?;
    }
    // The archive's memory is given back; nothing in it is needed any more.
    let _ = std::fs::remove_dir_all("/modules");
    let _ = std::fs::remove_file("/init");
    chdir(SYSROOT).map_err(fail("entering the root"))?;
    moved(".", "/").map_err(fail("moving the root"))?;
    chroot(".").map_err(fail("changing the root"))?;
    chdir("/").map_err(fail("entering the new root"))?;
    execv(SYSTEM, &[SYSTEM]).map_err(fail("running systemd"))
}

fn moved(from: &str, to: &str) -> nix::Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_MOVE, None::<&str>)
}

/// Restarts the machine through its firmware.
pub(crate) fn restart() -> ! {
    loop {
        let _ = reboot(RebootMode::RB_AUTOBOOT);
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
