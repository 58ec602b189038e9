//! How busy the machine was while something was measured: the share of time in which at least one
//! task waited for a processor (ours count too). A figure taken at 5 % and one taken at 60 % are
//! not the same figure; the reader of a table should see which it is.

use std::time::Instant;

/// A measurement under way.
pub struct Busy {
    start: Instant,
    waited: Option<f64>,
}

impl Busy {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            waited: waited(),
        }
    }

    /// Per cent of the time since then; none where the kernel keeps no such account.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let passed = self.start.elapsed().as_secs_f64() * 1e6;
        Some((waited()? - self.waited?) / passed * 100.0)
    }
}

/// Microseconds since boot in which some task waited. Source: /proc/pressure/cpu, line `some`.
fn waited() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    let some = text.lines().find(|line| line.starts_with("some"))?;
    some.rsplit_once("total=")?.1.parse().ok()
}
