//! The tier `sim`: seeds of whole networks in virtual time (tests/sim). Many small ones, a few wide
//! ones, some of them twice to see that a seed repeats, and some without flushes to see that the
//! run would notice. A slow machine runs fewer seeds and says how many.

use crate::count::Counting;
use crate::error::Error;
use crate::step::{Desk, Step};

/// What is run: a label and the words.
const RUNS: [(&str, &[&str]); 4] = [
    ("300 seeds of 12 hosts", &["300", "--within", "240"]),
    (
        "10 seeds of 100 hosts",
        &[
            "10",
            "--hosts",
            "100",
            "--renters",
            "6",
            "--faults",
            "30",
            "--within",
            "90",
        ],
    ),
    (
        "10 seeds go the same way twice",
        &["10", "--first", "1000", "--twice"],
    ),
    (
        "a missing flush is seen",
        &["20", "--first", "2000", "--ignore-flush", "--until-broken"],
    ),
];

/// The steps.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let program = desk.place.program("tests-sim");
    let run = |(label, words): &(&'static str, &[&str])| {
        Step::program(desk.place, &program, words, Counting::Status).named(label)
    };
    Ok(RUNS.iter().map(run).collect())
}
