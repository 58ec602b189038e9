//! Facts of the machine that change slowly: load, tasks that cannot be ended, size and kernel.
//!
//! Enters: /proc and what `sysinfo` reads. Leaves: numbers, absent where they cannot be read.
//! The tasks are looked through only when the load says that some wait: each file costs about
//! 15 us, and a task that waits for good shows in the load within a minute.

use std::fs;
use std::path::Path;

use sysinfo::System;

/// Tasks looked at in one scan.
const TASKS: usize = 8_192;
/// Load in hundredths from which on the tasks are looked through.
const WORTH: u64 = 50;

/// What does not change while the machine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's release, as `uname -r` says.
    pub kernel: Option<String>,
    /// The system's name and version.
    pub system: Option<String>,
    /// Threads the machine can run at once; 0 when unknown.
    pub cores: usize,
    /// Bytes of memory; 0 when unknown.
    pub memory: u64,
    /// Bytes of swap.
    pub swap: u64,
}

impl Machine {
    /// Reads the facts; about a millisecond.
    #[must_use]
    pub fn read() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_memory();
        }
        let system = system.as_ref();
        Self {
            kernel: System::kernel_version().ok(),
            system: System::long_os_version().ok(),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory: system.map_or(0, System::total_memory),
            swap: system.map_or(0, System::total_swap),
        }
    }
}

/// The load of the last minute in hundredths; nothing when it is no number.
#[must_use]
pub fn load_hundredths() -> Option<u64> {
    let load = System::load_average().ok()?.one;
    let sane = load.is_finite() && (0.0..1e6).contains(&load);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be within 0 and a million"
    )]
    let hundredths = (load * 100.0) as u64;
    sane.then_some(hundredths)
}

/// Processes in uninterruptible sleep, which no signal ends: usually they wait for a drive. 0
/// without a look when `load` is low.
#[must_use]
pub fn stuck_tasks(proc: &Path, load: Option<u64>) -> Option<u64> {
    if load.is_some_and(|load| load < WORTH) {
        return Some(0);
    }
    let entries = fs::read_dir(proc).ok()?;
    let stuck = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
        .take(TASKS)
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| state(stat) == Some('D'))
        .count();
    u64::try_from(stuck).ok()
}

/// The state in `pid (name) state ...`; the name may hold anything, brackets too.
fn state(stat: &str) -> Option<char> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next()
}

#[cfg(test)]
mod tests;
