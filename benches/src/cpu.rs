//! Rates by processor time of this thread instead of wall time: what another program takes in the
//! meantime does not count, so a busy machine blurs them less. Caches are still shared.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

/// Work between two looks at the account, which themselves cost some microseconds.
const BATCH: Duration = Duration::from_millis(10);

/// How often a CPU second the work is done, repeated until `least` seconds of processor time have
/// passed. Where the kernel keeps no such account, wall time.
pub fn rate(least: f64, mut work: impl FnMut()) -> f64 {
    let wall = Instant::now();
    let start = seconds();
    let mut count = 0.0;
    loop {
        let batch = Instant::now();
        while count == 0.0 || batch.elapsed() < BATCH {
            work();
            count += 1.0;
        }
        let passed = match (start, seconds()) {
            (Some(start), Some(now)) => now - start,
            _ => wall.elapsed().as_secs_f64(),
        };
        if passed >= least && passed > 0.0 {
            return count / passed;
        }
    }
}

/// Processor seconds of this thread so far, by the scheduler's last look at it (a few
/// milliseconds ago at most). Source: /proc/thread-self/schedstat, first number, nanoseconds.
fn seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos / 1e9)
}

/// CPU time of all threads of this process that live now. Source: /proc/PID/task/TID/schedstat,
/// whose first figure is nanoseconds on a processor.
pub fn process() -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for task in std::fs::read_dir("/proc/self/task").context("/proc/self/task")? {
        let path = task?.path().join("schedstat");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).context("this kernel keeps no schedstat"),
        };
        let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
        let nanos: f64 = nanos.ok_or_else(|| anyhow!("schedstat reads {text:?}"))?;
        sum += nanos / 1e9;
    }
    Ok(sum)
}
