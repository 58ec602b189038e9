//! The launcher behind `cargo demo` and `cargo verify`: the two commands a newcomer needs.
//!
//! Enters: a word (`demo` or `verify`) and its arguments. Leaves: for `demo` the program itself,
//! which takes this process over; for `verify` one table of tiers, logs under `target/verify`, and
//! as the very last line `N passed, N failed, N skipped`.
//!
//! Invariants: no dependencies, so that both commands start at once on a fresh clone; every cargo
//! call selects the whole workspace with one profile, so that features unify alike and nothing of
//! other people is compiled twice. Deliberately absent: any judgement about the product. Tests
//! judge; this room starts them, counts, and does not let a run that did not happen look green.
#![allow(
    clippy::print_stdout,
    reason = "a command line speaks on standard output"
)]

mod child;
mod count;
mod demo;
mod error;
mod json;
mod need;
mod place;
mod report;
mod step;
mod tiers;
mod verify;

use error::Error;
use place::Place;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo demo [ARGS of `holdfast demo`] | cargo verify [TIER...]";

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("launch: {error}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: Vec<String>) -> Result<ExitCode, Error> {
    let (word, rest) = arguments.split_first().ok_or(Error::Usage(USAGE))?;
    let place = Place::find()?;
    match word.as_str() {
        "demo" => demo::run(&place, rest),
        "verify" => verify::run(&place, rest),
        _ => Err(Error::Usage(USAGE)),
    }
}
