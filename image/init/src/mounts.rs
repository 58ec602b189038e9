//! What is mounted before the system starts: the kernel's own file systems, the verified root, and
//! the state partition. A state that cannot be mounted is replaced by memory and told, because a
//! box that answers can be helped.

use std::fmt;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::error::Error;
use crate::look;
use crate::mapper;

/// Where the root is mounted before it becomes the root.
pub(crate) const SYSROOT: &str = "/sysroot";
const VAR: &str = "/sysroot/var";
const TMP: &str = "/sysroot/tmp";
const RUN: &str = "/run";

/// How the state partition fared.
pub(crate) enum State {
    /// Mounted from its partition.
    Mounted,
    /// Memory stands in, and why.
    Lost(String),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mounted => f.write_str("mounted"),
            Self::Lost(why) => write!(f, "lost: {why}"),
        }
    }
}

fn on(
    kind: &'static str,
    source: &str,
    target: &'static str,
    flags: MsFlags,
    data: Option<&str>,
) -> Result<(), Error> {
    let _ = std::fs::create_dir_all(target);
    mount(Some(source), target, Some(kind), flags, data).map_err(|why| Error::Mount { target, why })
}

const QUIET: MsFlags = MsFlags::MS_NOSUID
    .union(MsFlags::MS_NODEV)
    .union(MsFlags::MS_NOEXEC);

/// devtmpfs, proc, sysfs and /run.
pub(crate) fn kernel() -> Result<(), Error> {
    match on(
        "devtmpfs",
        "dev",
        "/dev",
        MsFlags::MS_NOSUID,
        Some("mode=0755"),
    ) {
        // The kernel may have mounted it by itself.
        Err(Error::Mount {
            why: Errno::EBUSY, ..
        })
        | Ok(()) => {}
        Err(error) => return Err(error),
    }
    on("proc", "proc", "/proc", QUIET, None)?;
    on("sysfs", "sys", "/sys", QUIET, None)?;
    let run = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    on("tmpfs", "run", RUN, run, Some("mode=0755,size=20%"))
}

/// Firmware variables, where there is UEFI. Says whether there is.
pub(crate) fn variables() -> bool {
    let target = board_slot::efivars::EfiVars::FOLDER;
    let there = Path::new(target).exists();
    if !there {
        look::say("no UEFI variables: no trial starts, no rollback");
        return false;
    }
    match mount(
        Some("efivarfs"),
        target,
        Some("efivarfs"),
        QUIET,
        None::<&str>,
    ) {
        Ok(()) | Err(Errno::EBUSY) => true,
        Err(why) => {
            look::say(&format!("firmware variables: {why}"));
            false
        }
    }
}

/// The verified root, and memory for temporary files in it.
pub(crate) fn root() -> Result<(), Error> {
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NODEV;
    on("erofs", mapper::DEVICE, SYSROOT, flags, None)?;
    on("tmpfs", "tmp", TMP, QUIET, Some("mode=1777,size=10%"))
}

/// The state partition, or memory in its place; none is known when the disk has none.
pub(crate) fn state(device: Option<&str>) -> State {
    let flags = QUIET | MsFlags::MS_NOATIME;
    let mounted = match device {
        Some(name) => {
            let device = format!("/dev/{name}");
            let done = on("ext4", &device, VAR, flags, Some("errors=remount-ro"));
            done.map_err(|why| why.to_string())
        }
        None => Err("the disk has no state partition".to_owned()),
    };
    let Err(lost) = mounted else {
        return State::Mounted;
    };
    match on("tmpfs", "state", VAR, QUIET, Some("mode=0755,size=25%")) {
        Ok(()) => State::Lost(lost),
        Err(worse) => State::Lost(format!("{lost}; {worse}")),
    }
}

/// Leaves `text` to the programs of the system.
pub(crate) fn tell(text: &str) -> Result<(), Error> {
    let path = Path::new(RUN).join("holdfast");
    std::fs::create_dir_all(&path)
        .and_then(|()| std::fs::write(path.join("boot.toml"), text))
        .map_err(|why| Error::File { path, why })
}
