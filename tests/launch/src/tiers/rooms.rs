//! The tiers that cargo's own test harness runs: unit, it, crash, chain, vectors.
//!
//! One integration program a tier lives in `tests/<tier>/main.rs`; a room may keep further ones in
//! its own `tests/` folder, which run with `chain` for the chain rooms and with `it` for all
//! others. Targets are selected by name across the whole workspace, never by package, so that
//! features unify as they did in the build.

use crate::count::Counting;
use crate::error::Error;
use crate::place::Place;
use crate::step::{Desk, Step};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The rooms whose own integration programs belong to the tier `chain`.
const CHAIN_ROOMS: [&str; 2] = ["chain", "devchain"];
/// Shown with every test, so that `skipped: why` of a passing test reaches the count.
const HARNESS: [&str; 2] = ["--", "--show-output"];

/// Unit and property tests: they live in the libraries and programs themselves.
pub(super) fn unit(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let mut words = vec![
        "test",
        "--release",
        "--workspace",
        "--lib",
        "--bins",
        "--no-fail-fast",
    ];
    words.extend(HARNESS);
    Ok(vec![Step::cargo(
        desk.place,
        "unit",
        &words,
        Counting::Cargo,
    )])
}

/// Several processes.
pub(super) fn it(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(tier(
        desk.place,
        "it",
        &room_programs(&desk.place.root, |room| !is_chain(room)),
    ))
}

/// Kills and broken devices.
pub(super) fn crash(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(tier(desk.place, "crash", &BTreeSet::new()))
}

/// The development chain.
pub(super) fn chain(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(tier(
        desk.place,
        "chain",
        &room_programs(&desk.place.root, is_chain),
    ))
}

/// Golden bytes.
pub(super) fn vectors(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(tier(desk.place, "vectors", &BTreeSet::new()))
}

fn is_chain(room: &str) -> bool {
    CHAIN_ROOMS.contains(&room)
}

fn tier(place: &Place, name: &str, rooms: &BTreeSet<String>) -> Vec<Step> {
    let mut targets = rooms.clone();
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
        let mut words = vec!["test", "--release", "--workspace", "--no-fail-fast"];
        words.extend(
            targets
                .iter()
                .flat_map(|target| ["--test", target.as_str()]),
        );
        words.extend(HARNESS);
        steps.push(Step::cargo(place, name, &words, Counting::Cargo));
    }
    steps
}

/// The integration programs that rooms keep themselves: host/ROOM/tests/NAME.rs or NAME/main.rs.
fn room_programs(root: &Path, wanted: fn(&str) -> bool) -> BTreeSet<String> {
    let rooms = fs::read_dir(root.join("host"))
        .into_iter()
        .flatten()
        .flatten();
    let rooms = rooms.filter(|room| wanted(&room.file_name().to_string_lossy()));
    let files = rooms.flat_map(|room| {
        fs::read_dir(room.path().join("tests"))
            .into_iter()
            .flatten()
    });
    files
        .flatten()
        .filter_map(|file| program_name(&file.path()))
        .collect()
}

fn program_name(path: &Path) -> Option<String> {
    let is_program = path.extension().is_some_and(|ext| ext == "rs")
        && path.parent()?.parent()?.join("Cargo.toml").exists();
    (is_program || path.join("main.rs").exists()).then(|| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    })?
}
