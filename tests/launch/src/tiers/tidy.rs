//! The tier `tidy`: format, lints, the structure of the repository, licences and advisories.
//!
//! The advisory database is the only thing a run may lack without failing: without a network and
//! without HOLDFAST_ADVISORY_DB (a git repository or bundle of it) the step says so and is counted
//! as skipped, also where CI is set.

use crate::child;
use crate::count::Counting;
use crate::error::Error;
use crate::need;
use crate::step::{Desk, Step};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DATABASE: &str = "https://github.com/rustsec/advisory-db";
/// How cargo-deny names its copy of the database: the hash of the address above.
const DATABASE_FOLDER: &str = "advisory-db-3157b0e258782691";

/// The steps, each with its tool or the reason it is missing.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = vec![
        match need::component(desk, "fmt", "rustfmt")? {
            None => Step::cargo(
                desk.place,
                "format",
                &["fmt", "--all", "--check"],
                Counting::Status,
            ),
            Some(why) => Step::excuse("format", why),
        },
        match need::component(desk, "clippy", "clippy")? {
            None => Step::cargo(desk.place, "clippy", &CLIPPY, Counting::Status),
            Some(why) => Step::excuse("clippy", why),
        },
        Step::cargo(desk.place, "structure", &STRUCTURE, Counting::Tail),
    ];
    match need::deny(desk)? {
        Err(why) => steps.push(Step::skip("deny", why)),
        Ok(deny) => steps.extend(deny_steps(desk, &deny)?),
    }
    Ok(steps)
}

const CLIPPY: [&str; 8] = [
    "clippy",
    "--release",
    "--workspace",
    "--all-targets",
    "--quiet",
    "--",
    "-D",
    "warnings",
];
const STRUCTURE: [&str; 5] = ["run", "--release", "--quiet", "--bin", "tests-tidy"];

fn deny_steps(desk: &Desk<'_>, deny: &Path) -> Result<Vec<Step>, Error> {
    let words = ["--workspace", "check", "bans", "licenses", "sources"];
    let own = Step::program(desk.place, deny, &words, Counting::Status).named("licences");
    let advisories = match database(desk)? {
        Ok(config) => {
            let config = config.to_string_lossy().into_owned();
            let words = [
                "--offline",
                "--workspace",
                "--config",
                &config,
                "check",
                "advisories",
            ];
            Step::program(desk.place, deny, &words, Counting::Status).named("advisories")
        }
        Err(why) => Step::excuse("advisories", why),
    };
    Ok(vec![own, advisories])
}

/// Gets the advisory database into the build directory and writes a configuration that names it.
fn database(desk: &Desk<'_>) -> Result<Result<PathBuf, String>, Error> {
    let folder = desk.place.out.join("tools").join("advisories");
    let copy = folder.join(DATABASE_FOLDER);
    let given = std::env::var("HOLDFAST_ADVISORY_DB").ok();
    let source = given.as_deref().unwrap_or(DATABASE);
    let _fresh = fs::remove_dir_all(&copy);
    if !clone(desk, source, &copy)? {
        return Ok(Err(format!(
            "the advisory database cannot be had from {source}"
        )));
    }
    let path = desk.place.root.join(".deny.toml");
    let text = fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
    let config = desk.place.logs().join("deny.toml");
    let text = text.replace(
        "[advisories]",
        &format!(
            "[advisories]\ndb-path = {:?}\ndb-urls = [{DATABASE:?}]",
            folder.display()
        ),
    );
    fs::write(&config, text).map_err(|source| Error::File {
        path: config.clone(),
        source,
    })?;
    Ok(Ok(config))
}

/// A shallow clone, with the FETCH_HEAD from which cargo-deny reads the age of its copy.
fn clone(desk: &Desk<'_>, source: &str, copy: &Path) -> Result<bool, Error> {
    let mut command = Command::new("git");
    command
        .args(["clone", "--quiet", "--branch", "main", source])
        .arg(copy);
    command.env("GIT_TERMINAL_PROMPT", "0");
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(180);
    if !child::run(command, &desk.log, desk.deadline.min(limit))?.success {
        return Ok(false);
    }
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(copy)
        .args(["fetch", "--quiet", "origin"]);
    Ok(child::run(command, &desk.log, desk.deadline.min(limit))?.success)
}
