//! The tier `machine`: what a machine in trouble does to a host. A neighbour table overflows, a
//! cgroup becomes too small, and, when the tier is named, drives fall ill under QEMU.
//!
//! Invariant: what needs root or a part of the kernel that is not there is excused and said.

use crate::count::Counting;
use crate::error::Error;
use crate::need;
use crate::place::Place;
use crate::step::{Desk, Step};

/// Where a memory cgroup can be made: version 1's hierarchy, or version 2 with the controller.
const CGROUPS: &str = "test $(id -u) -eq 0 && { test -w /sys/fs/cgroup/memory/cgroup.procs \
    || grep -qw memory /sys/fs/cgroup/cgroup.subtree_control; }";
/// Where the table's limits can be written.
const TABLES: &str = "test $(id -u) -eq 0 && test -w /proc/sys/net/ipv4/neigh/default/gc_thresh3";

/// The steps.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(vec![
        flood(desk.place),
        pressure(desk.place),
        nvme(desk.place),
    ])
}

/// The neighbour table under a storm, tended through `board-net`: half a minute.
fn flood(place: &Place) -> Step {
    if !need::works("sh", &["-c", TABLES]) {
        let why = "needs root in the machine's first network namespace";
        return Step::excuse("flood", why);
    }
    let program = place.program("tests-flood");
    Step::program(place, program, &["--short"], Counting::Status).named("flood")
}

/// A host in a cgroup that becomes too small for it: four minutes.
fn pressure(place: &Place) -> Step {
    if !need::works("sh", &["-c", CGROUPS]) {
        let why = "needs root and the memory controller for cgroups";
        return Step::excuse("pressure", why);
    }
    suite(place, "pressure", &["--", "--short"])
}

/// Emulated drives: minutes of a quiet machine, and the kernel that the image unpacks.
fn nvme(place: &Place) -> Step {
    if !std::env::args().any(|word| word == "machine") {
        let why = "minutes of emulation: `cargo verify machine` runs it";
        return Step::excuse("nvme", why);
    }
    let tools = ["qemu-system-x86_64", "nbdkit"];
    let missing = tools.iter().find(|tool| !need::works(tool, &["--version"]));
    if let Some(tool) = missing {
        return Step::skip("nvme", format!("{tool} is not installed"));
    }
    let kernel = std::env::var_os("HOLDFAST_KERNEL").is_some()
        || place.root.join("target/image/unpacked").is_dir();
    if !kernel {
        return Step::skip("nvme", "no kernel: `just image` unpacks one");
    }
    suite(place, "nvme", &[])
}

/// A test program without cargo's harness: its status is the result.
fn suite(place: &Place, name: &str, words: &[&str]) -> Step {
    let asked = ["test", "--release", "--workspace", "--test", name];
    Step::cargo(place, name, &[&asked[..], words].concat(), Counting::Status)
}
