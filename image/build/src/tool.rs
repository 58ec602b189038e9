//! Running tools: Debian's own from the tools folder, through their own loader and libraries, so
//! that the build machine's distribution does not show in the artefacts.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// The moment every artefact claims to be from: 1 January 2024.
pub(crate) const EPOCH: &str = "1704067200";

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

/// A tool of the machine itself.
pub(crate) fn own(name: &str) -> Command {
    let mut command = Command::new(name);
    surroundings(&mut command);
    command
}

/// A tool out of the packages: `path` is its file in the folder, `called` the name it sees.
pub(crate) fn packaged(tools: &Path, path: &str, called: &str) -> Command {
    let libraries = tools.join(LIBRARIES);
    let mut command = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    command
        .arg("--argv0")
        .arg(called)
        .arg("--library-path")
        .arg(&libraries)
        .arg(tools.join(path));
    surroundings(&mut command);
    command
}

fn surroundings(command: &mut Command) {
    command
        .stdin(Stdio::null())
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .env("E2FSPROGS_FAKE_TIME", EPOCH)
        .env("TZ", "UTC")
        .env("LC_ALL", "C");
}

/// Runs a tool to its end and returns what it printed.
///
/// # Errors
/// `NoTool` when it is not there, `Tool` when it fails.
pub(crate) fn run(command: &mut Command, package: &'static str) -> Result<String, Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|_| Error::NoTool {
        tool: tool.clone(),
        package,
    })?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let tail: Vec<&str> = said.lines().rev().take(6).collect();
    Err(Error::Tool {
        tool,
        status: done.status.to_string(),
        said: tail.into_iter().rev().collect::<Vec<_>>().join("; "),
    })
}
