//! Does the simulation see anything? Each mutant of `mutants.toml` is built from a copy of the
//! sources and run; a mutant that breaks no promise is a hole in the simulation.
//!
//! Enters: the sources as they lie in the working tree, save what git ignores. Leaves: a line a mutant.
//! Everything happens below `target/mutants`; the working tree and the product's own build are only
//! read. Cargo names a crate of a workspace alike wherever the workspace lies, so a mutant built
//! into the product's folder would become the product.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The list, as it was when this program was built.
const LIST: &str = include_str!("../mutants.toml");
/// Seeds a mutant may survive before it counts as unseen.
const SEEDS: &str = "80";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    /// Further arguments of its run.
    #[serde(default)]
    arguments: Vec<String>,
    edit: Vec<Edit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: PathBuf,
    find: String,
    replace: String,
}

impl Edit {
    /// The mutated text. Errors when what is to be found does not stand there exactly once.
    fn of(&self, text: &str) -> anyhow::Result<String> {
        let found = text.matches(&self.find).count();
        let file = self.file.display();
        ensure!(
            found == 1,
            "{file} holds {:?} {found} times, once is wanted",
            self.find
        );
        Ok(text.replacen(&self.find, &self.replace, 1))
    }
}

fn list() -> anyhow::Result<Vec<Mutant>> {
    Ok(toml::from_str::<List>(LIST)
        .context("tests/sim/mutants.toml")?
        .mutant)
}

/// Runs every mutant; whether all were seen. `tell` is called with a line for each.
pub(crate) fn run(mut tell: impl FnMut(String)) -> anyhow::Result<bool> {
    let root = std::env::current_dir()?;
    let place = root.join("target").join("mutants");
    let tree = place.join("tree");
    copy(&root, &tree)?;
    begin_with_built(&root, &place)?;
    let mut all_seen = true;
    for mutant in list()? {
        let seen = survive(&mutant, &root, &tree, &place)?;
        tell(format!(
            "{} {}",
            if seen { "seen  " } else { "UNSEEN" },
            mutant.name
        ));
        all_seen &= seen;
    }
    Ok(all_seen)
}

/// Builds a mutant, runs it, puts the sources back; whether some seed broke a promise.
fn survive(mutant: &Mutant, root: &Path, tree: &Path, place: &Path) -> anyhow::Result<bool> {
    for edit in &mutant.edit {
        let text = fs::read_to_string(root.join(&edit.file))?;
        fs::write(tree.join(&edit.file), edit.of(&text)?)?;
    }
    let build = place.join("build");
    // The selection of the product's build: the libraries that were copied from it fit.
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--workspace"])
        .args(["--exclude", "host-box", "--bin", "tests-sim"])
        .args(["--test", "launch"])
        .env("CARGO_TARGET_DIR", &build)
        .current_dir(tree)
        .status()?;
    ensure!(
        built.success(),
        "the mutant \"{}\" does not build",
        mutant.name
    );
    let ended = Command::new(build.join("release").join("tests-sim"))
        .args([SEEDS, "--first", "3000", "--until-broken"])
        .args(&mutant.arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    for edit in &mutant.edit {
        // A new time, so that the next build sees the change back.
        fs::write(tree.join(&edit.file), fs::read(root.join(&edit.file))?)?;
    }
    Ok(!ended.success())
}

/// Copies what the product's build made, times included, so that a mutant builds its own crates and
/// those above them alone. A build that is there already is kept.
fn begin_with_built(root: &Path, place: &Path) -> anyhow::Result<()> {
    let (from, to) = (root.join("target/release"), place.join("build/release"));
    if to.exists() || !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(&to)?;
    for part in ["deps", "build", ".fingerprint"] {
        let copied = Command::new("cp")
            .args(["--archive", "--reflink=auto"])
            .arg(from.join(part))
            .arg(&to)
            .status()?;
        ensure!(
            copied.success(),
            "{} cannot be copied",
            from.join(part).display()
        );
    }
    Ok(())
}

/// Makes `tree` the sources that git knows. Files that did not change keep their times, so that a
/// later build is short.
fn copy(root: &Path, tree: &Path) -> anyhow::Result<()> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .output()?;
    ensure!(listed.status.success(), "git does not list the sources");
    let names = String::from_utf8(listed.stdout)?;
    let names: BTreeSet<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
    for name in names {
        let (from, to) = (root.join(name), tree.join(name));
        let Ok(bytes) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|have| have == bytes) {
            continue;
        }
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        fs::write(&to, bytes)?;
        let time = fs::metadata(&from)?.modified()?;
        File::options().write(true).open(&to)?.set_modified(time)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
