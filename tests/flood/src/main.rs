//! `tests-flood`: twelve network namespaces overflow the kernel's neighbour table while `ip neigh`
//! in ours shows nothing: watched only, with the ladder acting, acting through `board-net`, and
//! acting on a burst. `--short` does the run through `board-net` alone.
//!
//! Enters: nothing (root in the machine's first network namespace). Leaves: one JSON object on
//! standard output: for each run `table_fulls`, `live_peers_kept`, `seconds_to_cause` and what they
//! were judged by; status 1 when a fact does not hold; without root one line `skipped: why`.
//!
//! The table is the machine's own, so other programs feel the control run for about six seconds;
//! thresholds and namespaces are put back whatever ends the program ([`ground`]).
#![expect(clippy::print_stdout, reason = "the report is the product")]

mod ground;
mod peers;
mod run;
mod storm;
mod unit;

use anyhow::Context;
use serde::Serialize;
use std::process::ExitCode;

/// The runs and whether the facts hold.
#[derive(Debug, Serialize)]
struct Report {
    control: run::Figures,
    ladder: run::Figures,
    units: run::Figures,
    burst: run::Figures,
    broken: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    if let Some(why) = ground::missing() {
        println!("skipped: flood: {why}");
        return Ok(ExitCode::SUCCESS);
    }
    // The table is the machine's: two suites at once would judge each other's storms.
    let alone = std::env::temp_dir().join("holdfast-flood.lock");
    let alone = std::fs::File::create(&alone).context("the lock of the suite")?;
    alone.lock().context("the lock of the suite")?;
    let way = |acting, burst| run::Way {
        acting,
        burst,
        units: false,
    };
    let through_units = run::Way {
        units: true,
        ..way(true, false)
    };
    if std::env::args().any(|word| word == "--short") {
        return short(run::run(through_units).context("through board-net")?);
    }
    let control = run::run(way(false, false)).context("without the ladder")?;
    let ladder = run::run(way(true, false)).context("with the ladder")?;
    let units = run::run(through_units).context("through board-net")?;
    let burst = run::run(way(true, true)).context("with the ladder in a burst")?;
    let mut broken = broken(&control, &ladder, &burst);
    broken.extend(broken_units(&units));
    let status = if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    let report = Report {
        control,
        ladder,
        units,
        burst,
        broken,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(status)
}

/// The run through `board-net` alone: its figures and what does not hold.
fn short(units: run::Figures) -> anyhow::Result<ExitCode> {
    let broken = broken_units(&units);
    let status = if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    };
    let report = serde_json::json!({ "units": units, "broken": broken });
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(status)
}

/// What does not hold of the run through `board-net`. On a slow machine the storm may stay below
/// what overflows; then there is nothing to widen and nothing is refused.
fn broken_units(units: &run::Figures) -> Vec<String> {
    let refused = units.table_fulls_once_acting.unwrap_or(units.table_fulls);
    let facts = [
        (
            refused == 0,
            "nothing is refused once board-net has widened",
        ),
        (
            units.live_peers_kept == units.live_peers,
            "board-net's widening keeps every live peer",
        ),
    ];
    let failed = facts.iter().filter(|(holds, _)| !holds);
    failed.map(|(_, fact)| format!("not so: {fact}")).collect()
}

/// The facts that do not hold, in words.
fn broken(control: &run::Figures, ladder: &run::Figures, burst: &run::Figures) -> Vec<String> {
    let in_time = |figures: &run::Figures| {
        let seconds = figures.seconds_to_cause;
        seconds.is_some_and(|seconds| seconds <= 2.0)
    };
    let facts = [
        (control.table_fulls > 0, "the control run overflows"),
        (
            control.neighbours_shown <= control.live_peers + 1,
            "ip neigh shows our live peers alone",
        ),
        (
            in_time(control),
            "the cause is named within 2 s of the first refusal",
        ),
        (
            control.cause.contains("other network namespaces"),
            "the cause names other namespaces",
        ),
        (
            ladder.table_fulls_once_acting == Some(0),
            "nothing is refused once the ladder acts",
        ),
        (
            in_time(ladder),
            "with the ladder the cause is named within 2 s",
        ),
        (
            ladder.live_peers_kept == ladder.live_peers,
            "the ladder keeps every live peer",
        ),
        (burst.table_fulls > 0, "a burst overflows"),
        (in_time(burst), "the cause of a burst is named within 2 s"),
        (
            burst.table_fulls_once_acting == Some(0),
            "nothing is refused once the ladder acts on a burst",
        ),
        (
            burst.live_peers_kept == burst.live_peers,
            "every live peer answers after a burst",
        ),
    ];
    let failed = facts.iter().filter(|(holds, _)| !holds);
    failed.map(|(_, fact)| format!("not so: {fact}")).collect()
}
