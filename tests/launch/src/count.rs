//! Counting: what a test program printed, as passed, failed and skipped.
//!
//! Enters: the text of a log. Leaves: [`Tally`]. Invariant: a run that printed no result counts as
//! one failure, because a test that did not run must never look like one that passed. A test that
//! finds out at run time that it cannot run here prints a line `skipped: why`; it is moved from
//! passed to skipped.

use std::fmt;
use std::ops::AddAssign;

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ran and held.
    pub(crate) passed: u64,
    /// Ran and did not hold, or should have run and did not.
    pub(crate) failed: u64,
    /// Did not run, for a printed reason.
    pub(crate) skipped: u64,
}

impl Tally {
    /// One check that held.
    pub(crate) const PASS: Tally = Tally {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    /// One check that did not hold.
    pub(crate) const FAIL: Tally = Tally {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    /// One check that did not run.
    pub(crate) const SKIP: Tally = Tally {
        passed: 0,
        failed: 0,
        skipped: 1,
    };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// How the result of a command is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// The exit status is one check.
    Status,
    /// Lines `test result: ok. 3 passed; 0 failed; 1 ignored; ...` of cargo's test harness.
    Cargo,
    /// Lines `Suite result: ok. 3 passed; 0 failed; 0 skipped; ...` of forge.
    Forge,
    /// A last line `3 passed, 0 failed`.
    Tail,
}

/// Reads a log. `success` is whether the command ended with status 0: when it did not, at least
/// one failure is counted whatever was printed.
pub(crate) fn tally(counting: Counting, text: &str, success: bool) -> Tally {
    let mut sum = match counting {
        Counting::Status => return if success { Tally::PASS } else { Tally::FAIL },
        Counting::Cargo => harness(text),
        Counting::Forge => suites(text, "Suite result: "),
        Counting::Tail => text.lines().rev().find_map(tail).unwrap_or_default(),
    };
    let silent = sum == Tally::default();
    if sum.failed == 0 && (silent || !success) {
        sum.failed = 1;
    }
    sum
}

fn harness(text: &str) -> Tally {
    let mut sum = suites(text, "test result: ");
    let told = text
        .lines()
        .filter(|line| line.starts_with("skipped: "))
        .count() as u64;
    let moved = told.min(sum.passed);
    sum.passed -= moved;
    sum.skipped += moved;
    sum
}

fn suites(text: &str, prefix: &str) -> Tally {
    let mut sum = Tally::default();
    for line in text.lines() {
        if let Some((_, rest)) = line.trim_start().split_once(prefix) {
            let (_, counts) = rest.split_once(". ").unwrap_or(("", rest));
            sum += Tally {
                passed: number_before(counts, "passed"),
                failed: number_before(counts, "failed"),
                skipped: number_before(counts, "ignored") + number_before(counts, "skipped"),
            };
        }
    }
    sum
}

fn tail(line: &str) -> Option<Tally> {
    let counts = [number_before(line, "passed"), number_before(line, "failed")];
    let whole = line.starts_with(&format!("{} passed, {} failed", counts[0], counts[1]));
    whole.then_some(Tally {
        passed: counts[0],
        failed: counts[1],
        skipped: number_before(line, "skipped"),
    })
}

/// The number that stands right before a word, 0 when the word is not there.
fn number_before(text: &str, word: &str) -> u64 {
    let mut before = "";
    for part in text.split([' ', ';', ',']).filter(|part| !part.is_empty()) {
        if part == word {
            return before.parse().unwrap_or(0);
        }
        before = part;
    }
    0
}

#[cfg(test)]
mod tests;
