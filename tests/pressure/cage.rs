//! A cgroup of our own with a memory limit: version 1 or 2, whichever this machine has.
//!
//! Enters: a limit and processes. Leaves: what the kernel counted. Invariant: the folders go when
//! the cage is dropped, after the processes in it. On version 1 the limit stands in one hierarchy
//! and the stall counts in another, as where both are mounted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::stage::until;

/// Where cgroups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// Folders of one cage.
#[derive(Debug)]
pub(crate) struct Cage {
    /// Where the limit stands.
    memory: PathBuf,
    /// Where stalls are counted, when that is another hierarchy.
    stalls: Option<PathBuf>,
}

/// Why no cage can be made here, if so.
pub(crate) fn missing() -> Option<&'static str> {
    let Some(parent) = parent() else {
        return Some("no memory cgroup is mounted");
    };
    let probe = parent.join(format!("holdfast-probe-{}", std::process::id()));
    if fs::create_dir(&probe).is_err() {
        return Some("cgroups cannot be made here (needs root)");
    }
    let limited = limit_file(&probe).is_some();
    let _gone = fs::remove_dir(&probe);
    (!limited).then_some("the memory controller is not given to cgroups here")
}

/// The folder under which a cage stands: version 1's own, or the root of version 2.
fn parent() -> Option<PathBuf> {
    let first = Path::new(MOUNT).join("memory");
    if first.join("cgroup.procs").exists() {
        return Some(first);
    }
    let second = Path::new(MOUNT);
    let told = fs::read_to_string(second.join("cgroup.controllers")).ok()?;
    told.split_whitespace()
        .any(|one| one == "memory")
        .then(|| second.to_path_buf())
}

fn limit_file(folder: &Path) -> Option<PathBuf> {
    ["memory.limit_in_bytes", "memory.max"]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
}

impl Cage {
    /// Makes a cage of that many bytes.
    pub(crate) fn make(limit: u64) -> Self {
        let name = format!("holdfast-pressure-{}", std::process::id());
        let memory = parent().expect("it was looked for").join(&name);
        fs::create_dir(&memory).expect("a cgroup");
        let file = limit_file(&memory).expect("it was looked for");
        fs::write(file, limit.to_string()).expect("a limit");
        let unified = Path::new(MOUNT).join("unified");
        let stalls = unified.join("cgroup.procs").exists().then(|| {
            let stalls = unified.join(&name);
            fs::create_dir(&stalls).expect("a cgroup");
            stalls
        });
        Self { memory, stalls }
    }

    /// Takes a process in, with everything it will hold from now on.
    pub(crate) fn take(&self, pid: u32) {
        for folder in self.stalls.iter().chain([&self.memory]) {
            fs::write(folder.join("cgroup.procs"), pid.to_string()).expect("taken in");
        }
    }

    /// Processes the kernel killed in it for memory.
    pub(crate) fn kills(&self) -> u64 {
        let text = ["memory.oom_control", "memory.events"]
            .into_iter()
            .find_map(|name| fs::read_to_string(self.memory.join(name)).ok());
        let text = text.expect("the kernel counts kills");
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok())
            .expect("a count of kills")
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        for folder in self.stalls.iter().chain([&self.memory]) {
            // The kernel lets go of an ended process a moment after its parent does.
            until("an empty cgroup", Duration::from_secs(20), || {
                fs::remove_dir(folder).ok()
            });
        }
    }
}
