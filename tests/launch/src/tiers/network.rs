//! The tier `demo`: the network of thirty hosts as a newcomer sees it, and its report read again.
//!
//! The program itself ends with a bad status when anything does not hold; this judge trusts it
//! with nothing that can be read twice: digests against each other and against the file, counts
//! against what was asked for, the directory gone.

use crate::count::Counting;
use crate::error::Error;
use crate::json::{Flat, flatten};
use crate::step::{Desk, Step};
use std::path::PathBuf;
use std::process::Command;

/// Every name that a report must have.
const NAMES: [&str; 24] = [
    "file.bytes",
    "file.sha256",
    "geometry.data",
    "geometry.parity",
    "hosts.started",
    "hosts.killed",
    "put.seconds",
    "put.mib_per_s",
    "get.sha256",
    "get.seconds",
    "get_after_kill.sha256",
    "get_after_kill.seconds",
    "repair.repaired",
    "repair.audits_checked",
    "repair.get.sha256",
    "restart.shards_expected",
    "restart.shards_found",
    "restart.cheques_expected",
    "restart.cheques_found",
    "settlement.issued",
    "settlement.cashed",
    "settlement.host_balance_delta",
    "host_rss_mib_max",
    "leftover_processes",
];
/// The file that is stored: large enough for several stripes, the same on every machine's run.
const FILE: &str = "holdfast";

/// The steps: run it, judge its report.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let program = desk.place.program("holdfast");
    if !program.exists() {
        return Ok(vec![Step::skip("demo", "there is no program holdfast yet")]);
    }
    let _old = std::fs::remove_file(report_path(desk));
    let file = desk.place.program(FILE).to_string_lossy().into_owned();
    let directory = directory(desk).to_string_lossy().into_owned();
    let report = report_path(desk).to_string_lossy().into_owned();
    let words = [
        "demo", "--exit", "--hosts", "30", "--kill", "20", "--file", &file, "--dir", &directory,
        "--report", &report,
    ];
    Ok(vec![
        Step::program(desk.place, program, &words, Counting::Status).named("holdfast demo"),
        Step::Judge {
            label: "report",
            judge,
        },
    ])
}

fn directory(desk: &Desk<'_>) -> PathBuf {
    desk.place.logs().join("demo")
}

fn report_path(desk: &Desk<'_>) -> PathBuf {
    desk.place.logs().join("demo.json")
}

fn judge(desk: &Desk<'_>) -> Vec<String> {
    let text = match std::fs::read_to_string(report_path(desk)) {
        Ok(text) => text,
        Err(error) => return vec![format!("not written: {error}")],
    };
    let Some(report) = flatten(&text) else {
        return vec!["is not JSON".to_owned()];
    };
    let mut faults = faults(&report);
    let file = desk.place.program(FILE);
    let bytes = std::fs::metadata(&file)
        .map_or(0, |meta| meta.len())
        .to_string();
    faults.extend(differs(&report, "file.bytes", &bytes));
    if let Some(digest) = sha256sum(&file) {
        faults.extend(differs(&report, "file.sha256", &digest));
    }
    if directory(desk).exists() {
        faults.push("the demo left its directory behind".to_owned());
    }
    faults
}

/// What a report says against itself.
fn faults(report: &Flat) -> Vec<String> {
    let missing = NAMES.iter().filter(|name| !report.contains_key(**name));
    let mut faults: Vec<String> = missing.map(|name| format!("{name} is missing")).collect();
    if !faults.is_empty() {
        return faults;
    }
    let value = |name: &str| report.get(name).map(String::as_str).unwrap_or_default();
    faults.extend(differs(report, "get.sha256", value("file.sha256")));
    faults.extend(differs(
        report,
        "get_after_kill.sha256",
        value("file.sha256"),
    ));
    faults.extend(differs(report, "repair.get.sha256", value("file.sha256")));
    faults.extend(differs(
        report,
        "restart.shards_found",
        value("restart.shards_expected"),
    ));
    faults.extend(differs(
        report,
        "restart.cheques_found",
        value("restart.cheques_expected"),
    ));
    let wanted = [
        ("hosts.started", "30"),
        ("hosts.killed", "20"),
        ("geometry.data", "10"),
        ("geometry.parity", "20"),
        ("leftover_processes", "0"),
    ];
    faults.extend(
        wanted
            .iter()
            .filter_map(|(name, wanted)| differs(report, name, wanted)),
    );
    let above_zero = [
        "repair.repaired",
        "repair.audits_checked",
        "restart.shards_expected",
        "restart.cheques_expected",
        "settlement.issued",
        "settlement.cashed",
        "settlement.host_balance_delta",
    ];
    let zero = above_zero.iter().filter(|name| !is_above_zero(value(name)));
    faults.extend(zero.map(|name| format!("{name} is {}, not above zero", value(name))));
    faults
}

fn differs(report: &Flat, name: &str, wanted: &str) -> Option<String> {
    let found = report.get(name).map(String::as_str).unwrap_or_default();
    (found != wanted).then(|| format!("{name} is {found}, expected {wanted}"))
}

/// Money may be a decimal string longer than any integer of ours.
fn is_above_zero(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c == '.')
        && text.chars().any(|c| ('1'..='9').contains(&c))
}

fn sha256sum(path: &std::path::Path) -> Option<String> {
    let output = Command::new("sha256sum").arg(path).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests;
