//! Question: how much memory does an idle host hold?
//!
//! Unit: MiB resident (VmRSS), against the budget of 32 MiB; a fresh host made by `holdfast init`
//! with one volume of 1 GiB, its API on, no peers, no chain to be reached, five seconds after it
//! says that it serves. Machine: any; program text counts, since it is resident too.
//!
//! Expected: 4.5 MiB for the runtime, 10 with libp2p, 8 of the program's other pages: 15 to 25.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::rows::{Goal, Report, Row};
use crate::volume;

/// MiB an idle host may hold.
const BUDGET: f64 = 32.0;

/// The network file of a node that reaches no chain.
pub(crate) const NETWORK: &str = include_str!("../../tests/support/nobody.toml");

/// Measures a host beside this program; says so when it is not built. `quick` waits no longer
/// than the host needs to serve.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let (cli, daemon) = (program("holdfast")?, program("holdfastd")?);
    if !cli.exists() || !daemon.exists() {
        let why = "idle: holdfast and holdfastd are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let dir = volume::scratch(dir)?;
    let host = dir.path().join("host");
    init(&cli, dir.path(), &host)?;
    let figures = (0..if quick { 1 } else { 3 })
        .map(|_| Ok((resident(&daemon, &host, quick)?, BUDGET)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let name = "idle host, resident / budget";
    let row = Row::new(name, "MiB", &figures, Goal::AtMost(1.0));
    report.rows.push(row);
    Ok(report)
}

/// A program built beside this one; test programs lie one directory deeper.
pub(crate) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let dir = own.parent().context("a program lies in a directory")?;
    let dir = match (dir.file_name(), dir.parent()) {
        (Some(last), Some(above)) if last == "deps" => above,
        _ => dir,
    };
    Ok(dir.join(name))
}

/// Makes a host that meets nobody.
pub(crate) fn init(cli: &Path, dir: &Path, host: &Path) -> anyhow::Result<()> {
    let network = dir.join("network.toml");
    std::fs::write(&network, NETWORK)?;
    let made = Command::new(cli)
        .args(["init", "--volume", "volume-0=1 GiB"])
        .args(["--set", "api.listen=127.0.0.1:0"])
        .args(["--set", "gateway.enabled=false"])
        .args(["--set", "swarm.listen=[\"/ip4/127.0.0.1/tcp/0\"]"])
        .arg("--network")
        .arg(&network)
        .arg("--dir")
        .arg(host)
        .output()
        .context("running holdfast init")?;
    let said = String::from_utf8_lossy(&made.stderr);
    ensure!(made.status.success(), "holdfast init: {}", said.trim());
    Ok(())
}

/// Starts the host and waits until it serves.
pub(crate) fn begin(daemon: &Path, host: &Path) -> anyhow::Result<Running> {
    let child = Command::new(daemon)
        .arg("--dir")
        .arg(host)
        .arg("--until-stdin-ends")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting holdfastd")?;
    let mut running = Running(child);
    let out = running.0.stdout.take().context("its output is a pipe")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    ensure!(line.contains("\"peer\""), "holdfastd did not serve");
    Ok(running)
}

/// Starts the host, lets it settle and reads its resident MiB.
fn resident(daemon: &Path, host: &Path, quick: bool) -> anyhow::Result<f64> {
    let running = begin(daemon, host)?;
    if !quick {
        std::thread::sleep(Duration::from_secs(5));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id()))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .context("no VmRSS in /proc")?;
    Ok(kib / 1024.0)
}

/// A host that stops in order when its standard input ends, and is waited for.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests;
