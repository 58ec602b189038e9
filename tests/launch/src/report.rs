//! What a person reads of a run: a line a tier, the end of what failed, the closing line.

use crate::count::Tally;
use std::time::Duration;

/// How many lines of a failed command are shown when it names no test.
const TAIL: usize = 60;

/// How many lines of failed tests are shown for one command.
const FAULTS: usize = 240;

/// Prints the line of a tier, and below it what was found.
pub(crate) fn tier(name: &str, sum: Tally, took: Duration, lines: &[String]) {
    let word = match sum {
        Tally { failed: 1.., .. } => "FAILED",
        Tally { passed: 0, .. } => "skipped",
        _ => "ok",
    };
    println!("{name:<10} {word:<8} {:>7.1} s   {sum}", took.as_secs_f64());
    for line in lines {
        println!("{:<10} {line}", "");
    }
}

/// Prints what a failed command wrote: of cargo's test harness what its failed tests printed and
/// their names, of everything else the end.
pub(crate) fn failure(text: &str) {
    let mut lines = faults(text);
    let mut most = FAULTS;
    if lines.is_empty() {
        (lines, most) = (text.lines().collect(), TAIL);
    }
    for line in lines.iter().skip(lines.len().saturating_sub(most)) {
        println!("    {line}");
    }
}

/// The lines between `failures:` and the failed result of each test program. With several programs
/// in one log the end of the log tells of the last one alone, which may well have passed.
fn faults(text: &str) -> Vec<&str> {
    let mut told = Vec::new();
    let mut block = None;
    for line in text.lines() {
        if line == "failures:" && block.is_none() {
            block = Some(Vec::new());
        }
        if let Some(lines) = &mut block {
            lines.push(line);
        }
        if line.starts_with("test result: ") {
            told.extend(block.take().into_iter().flatten());
        }
    }
    told
}

/// Prints the total time and then, last of all, the line that says it all.
pub(crate) fn closing(sum: Tally, took: Duration) {
    println!("total      {:.1} s", took.as_secs_f64());
    println!("{sum}");
}

#[cfg(test)]
mod tests;
