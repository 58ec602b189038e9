//! The table of tiers: what `cargo verify` runs, in which order, and how long it may take.
//!
//! A tier is a plan: a function from the desk to steps. The limits are several times the budget
//! that docs/ARCHITECTURE.md states, because a slow machine is no failure and a hanging one is.

mod boot;
mod browser;
mod contracts;
mod machine;
mod network;
mod rooms;
mod sim;
mod tidy;

use crate::count::Counting;
use crate::demo::BUILD_PROGRAMS;
use crate::error::Error;
use crate::step::{Desk, Step};
use std::collections::BTreeSet;

/// One kind of test.
#[derive(Debug)]
pub(crate) struct Tier {
    /// The word on the command line.
    pub(crate) name: &'static str,
    /// What it shows, for the list.
    pub(crate) about: &'static str,
    /// Its limit.
    pub(crate) minutes: u64,
    /// Whether it starts our own programs, so that they must have been built.
    pub(crate) programs: bool,
    /// Its steps.
    pub(crate) plan: fn(&Desk<'_>) -> Result<Vec<Step>, Error>,
}

const fn tier(
    name: &'static str,
    about: &'static str,
    minutes: u64,
    programs: bool,
    plan: fn(&Desk<'_>) -> Result<Vec<Step>, Error>,
) -> Tier {
    Tier {
        name,
        about,
        minutes,
        programs,
        plan,
    }
}

/// All tiers, in their order.
pub(crate) static TIERS: [Tier; 14] = [
    tier(
        "build",
        "every program and test program, nothing twice",
        60,
        false,
        build,
    ),
    tier(
        "unit",
        "unit and property tests of every room",
        15,
        false,
        rooms::unit,
    ),
    tier(
        "tidy",
        "format, lints, structure, licences and advisories",
        20,
        false,
        tidy::plan,
    ),
    tier(
        "it",
        "several processes with each other",
        15,
        true,
        rooms::it,
    ),
    tier(
        "crash",
        "kill -9, torn and lost writes, nothing acknowledged lost",
        15,
        true,
        rooms::crash,
    ),
    tier(
        "machine",
        "neighbour tables, memory and drives in trouble (root)",
        25,
        true,
        machine::plan,
    ),
    tier(
        "contracts",
        "Solidity: artefacts, unit, fuzz, invariants",
        15,
        false,
        contracts::plan,
    ),
    tier(
        "chain",
        "cheques and vaults on the development chain",
        15,
        true,
        rooms::chain,
    ),
    tier(
        "vectors",
        "golden bytes, from others and our own",
        5,
        false,
        rooms::vectors,
    ),
    tier(
        "sim",
        "whole networks in virtual time, one a seed",
        15,
        true,
        sim::plan,
    ),
    tier(
        "demo",
        "the demo with its own report, judged again",
        10,
        true,
        network::plan,
    ),
    tier(
        "gateway",
        "aws, rclone, restic and curl against the S3 gateway; kill -9 of it",
        15,
        true,
        rooms::gateway,
    ),
    tier(
        "browser",
        "the dashboard in headless Chromium, with screenshots",
        10,
        true,
        browser::plan,
    ),
    tier(
        "boot",
        "the image in a virtual machine: boots, upgrades, comes back from bad versions",
        40,
        true,
        boot::plan,
    ),
];

/// The selection that builds every test program; that of `host-box` is `holdfast`'s own.
const BUILD_TESTS: [&str; 7] = [
    "test",
    "--release",
    "--workspace",
    "--exclude",
    "host-box",
    "--tests",
    "--no-run",
];

fn build(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    Ok(vec![
        Step::cargo(desk.place, "programs", &BUILD_PROGRAMS, Counting::Status),
        Step::cargo(desk.place, "test programs", &BUILD_TESTS, Counting::Status),
        Step::Judge {
            label: "nothing built twice",
            judge: built_twice,
        },
    ])
}

/// The two selections of the build must unify features alike: a crate of others that is compiled
/// for the programs and again for the tests costs every newcomer minutes.
fn built_twice(desk: &Desk<'_>) -> Vec<String> {
    twice(&std::fs::read_to_string(&desk.log).unwrap_or_default())
}

fn twice(log: &str) -> Vec<String> {
    let mut commands = log.split("\n$ ");
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for compiled in commands.by_ref().map(compiled_of_others) {
        faults.extend(
            compiled
                .intersection(&seen)
                .map(|name| format!("{name} was compiled again")),
        );
        seen.extend(compiled);
    }
    faults
}

fn compiled_of_others(log: &str) -> BTreeSet<String> {
    log.lines()
        .filter_map(|line| line.trim_start().strip_prefix("Compiling "))
        .filter(|name| !name.contains('('))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
