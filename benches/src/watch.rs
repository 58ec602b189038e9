//! Question: what does it cost to watch the machine?
//!
//! Unit: percent of one core and MiB of anonymous memory, against the budget of 0.2 % and 3 MiB for
//! all watchers together: neighbour tables and memory each second, a line of the black box each ten,
//! a point of history each minute. Steps run back to back while their clock says a second each;
//! on-processor time of all threads is read from schedstat. Machine: any with Linux; the figure
//! grows with the entries of the own neighbour tables and the number of processors.
//!
//! Expected: two netlink messages and five small files, 0.2 to 0.5 ms a step: 0.02 to 0.05 %. Two
//! buffers of 64 KiB, a thread, the points of slopes: half a MiB. Measure it alone for the memory:
//! pages that an earlier measurement left in the allocator hide it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use board_watch::{Level, Now, Options, Said, Watch};

use crate::rows::{Goal, Report, Row};
use crate::volume;

/// Percent of a core and MiB that all watchers may take.
const CORE: f64 = 0.2;
const MEMORY: f64 = 3.0;
/// Ten minutes of steps.
const STEPS: u64 = 600;

/// Measures all watchers; `quick` runs a tenth of the steps once.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let dir = volume::scratch(dir)?;
    let (steps, rounds) = if quick { (STEPS / 10, 1) } else { (STEPS, 5) };
    let mut core = Vec::new();
    let mut memory = Vec::new();
    for round in 0..rounds {
        let state = dir.path().join(format!("watch-{round}"));
        let (percent, mib) = watched(&state, steps)?;
        core.push((percent, CORE));
        memory.push((mib, MEMORY));
    }
    // The first round alone begins without pages of its own in the allocator.
    memory.truncate(1);
    let goal = Goal::AtMost(1.0);
    let rows = [
        Row::new("all watchers, processor / budget", "% core", &core, goal),
        Row::new("all watchers, memory / budget", "MiB", &memory, goal),
    ];
    report.rows.extend(rows);
    Ok(report)
}

/// Percent of a core, MiB.
fn watched(state: &Path, steps: u64) -> anyhow::Result<(f64, f64)> {
    let before = anonymous()?;
    let now = |second: u64| Now {
        mono: Duration::from_secs(second),
        unix_s: 1_700_000_000 + second,
    };
    let options = Options {
        pstore: Vec::new(),
        ..Options::new(state.to_path_buf())
    };
    let (mut watch, _past) = Watch::open(options, now(0));
    let mut highest = Level::Calm;
    let start = on_processor()?;
    for second in 1..=steps {
        let step = watch.step(now(second), Said::default());
        highest = highest.max(step.level);
    }
    let spent = on_processor()?.saturating_sub(start);
    let held = anonymous()?.saturating_sub(before);
    let lost = watch.lost_entries();
    watch.close(now(steps + 1));
    anyhow::ensure!(
        lost < steps / 20,
        "the drive took too few lines: {lost} lost"
    );
    anyhow::ensure!(highest < Level::Restart, "the machine is exhausted");
    let percent = spent.as_secs_f64() / Duration::from_secs(steps).as_secs_f64() * 100.0;
    Ok((percent, f64::from(held) / 1024.0))
}

/// Time all our threads have spent on a processor.
fn on_processor() -> anyhow::Result<Duration> {
    let mut total = 0_u64;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
        total += nanos.unwrap_or(0_u64);
    }
    anyhow::ensure!(total > 0, "the kernel keeps no schedstat");
    Ok(Duration::from_nanos(total))
}

/// Our anonymous memory in KiB.
fn anonymous() -> anyhow::Result<u32> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let word = line.and_then(|line| line.split_whitespace().next());
    Ok(word.context("no RssAnon")?.parse()?)
}
