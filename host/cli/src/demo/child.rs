//! A child process of the demo network: started by absolute path, says one JSON line when it
//! serves, and ends with its parent.
//!
//! Invariant: every child holds the read end of a pipe whose write end is ours, and is told to
//! stop when that pipe closes; so even a parent that is killed leaves no child behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// Longest wait for a child to say that it serves.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for a child to stop when asked.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A running program of the network.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

/// A program of this installation, found beside the running executable.
pub(crate) fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding the running executable")?;
    let path = own.with_file_name(name);
    if !path.exists() {
        bail!(
            "{} is missing; it is installed beside {}",
            path.display(),
            own.display()
        );
    }
    Ok(path)
}

impl Program {
    /// Starts `name ARGS`, its standard error in `log`, and waits for its line.
    pub(crate) async fn start<T: DeserializeOwned>(
        name: &str,
        args: &[String],
        log: &Path,
    ) -> anyhow::Result<(Self, T)> {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening {}", log.display()))?;
        let mut child = Command::new(sibling(name)?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let stdin = child.stdin.take();
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| anyhow!("{name} has no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(READY_TIMEOUT, lines.next_line())
            .await
            .map_err(|_| anyhow!("{name} did not get ready; see {}", log.display()))??
            .ok_or_else(|| anyhow!("{name} stopped before it was ready; see {}", log.display()))?;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let ready = serde_json::from_str(&line)
            .with_context(|| format!("{name} said `{line}` where its ready line was expected"))?;
        Ok((
            Self {
                name: name.to_owned(),
                child,
                stdin,
            },
            ready,
        ))
    }

    /// The process id, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it as a power cut would: no signal it could act on, no time to flush.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .with_context(|| format!("killing {}", self.name))
    }

    /// Asks it to stop and waits; kills it when it does not.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.stdin.take());
        match timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(status) => {
                status.with_context(|| format!("waiting for {}", self.name))?;
                Ok(())
            }
            Err(_) => self
                .child
                .kill()
                .await
                .with_context(|| format!("killing {}", self.name)),
        }
    }
}

/// Peak and present resident memory of a process in bytes, as the kernel counts it.
pub(crate) fn resident(pid: u32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    };
    Some((field("VmHWM:")?, field("VmRSS:")?))
}

/// Whether a process of this id still exists.
pub(crate) fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
