//! The tiers that cargo's own test harness runs: unit, it, crash, chain, vectors.
//!
//! Unit tests live in the libraries and programs themselves. Every other test program has a name,
//! and the name decides its tier wherever it lives: `tests/<tier>/main.rs` is the tier's own one,
//! a room may keep more in its `tests/` folder. Programs are selected by name across the whole
//! workspace, never by package, so that features unify as they did in the build.

use crate::count::Counting;
use crate::error::Error;
use crate::need;
use crate::place::Place;
use crate::step::{Desk, Step};
use crate::tiers::contracts;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Test programs of rooms by name, with the rooms that have one.
type Programs = BTreeMap<String, BTreeSet<String>>;

/// The rooms whose own test programs belong to the tier `chain`.
const CHAIN_ROOMS: [&str; 2] = ["chain", "devchain"];
/// Shown with every test, so that `skipped: why` of a passing test reaches the count.
const HARNESS: [&str; 2] = ["--", "--show-output"];

/// The units of our programs.
const UNITS: [&str; 5] = [
    "host/daemon/units/holdfastd.service",
    "host/daemon/units/holdfastd@.service",
    "host/daemon/units/holdfast-signer.service",
    "board/daemon/units/board-net.service",
    "board/daemon/units/board-nvme.service",
];

/// Unit and property tests.
pub(super) fn unit(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let mut targets = targets(&programs(&desk.place.root), "unit");
    targets.insert("launch".to_owned());
    let rooms = harness(desk.place, "unit", &["--lib", "--bins"], &targets);
    Ok(vec![rooms, units(desk.place)])
}

/// How far systemd confines our units, where it can be asked: at most 1.5 each, told in tenths.
fn units(place: &Place) -> Step {
    let asked = [
        "security",
        "--offline=true",
        "--no-pager",
        "--threshold=100",
    ];
    if !need::works("systemd-analyze", &[&asked[..], &UNITS[..1]].concat()) {
        return Step::excuse("units", "no systemd-analyze that scores files");
    }
    let asked = ["security", "--offline=true", "--no-pager", "--threshold=15"];
    let words = [&asked[..], &UNITS[..]].concat();
    Step::program(place, "systemd-analyze", &words, Counting::Status).named("units")
}

/// Several processes.
pub(super) fn it(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = tier(desk.place, "it");
    if let Some(why) = need::links(desk)? {
        steps.push(Step::skip("namespaces", why));
    }
    Ok(steps)
}

/// S3 clients of others against the gateway.
pub(super) fn gateway(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let missing = match need::s3_clients(desk)? {
        None => need::database(desk)?,
        why => why,
    };
    if let Some(why) = missing {
        return Ok(vec![Step::skip("gateway", why)]);
    }
    Ok(tier(desk.place, "gateway"))
}

/// Kills and broken devices.
pub(super) fn crash(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = tier(desk.place, "crash");
    if let Some(why) = need::faults(desk)? {
        steps.push(Step::skip("failing drives", why));
    }
    Ok(steps)
}

/// The road to the chain, on the development chain and, for reorganisations, on anvil.
pub(super) fn chain(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let tests = tier(desk.place, "chain").into_iter();
    Ok(match contracts::anvil(desk)? {
        Err(why) => tests.chain([Step::skip("anvil", why)]).collect(),
        Ok((anvil, mut steps)) => {
            steps.extend(tests.map(|step| step.with("HOLDFAST_ANVIL", &anvil)));
            steps
        }
    })
}

/// Golden bytes.
pub(super) fn vectors(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(tier(desk.place, "vectors"))
}

fn tier(place: &Place, name: &str) -> Vec<Step> {
    let mut targets = targets(&programs(&place.root), name);
    let mut steps = Vec::new();
    if place.root.join("tests").join(name).join("main.rs").exists() {
        targets.insert(name.to_owned());
    } else {
        steps.push(Step::skip(
            name,
            format!("tests/{name}/main.rs does not exist"),
        ));
    }
    if !targets.is_empty() {
        steps.push(harness(place, name, &[], &targets));
    }
    steps
}

fn harness(place: &Place, label: &str, more: &[&str], targets: &BTreeSet<String>) -> Step {
    let mut words = vec!["test", "--release", "--workspace", "--exclude", "host-box"];
    words.push("--no-fail-fast");
    words.extend(more);
    words.extend(
        targets
            .iter()
            .flat_map(|target| ["--test", target.as_str()]),
    );
    words.extend(HARNESS);
    Step::cargo(place, label, &words, Counting::Cargo)
}

fn targets(programs: &Programs, tier: &str) -> BTreeSet<String> {
    let own = programs
        .iter()
        .filter(|(name, rooms)| tier_of(name, rooms) == tier);
    own.map(|(name, _)| name.clone()).collect()
}

/// The tier of a room's test program. A name shared by rooms has one tier, because cargo selects
/// by name.
fn tier_of(name: &str, rooms: &BTreeSet<String>) -> &'static str {
    match name {
        "crash" => "crash",
        "chain" => "chain",
        "it" => "it",
        _ if name.ends_with("properties") => "unit",
        _ if name.ends_with("vectors") => "vectors",
        _ if rooms
            .iter()
            .all(|room| CHAIN_ROOMS.contains(&room.as_str())) =>
        {
            "chain"
        }
        _ => "it",
    }
}

/// The test programs that rooms keep themselves: ROOM/tests/NAME.rs or NAME/main.rs.
fn programs(root: &Path) -> Programs {
    let mut programs = Programs::new();
    let floors = ["host", "board"].map(|floor| fs::read_dir(root.join(floor)));
    for room in floors.into_iter().flatten().flatten().flatten() {
        let files = fs::read_dir(room.path().join("tests"))
            .into_iter()
            .flatten()
            .flatten();
        for name in files.filter_map(|file| program_name(&file.path())) {
            let room = room.file_name().to_string_lossy().into_owned();
            programs.entry(name).or_default().insert(room);
        }
    }
    programs
}

fn program_name(path: &Path) -> Option<String> {
    let is_file = path.extension().is_some_and(|ending| ending == "rs");
    (is_file || path.join("main.rs").exists()).then(|| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    })?
}

#[cfg(test)]
mod tests;
