//! The structure of this repository, checked: levels, doors, seams, heads, names, sizes.
//!
//! Enters: nothing but the repository itself (manifests, sources, documents). Leaves: a table of
//! sizes beside the codebases that taught us, the faults of every rule by file and line, and a last
//! line `N passed, N failed` in which every rule counts as one. Status 0 only if none failed.
//!
//! With `--arrows` it prints the table of arrows that docs/ARCHITECTURE.md should hold.
//!
//! It reads text, not types: what rustc and clippy can see is left to them. A rule is a pure
//! function of [`tree::Tree`], so that each has unit tests with samples that must fail.
#![allow(
    clippy::print_stdout,
    reason = "a command line speaks on standard output"
)]

mod house;
mod manifest;
mod models;
mod report;
mod rules;
mod scrub;
mod shape;
mod source;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (options, roots): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|word| word == "--arrows");
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join("..");
    let root = roots.first().map_or(own, PathBuf::from);
    let tree = match tree::Tree::read(&root) {
        Ok(tree) => tree,
        Err(error) => {
            eprintln!("tidy: {}: {error}", root.display());
            return ExitCode::from(2);
        }
    };
    if !options.is_empty() {
        print!("{}", rules::arrow_table(&tree));
        return ExitCode::SUCCESS;
    }
    report::sizes(&tree);
    report::card(&tree);
    let failed = report::rules(&tree);
    println!("{} passed, {failed} failed", rules::RULES.len() - failed);
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
