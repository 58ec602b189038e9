//! Keeps the key out of dumps, debuggers and swap.
//!
//! Invariant: called before the key file is opened; only locking memory may fail, since a small
//! limit on locked memory is common and said.

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

use crate::error::Error;

/// No core dump, no debugger of the same user, no new privileges.
/// Errors when the kernel refuses one of them.
pub fn harden() -> Result<(), Error> {
    let refused = |what| {
        move |errno: nix::Error| Error::Kernel {
            what,
            why: errno.desc().to_owned(),
        }
    };
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(refused("forbidding core dumps"))?;
    prctl::set_dumpable(false).map_err(refused("forbidding debuggers"))?;
    prctl::set_no_new_privs().map_err(refused("giving up new privileges"))
}

/// Holds what is in memory now there. Only now: the memory a passphrase's derivation takes would
/// pass most limits, and it is wiped before. False when the limit is too small.
#[must_use]
pub fn hold() -> bool {
    mlockall(MlockAllFlags::MCL_CURRENT).is_ok()
}
