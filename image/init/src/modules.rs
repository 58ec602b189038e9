//! Kernel modules of the boot archive, in the order the builder worked out from modules.dep and
//! modules.softdep. The kernel unpacks them and checks their signatures.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use crate::error::Error;

/// Name of the list in the folder of modules.
const ORDER: &str = "order";
/// MODULE_INIT_COMPRESSED_FILE of the kernel's interface.
const COMPRESSED: u32 = 4;

/// Loads the modules listed in `folder`. Returns what was said about those that would not load:
/// hardware that is not there is no fault, and what is needed is missed soon enough.
pub(crate) fn load(folder: &Path) -> Result<Vec<String>, Error> {
    let path = folder.join(ORDER);
    let order = std::fs::read_to_string(&path).map_err(|why| Error::File { path, why })?;
    let mut faults = Vec::new();
    for name in order.lines().filter(|line| !line.is_empty()) {
        let path = folder.join(name);
        let file = File::open(&path).map_err(|why| Error::File {
            path: PathBuf::from(name),
            why,
        })?;
        let flags = if name.ends_with(".ko") {
            ModuleInitFlags::empty()
        } else {
            ModuleInitFlags::from_bits_retain(COMPRESSED)
        };
        match finit_module(file.as_fd(), c"", flags) {
            Ok(()) | Err(Errno::EEXIST | Errno::ENODEV) => {}
            Err(why) => faults.push(format!("module {name}: {why}")),
        }
    }
    Ok(faults)
}
