//! One capability, no way to another one.
//!
//! Invariant: after [`keep_only`] the process holds at most the one capability, nothing it could
//! start would hold more, and no debugger of the same user can read it.

use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;

use crate::error::Error;

pub use caps::Capability as Right;

/// Gives up every capability but `right`; whether that one is held at all.
///
/// # Errors
/// `Protection` when the kernel refuses to take something back.
pub fn keep_only(right: Right) -> Result<bool, Error> {
    let refused = |what: &'static str| {
        move |error: caps::errors::CapsError| Error::Protection {
            what,
            why: error.to_string(),
        }
    };
    let unchanged = |what: &'static str| {
        move |errno: nix::Error| Error::Protection {
            what,
            why: errno.desc().to_owned(),
        }
    };
    prctl::set_no_new_privs().map_err(unchanged("giving up new privileges"))?;
    prctl::set_dumpable(false).map_err(unchanged("forbidding debuggers"))?;
    let held = caps::has_cap(None, CapSet::Permitted, right);
    let held = held.map_err(refused("reading capabilities"))?;
    // Only with CAP_SETPCAP; without it the bound stays what the service's owner made it.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        for other in caps::all().into_iter().filter(|other| *other != right) {
            let _unknown_to_this_kernel = caps::drop(None, CapSet::Bounding, other);
        }
    }
    caps::clear(None, CapSet::Ambient).map_err(refused("clearing ambient capabilities"))?;
    let kept: CapsHashSet = held.then_some(right).into_iter().collect();
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).map_err(refused("dropping capabilities"))?;
    }
    caps::clear(None, CapSet::Inheritable).map_err(refused("dropping capabilities"))?;
    Ok(held)
}
