//! How much memory we may hold: the tightest limit of our cgroup and those above it, and never more
//! than half of the machine.
//!
//! Enters: /proc/self/cgroup, the cgroup mounts, /proc/meminfo. Leaves: [`Budget`]. Version 2
//! (memory.high, memory.max), version 1 (memory.limit_in_bytes), both, or none.

use std::fs;
use std::path::{Path, PathBuf};

use super::text::{cgroup_path, limit};

/// More levels than any hierarchy has.
const DEPTH: usize = 32;

/// Where a budget comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// memory.high or memory.max of a version 2 cgroup.
    CgroupV2,
    /// memory.limit_in_bytes of a version 1 cgroup.
    CgroupV1,
    /// Half of the machine: no cgroup asks for less.
    Machine,
}

/// How much anonymous memory we may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Bytes, not zero.
    pub bytes: u64,
    /// Who says so.
    pub origin: Origin,
}

/// The tightest of the limits; nothing when not even the machine's size is known.
pub(crate) fn find(own: &Path, mounts: &Path, total: Option<u64>) -> Option<Budget> {
    let text = fs::read_to_string(own).unwrap_or_default();
    let second = cgroup_path(&text, "").and_then(|path| {
        let roots = [mounts.to_path_buf(), mounts.join("unified")];
        let files = ["memory.high", "memory.max"];
        roots
            .iter()
            .filter_map(|root| tightest(root, path, &files))
            .min()
    });
    let first = cgroup_path(&text, "memory")
        .and_then(|path| tightest(&mounts.join("memory"), path, &["memory.limit_in_bytes"]));
    let named = |bytes: Option<u64>, origin| bytes.map(|bytes| Budget { bytes, origin });
    [
        named(second, Origin::CgroupV2),
        named(first, Origin::CgroupV1),
        named(total.map(|total| total / 2), Origin::Machine),
    ]
    .into_iter()
    .flatten()
    .filter(|budget| budget.bytes > 0)
    .min_by_key(|budget| budget.bytes)
}

/// The smallest limit on the way from our cgroup up to the root of the mount.
fn tightest(root: &Path, path: &str, files: &[&str]) -> Option<u64> {
    folders(root, path)
        .flat_map(|folder| files.iter().map(move |file| folder.join(file)))
        .filter_map(|file| limit(&fs::read_to_string(file).ok()?))
        .min()
}

/// The folder of a cgroup and those above it, to the root of the mount.
pub(crate) fn folders(root: &Path, path: &str) -> impl Iterator<Item = PathBuf> {
    let inside = Path::new(path.trim_start_matches('/')).to_path_buf();
    let levels: Vec<PathBuf> = inside
        .ancestors()
        .take(DEPTH)
        .map(|level| root.join(level))
        .collect();
    levels.into_iter()
}

#[cfg(test)]
mod tests;
