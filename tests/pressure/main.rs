//! `pressure`: a real host in a cgroup that becomes too small for it. It may not be killed for
//! memory, serves what was paid for and proves throughout, and gives memory back afterwards; and
//! `soak HOURS`: clients come and go, and nothing may grow.
//!
//! Enters: words (`--short`, `soak HOURS`, nothing for the whole suite). Leaves: one JSON object on
//! standard output and status 1 when a fact does not hold; where cgroups are not ours to make, one
//! line `skipped: why`. Needs root for the cgroup; a soak needs nothing.
#![expect(clippy::print_stdout, reason = "the report is the product")]

#[path = "../support/stage.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "other tests use the rest of the stage"
)]
mod stage;

mod cage;
mod figures;
mod hog;
mod soak;
mod squeeze;

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

/// Blocks of an epoch: 24 seconds, so that a proof is due in every squeeze.
const EPOCH_BLOCKS: u64 = 60;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["hog", file, mib] => hog::run(file, mib.parse().expect("a number of MiB")),
        ["soak", hours] => {
            let hours: f64 = hours.parse().expect("a number of hours");
            told(&soak::run(Duration::from_secs_f64(hours * 3600.0)))
        }
        rest => {
            let short = rest.contains(&"--short");
            match cage::missing() {
                Some(why) => {
                    println!("skipped: pressure: {why}");
                    ExitCode::SUCCESS
                }
                None => told(&squeeze::run(short)),
            }
        }
    }
}

/// A report and the facts that do not hold in it.
trait Judged: Serialize {
    fn broken(&self) -> &[String];
}

fn told(report: &impl Judged) -> ExitCode {
    let text = serde_json::to_string_pretty(report).expect("figures are JSON");
    println!("{text}");
    ExitCode::from(u8::from(!report.broken().is_empty()))
}
