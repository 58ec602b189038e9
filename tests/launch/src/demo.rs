//! `cargo demo`: build the programs, then become `holdfast demo`.
//!
//! The selection unifies features exactly as `cargo verify` does, so that neither command rebuilds
//! what the other built. The one test program in it, which needs nothing, is what makes cargo count
//! the features of test dependencies; all other test programs, the programs that the demo does not
//! start, and what only they need are left out, because a newcomer waits for this build. After it
//! the process image is replaced: signals, terminal and exit status are the program's own.

use crate::error::Error;
use crate::place::Place;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

/// The words after `cargo` that build the programs a demo starts.
const BUILD_DEMO: [&str; 15] = [
    "build",
    "--release",
    "--workspace",
    "--exclude",
    "host-box",
    "--bin",
    "holdfast",
    "--bin",
    "holdfastd",
    "--bin",
    "holdfast-services",
    "--bin",
    "holdfast-devchain",
    "--test",
    "launch",
];

/// The words after `cargo` that build every program of the workspace but the images' own command
/// line, which is `holdfast` once more without the renter's half.
pub(crate) const BUILD_PROGRAMS: [&str; 8] = [
    "build",
    "--release",
    "--workspace",
    "--exclude",
    "host-box",
    "--bins",
    "--test",
    "launch",
];

/// Builds, then replaces this process by `holdfast demo ARGUMENTS`. Returns only on error.
pub(crate) fn run(place: &Place, arguments: &[String]) -> Result<ExitCode, Error> {
    if !place.program("holdfast").exists() {
        eprintln!("demo: building the programs; the first time takes minutes, later seconds");
    }
    let status = place
        .command(&place.cargo)
        .args(BUILD_DEMO)
        .status()
        .map_err(|source| Error::Start {
            program: "cargo".into(),
            source,
        })?;
    if !status.success() {
        return Err(Error::Build(status.code().unwrap_or(-1)));
    }
    let program = place.program("holdfast");
    if !program.exists() {
        return Err(Error::NoProgram(program));
    }
    let mut command = std::process::Command::new(&program);
    command.arg("demo").args(arguments);
    place.restore_environment(&mut command);
    let source = command.exec();
    Err(Error::Start {
        program: program.display().to_string(),
        source,
    })
}
