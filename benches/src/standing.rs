//! A demo network that goes on running while something is measured in it; ended when dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::put_network::write_noise;

/// Longest wait for a killed process to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the network is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Host processes.
    pub(crate) hosts: usize,
    /// Data shards of a segment, of the network's first file and of `put`.
    pub(crate) data: u16,
    /// Parity shards, likewise.
    pub(crate) parity: u16,
    /// MiB of the first file; volumes are made to hold about as much again.
    pub(crate) mib: usize,
}

impl Shape {
    /// Enough to prove that a measurement runs.
    pub(crate) const SMALL: Self = Self {
        hosts: 8,
        data: 2,
        parity: 2,
        mib: 1,
    };
}

/// Whether a process has let go of everything: it is gone, or its last thread waits for the parent
/// to ask.
fn is_over(pid: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    threads <= 1 && stat.map_or(true, |stat| stat.contains(") Z "))
}

/// A demo network that goes on running; ended when dropped.
pub(crate) struct Standing {
    holdfast: PathBuf,
    pub(crate) place: PathBuf,
    shape: Shape,
    child: Child,
}

impl Standing {
    /// Starts the program `holdfast` in `dir` and waits until a renter can work.
    pub(crate) fn start(holdfast: &Path, dir: &Path, shape: Shape) -> anyhow::Result<Self> {
        let (place, small) = (dir.join("network"), dir.join("small"));
        write_noise(&small, shape.mib)?;
        let child = Command::new(holdfast)
            .args(["demo", "--kill", "0"])
            .args(["--hosts", &shape.hosts.to_string()])
            .args(["--data", &shape.data.to_string()])
            .args(["--parity", &shape.parity.to_string()])
            .arg("--dir")
            .arg(&place)
            .arg("--file")
            .arg(&small)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("running holdfast demo")?;
        let mut standing = Self {
            holdfast: holdfast.to_owned(),
            place,
            shape,
            child,
        };
        let out = standing
            .child
            .stderr
            .take()
            .context("its output is a pipe")?;
        let mut lines = BufReader::new(out).lines();
        let up = lines.any(|line| line.is_ok_and(|line| line.contains("HOLDFAST_HOME=")));
        ensure!(up, "the demo network did not come up");
        // It says more, and would break on a pipe that nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(standing)
    }

    /// The program as the network's renter.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.holdfast);
        command.args(words);
        command.env("HOLDFAST_HOME", self.place.join("renter"));
        command
    }

    /// What a command says as JSON, in its last line or whole. Errors when it fails.
    pub(crate) fn ask(&self, words: &[&str]) -> anyhow::Result<Value> {
        let ended = self.command(words).output()?;
        let why = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "holdfast {words:?}: {}", why.trim());
        let out = String::from_utf8_lossy(&ended.stdout);
        let last = out.lines().last().unwrap_or_default();
        Ok(serde_json::from_str(last).or_else(|_| serde_json::from_str(&out))?)
    }

    /// Stores a file and returns its id.
    pub(crate) fn put(&self, file: &Path) -> anyhow::Result<String> {
        let Shape { data, parity, .. } = self.shape;
        let (data, parity) = (data.to_string(), parity.to_string());
        let path = file.display().to_string();
        let words = [
            "put", "--json", "--days", "1", "--data", &data, "--parity", &parity,
        ];
        let said = self.ask(&[words.as_slice(), &[path.as_str()]].concat())?;
        Ok(said["id"].as_str().context("put names an id")?.to_owned())
    }

    /// Seconds of a get.
    pub(crate) fn get(&self, id: &str, out: &Path) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let path = out.display().to_string();
        let ended = self.command(&["get", id, "-o", &path]).output()?;
        let took_s = begun.elapsed().as_secs_f64();
        let why = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "holdfast get: {}", why.trim());
        std::fs::remove_file(out)?;
        Ok(took_s)
    }

    /// The directory of a host.
    pub(crate) fn host(&self, host: usize) -> PathBuf {
        self.place.join(format!("host-{host:02}"))
    }

    /// Ends one host's process for good, and waits until its files are closed.
    pub(crate) fn kill(&self, host: usize) -> anyhow::Result<()> {
        let pid = self.pid(host)?.to_string();
        let ended = Command::new("kill").args(["-KILL", &pid]).status()?;
        ensure!(ended.success(), "host {host} could not be killed");
        let begun = Instant::now();
        while !is_over(&pid) {
            ensure!(begun.elapsed() < PATIENCE, "host {host} does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The process of a host.
    pub(crate) fn pid(&self, host: usize) -> anyhow::Result<u32> {
        let dir = self.host(host).display().to_string();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
            let mut words = words.split(|byte| *byte == 0);
            if words.any(|word| word == dir.as_bytes()) {
                let name = path.file_name().unwrap_or_default();
                return Ok(name.to_string_lossy().parse()?);
            }
        }
        anyhow::bail!("no process of host {host}")
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ended = Command::new("kill").args(["-INT", &pid]).status();
        let _ended = self.child.wait();
    }
}
