//! Running tools: Debian's own from the tools folder, through their own loader and libraries, so
//! that the build machine's distribution does not show in the artefacts.

use std::io::Write;
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
    judged(command, package, None)
}

/// Like `run`, with `input` on the tool's standard input.
///
/// # Errors
/// Those of `run`.
pub(crate) fn fed(
    command: &mut Command,
    package: &'static str,
    input: &[u8],
) -> Result<String, Error> {
    judged(command.stdin(Stdio::piped()), package, Some(input))
}

fn judged(
    command: &mut Command,
    package: &'static str,
    input: Option<&[u8]>,
) -> Result<String, Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let missing = |_| Error::NoTool {
        tool: tool.clone(),
        package,
    };
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        // A tool that ends early says why by its status.
        let _ = pipe.write_all(input);
    }
    let done = child.wait_with_output().map_err(missing)?;
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
