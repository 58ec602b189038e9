//! What a person reads of a run: a line a tier, the end of what failed, the closing line.

use crate::count::Tally;
use std::time::Duration;

/// How many lines of a failed command are shown.
const TAIL: usize = 60;

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

/// Prints the end of what a failed command wrote.
pub(crate) fn tail(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(TAIL)) {
        println!("    {line}");
    }
}

/// Prints the total time and then, last of all, the line that says it all.
pub(crate) fn closing(sum: Tally, took: Duration) {
    println!("total      {:.1} s", took.as_secs_f64());
    println!("{sum}");
}
