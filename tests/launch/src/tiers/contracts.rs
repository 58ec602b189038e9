//! The tier `contracts`: what is committed as artefact is what the sources give, and the contracts
//! hold their own tests. Needs node; the compiler and the test runner come with `npm ci`.

use crate::count::Counting;
use crate::error::Error;
use crate::need;
use crate::step::{Desk, Step};
use std::fs;
use std::path::{Path, PathBuf};

/// The steps: packages where they are missing or old, artefacts, tests.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    let folder = desk.place.root.join("host").join("solidity");
    if !folder.join("build.mjs").exists() {
        return Ok(vec![Step::skip(
            "contracts",
            "host/solidity has no build.mjs",
        )]);
    }
    if let Some(why) = need::node(desk)? {
        return Ok(vec![Step::skip("contracts", why)]);
    }
    let script = folder.join("build.mjs").to_string_lossy().into_owned();
    let mut steps = packages(desk, &folder);
    let check = Step::program(desk.place, "node", &[&script, "--check"], Counting::Status);
    steps.push(check.named("artefacts"));
    let test = Step::program(desk.place, "node", &[&script, "--test"], Counting::Forge);
    steps.push(test.named("forge"));
    Ok(steps)
}

/// The step that brings the packages of the lock file, when they are missing or old.
pub(super) fn packages(desk: &Desk<'_>, folder: &Path) -> Vec<Step> {
    if packages_are_current(folder) {
        return Vec::new();
    }
    let prefix = folder.to_string_lossy().into_owned();
    let words = ["ci", "--prefix", &prefix, "--no-audit", "--no-fund"];
    vec![Step::program(desk.place, "npm", &words, Counting::Status).named("npm ci")]
}

/// Where anvil, a chain that can reorganise, will stand, after the steps that bring it. Errors with
/// the reason when it cannot be had here.
pub(super) fn anvil(desk: &Desk<'_>) -> Result<Result<(PathBuf, Vec<Step>), String>, Error> {
    let folder = desk.place.root.join("host").join("solidity");
    if let Some(why) = need::node(desk)? {
        return Ok(Err(why));
    }
    let program = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    Ok(Ok((folder.join(program), packages(desk, &folder))))
}

/// npm writes `node_modules/.package-lock.json` last; older than the lock means not current.
fn packages_are_current(folder: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let done = time(&folder.join("node_modules").join(".package-lock.json"));
    done.is_some() && done >= time(&folder.join("package-lock.json"))
}
