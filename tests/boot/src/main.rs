//! `tests-boot`: images that are built, booted, upgraded and gone back from, in QEMU.
//!
//! Enters: `push` (what every push shows), `all` (the night's too), `figures`, or names of cases;
//! `--again` takes the images and the started disk of the run before, `--alone` one case at a time,
//! `--report` puts what came out into the committed report beside the other cases' last results.
//! Leaves: a line a case, then JSON with what was measured, then `N passed, N failed`. The
//! machine's own console is what is judged. Two cases run at once; a log of every machine stays in
//! its folder below target/image/boot/machines.

mod bench;
mod cases;
mod craft;
mod disk;
#[path = "../../support/owner.rs"]
mod owner;
#[path = "../../support/release.rs"]
mod release;
#[path = "../../support/stage.rs"]
#[allow(dead_code, unused_imports, reason = "other test programs use the rest")]
mod stage;
mod vm;

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{anyhow, bail, ensure};

use crate::bench::Bench;
use crate::cases::{CASES, Case, Figures};
use crate::vm::VARIABLES;

/// Blocks of an epoch of the chain that cases stand on: a term must not begin in one that is over.
const EPOCH_BLOCKS: u64 = 200;
/// Cases at once.
const WORKERS: usize = 2;
/// Where the last result of all cases is kept, for whoever reads the repository.
const REPORT: &str = "tests/boot/report.md";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            say(&format!("FAIL {why:#}\n0 passed, 1 failed"));
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Runs what was asked for; returns how many cases did not hold.
fn run(words: &[String]) -> anyhow::Result<usize> {
    let (options, words): (Vec<_>, Vec<_>) = words
        .iter()
        .map(String::as_str)
        .partition(|word| word.starts_with("--"));
    for option in &options {
        ensure!(
            ["--again", "--alone", "--report"].contains(option),
            "there is no option {option}"
        );
    }
    let chosen = choose(&words)?;
    if chosen.is_empty() {
        for case in &CASES {
            let when = if case.night { "night" } else { "push" };
            say(&format!("{:<18} {when:<6} {}", case.name, case.about));
        }
        return Ok(0);
    }
    needs()?;
    let bench = Bench::new()?;
    let figures = Figures::default();
    let begun = Instant::now();
    if !(options.contains(&"--again") && bench.stands()) {
        prepare(&bench, &figures)?;
    }
    let workers = if options.contains(&"--alone") {
        1
    } else {
        WORKERS
    };
    let lines = perform(&bench, &figures, &chosen, workers);
    figures.note("minutes", begun.elapsed().as_secs_f64() / 60.0);
    let failed = lines.iter().filter(|line| line.starts_with("FAIL")).count();
    let passed = lines.len() - failed + 1;
    if words == ["figures"] {
        figures.take(bench.weights()?);
    }
    let whole = words == ["all"];
    if whole || options.contains(&"--report") {
        report(&lines, &figures, whole)?;
    }
    say(&format!(
        "{}\n{passed} passed, {failed} failed",
        figures.json()
    ));
    Ok(failed)
}

/// Builds the images and starts a fresh disk once.
fn prepare(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    bench.build()?;
    let (seconds, memory) = bench.settle()?;
    say(&format!(
        "ok   a new disk is healthy after {seconds:.1} s with {memory:.0} MiB in use"
    ));
    figures.note("health_seconds", seconds);
    figures.note("idle_mb", memory * 1.048_576);
    Ok(())
}

/// The cases that words name.
fn choose(words: &[&str]) -> anyhow::Result<Vec<&'static Case>> {
    let mut chosen = Vec::new();
    for word in words {
        let before = chosen.len();
        chosen.extend(CASES.iter().filter(|case| match *word {
            "all" => true,
            "push" => !case.night,
            "figures" => case.name != "power-cuts" && case.about.contains("left"),
            name => case.name == name,
        }));
        ensure!(chosen.len() > before, "there is no case {word}");
    }
    Ok(chosen)
}

/// Runs cases, `workers` at once; returns a line for each.
fn perform(
    bench: &Bench,
    figures: &Figures,
    chosen: &[&'static Case],
    workers: usize,
) -> Vec<String> {
    let waiting = Mutex::new(chosen.iter());
    let lines = Mutex::new(Vec::new());
    let next = || waiting.lock().ok()?.next();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let begun = Instant::now();
                    let run = AssertUnwindSafe(|| (case.run)(bench, figures));
                    let done = catch_unwind(run)
                        .unwrap_or_else(|_| Err(anyhow!("it panicked, see above")));
                    let seconds = begun.elapsed().as_secs_f64();
                    let line = match done {
                        Ok(()) => format!("ok   {}: {} ({seconds:.0} s)", case.name, case.about),
                        Err(why) => format!("FAIL {}: {why:#} ({seconds:.0} s)", case.name),
                    };
                    say(&line);
                    if let Ok(mut lines) = lines.lock() {
                        lines.push(line);
                    }
                }
            });
        }
    });
    lines.into_inner().unwrap_or_default()
}

/// What must be installed.
fn needs() -> anyhow::Result<()> {
    let qemu = Command::new("qemu-system-x86_64").arg("--version").output();
    if qemu.is_err() || !Path::new(VARIABLES).exists() {
        bail!("qemu-system-x86 and ovmf are missing: apt-get install qemu-system-x86 ovmf");
    }
    Ok(())
}

/// Keeps results: of the whole set, or beside those that were kept of other cases before.
fn report(lines: &[String], figures: &Figures, whole: bool) -> anyhow::Result<()> {
    let before = std::fs::read_to_string(REPORT).unwrap_or_default();
    let part = |mark: &str| {
        let (_, rest) = before.split_once(mark)?;
        Some(rest.split_once("```")?.0)
    };
    let mut all = BTreeMap::new();
    let mut measured = figures.json();
    if !whole {
        let old = part("```text\n").unwrap_or_default().lines();
        all.extend(old.filter_map(|line| Some((named(line)?, line.to_owned()))));
        let old = serde_json::from_str(part("```json\n").unwrap_or("{}"))?;
        measured = merged(old, measured);
    }
    let fresh = lines.iter();
    all.extend(fresh.filter_map(|line| Some((named(line)?, line.clone()))));
    let lines: Vec<String> = all.into_values().collect();
    let figures = serde_json::to_string_pretty(&measured)?;
    let text = format!(
        "# The last run of every case\n\nWritten by `just boot-all`, and case by case with \
         `--report`: QEMU without KVM, one processor a machine.\n\n```text\n{}\n```\n\n\
         ```json\n{figures}\n```\n",
        lines.join("\n")
    );
    std::fs::write(REPORT, text)?;
    Ok(())
}

/// The case of a line: `ok   NAME: ...` or `FAIL NAME: ...`.
fn named(line: &str) -> Option<String> {
    let (head, _) = line.split_once(':')?;
    head.split_whitespace().nth(1).map(str::to_owned)
}

/// `new` over `old`, object by object.
fn merged(old: serde_json::Value, new: serde_json::Value) -> serde_json::Value {
    match (old, new) {
        (serde_json::Value::Object(mut old), serde_json::Value::Object(new)) => {
            for (name, value) in new {
                let before = old.remove(&name).unwrap_or_default();
                old.insert(name, merged(before, value));
            }
            old.into()
        }
        (_, new) => new,
    }
}
