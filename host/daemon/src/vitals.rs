//! What a running host knows of itself beyond its ledger: since when it runs, when the chain last
//! answered, how many volumes it should have, what the process takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use host_core::pressure::Pressure;
use tokio::sync::watch;

use crate::machine::LastLook;
use crate::prover::ProofBook;
use crate::scrub::DriveBook;

/// Facts of this run.
#[derive(Debug)]
pub struct Vitals {
    started: SystemTime,
    begun: Instant,
    /// Milliseconds after `begun` when the chain last answered, plus one; 0 for never.
    answered: AtomicU64,
    /// Volumes the configuration names.
    pub volumes_configured: usize,
    /// Whether the key file is sealed by a passphrase.
    pub key_sealed: bool,
    /// What the watchdogs of the machine saw last.
    pub machine: LastLook,
    /// Where the storage proofs stand.
    pub proofs: ProofBook,
    /// What is known of the drives.
    pub drives: DriveBook,
    pressure: watch::Receiver<Pressure>,
}

impl Vitals {
    /// The facts of a run that begins now.
    #[must_use]
    pub fn begin(
        volumes_configured: usize,
        key_sealed: bool,
        pressure: watch::Receiver<Pressure>,
    ) -> Self {
        Self {
            started: SystemTime::now(),
            begun: Instant::now(),
            answered: AtomicU64::new(0),
            volumes_configured,
            key_sealed,
            machine: LastLook::default(),
            drives: DriveBook::default(),
            proofs: ProofBook::default(),
            pressure,
        }
    }

    /// Notes that the chain answered.
    pub fn chain_answered(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered
            .store(since.saturating_add(1), Ordering::Relaxed);
    }

    /// How long the chain has been silent; none when it never answered.
    #[must_use]
    pub fn chain_silence(&self) -> Option<Duration> {
        let at = self.answered.load(Ordering::Relaxed).checked_sub(1)?;
        Some(
            self.begun
                .elapsed()
                .saturating_sub(Duration::from_millis(at)),
        )
    }

    /// How long the host has been running, by a clock that never jumps.
    #[must_use]
    pub fn running(&self) -> Duration {
        self.begun.elapsed()
    }

    /// When the host was started, seconds since 1970.
    #[must_use]
    pub fn started_seconds(&self) -> u64 {
        seconds(self.started)
    }

    /// What the watchdogs say now.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        *self.pressure.borrow()
    }
}

/// Seconds since 1970 by the wall clock, for what people read and what expires by date.
#[must_use]
pub fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Seconds since 1970 as people write them, RFC 3339.
#[must_use]
pub fn date(seconds: u64) -> String {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    at.map_or_else(
        || "the end of time".into(),
        |at| humantime::format_rfc3339_seconds(at).to_string(),
    )
}

/// What the process takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    /// Resident bytes.
    pub resident: u64,
    /// Processor seconds, in user and kernel.
    pub cpu_seconds: f64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// Clock ticks a second in /proc: 100 on every Linux of our targets.
const TICKS: f64 = 100.0;
/// Bytes of a page, as /proc counts resident memory.
const PAGE: u64 = 4096;

impl Process {
    /// Reads this process; what cannot be read is zero.
    #[must_use]
    pub fn read() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self {
            resident: resident_of(&statm),
            cpu_seconds: cpu_of(&stat),
            descriptors: u64::try_from(descriptors).unwrap_or(0),
        }
    }
}

/// Resident bytes from `/proc/PID/statm`: its second number, in pages.
fn resident_of(statm: &str) -> u64 {
    let pages = statm.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    pages.map_or(0, |pages: u64| pages.saturating_mul(PAGE))
}

/// Processor seconds from `/proc/PID/stat`: utime and stime, the 12th and 13th after the name.
fn cpu_of(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|n| n.parse::<f64>().ok()).sum();
    ticks / TICKS
}

#[cfg(test)]
mod tests;
