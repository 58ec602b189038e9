//! Question: how fast is a lost shard rebuilt on another host, against the k reads and the one write
//! that it needs, and how many bytes does it move?
//!
//! Unit: MiB of lost shards a second by `holdfast repair`, from the look at all hosts to the new
//! placement in the book; against the time of `holdfast get` of the same file in the same network
//! (which reads k shards of each segment and verifies them) and of as many bytes as were lost
//! written and flushed beside it. Rounds alternate; each kills another host of a demo network of 24
//! with 10+10. The second row is bytes moved a lost byte against the k + 1 of one shard a segment.
//!
//! Machine: 2 cores that hosts and renter share. Expected: a get also decrypts, a repair also asks
//! every host, makes agreements and waits for receipts: 0.5 to 1.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::idle::program;
use crate::put_network::write_noise;
use crate::rows::{Goal, Report, Row};
use crate::volume;

/// Data shards, and parity shards too.
const DATA: u64 = 10;
const HOSTS: usize = 24;
/// Share of the limit that a repair should reach.
const GOAL: f64 = 0.8;

/// Repairs a file of 512 MiB after each of three hosts died; `quick` one of 4 MiB, once. Says so
/// when the program is not built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let holdfast = program("holdfast")?;
    if !holdfast.exists() {
        let why = "repair: holdfast is not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let (mib, rounds) = if quick { (4, 1) } else { (512, 3) };
    let scratch = volume::scratch(dir)?;
    let file = scratch.path().join("file");
    write_noise(&file, mib)?;
    let network = Standing::start(&holdfast, scratch.path())?;
    let id = network.put(&file)?;
    let (mut speed, mut traffic) = (Vec::new(), Vec::new());
    let mut victims = 0..HOSTS;
    while speed.len() < rounds {
        let victim = victims.next().context("no host kept a shard")?;
        let read_s = network.get(&id, &scratch.path().join("out"))?;
        network.kill(victim)?;
        let begun = Instant::now();
        let said = network.ask(&["repair", "--json", &id])?;
        let took_s = begun.elapsed().as_secs_f64();
        let bytes = |what: &str| said[what].as_u64().unwrap_or_default();
        let (read, written) = (bytes("read"), bytes("written"));
        ensure!(
            said["failed"] == Value::Array(Vec::new()),
            "not repaired: {said}"
        );
        if written == 0 {
            // This host kept nothing of the file.
            continue;
        }
        let write_s = flushed(&scratch.path().join("written"), written)?;
        #[expect(clippy::cast_precision_loss, reason = "figures of a table")]
        let (lost, moved) = (written as f64, (read + written) as f64);
        let rate = |seconds: f64| lost / seconds / f64::from(1 << 20);
        speed.push((rate(took_s), rate(read_s + write_s)));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        traffic.push((moved / lost, (DATA + 1) as f64));
    }
    report.rows = vec![
        Row::new(
            "repair / k reads and a write",
            "MiB/s",
            &speed,
            Goal::AtLeast(GOAL),
        ),
        Row::new(
            "repair, bytes moved a lost byte / k + 1",
            "bytes",
            &traffic,
            Goal::AtMost(1.0),
        ),
    ];
    Ok(report)
}

/// Seconds to write and flush so many bytes.
fn flushed(path: &Path, len: u64) -> anyhow::Result<f64> {
    let block = vec![0x5a; 1 << 20];
    let begun = Instant::now();
    let mut file = File::create(path)?;
    let mut left = usize::try_from(len)?;
    while left > 0 {
        let part = block.get(..left.min(block.len())).unwrap_or_default();
        file.write_all(part)?;
        left -= part.len();
    }
    file.sync_data()?;
    let took_s = begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(took_s)
}

/// A demo network that goes on running; ended when dropped.
struct Standing {
    holdfast: PathBuf,
    place: PathBuf,
    child: Child,
}

impl Standing {
    fn start(holdfast: &Path, dir: &Path) -> anyhow::Result<Self> {
        let (place, small) = (dir.join("network"), dir.join("small"));
        write_noise(&small, 96)?;
        let child = Command::new(holdfast)
            .args(["demo", "--hosts", &HOSTS.to_string(), "--kill", "0"])
            .args(["--data", &DATA.to_string(), "--parity", &DATA.to_string()])
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

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.holdfast);
        command.args(words);
        command.env("HOLDFAST_HOME", self.place.join("renter"));
        command
    }

    fn ask(&self, words: &[&str]) -> anyhow::Result<Value> {
        let ended = self.command(words).output()?;
        let why = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "holdfast {words:?}: {}", why.trim());
        let out = String::from_utf8_lossy(&ended.stdout);
        let last = out.lines().last().unwrap_or_default();
        Ok(serde_json::from_str(last).or_else(|_| serde_json::from_str(&out))?)
    }

    fn put(&self, file: &Path) -> anyhow::Result<String> {
        let (data, path) = (DATA.to_string(), file.display().to_string());
        let words = [
            "put", "--json", "--days", "1", "--data", &data, "--parity", &data,
        ];
        let said = self.ask(&[words.as_slice(), &[path.as_str()]].concat())?;
        Ok(said["id"].as_str().context("put names an id")?.to_owned())
    }

    /// Seconds of a get.
    fn get(&self, id: &str, out: &Path) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let path = out.display().to_string();
        let ended = self.command(&["get", id, "-o", &path]).output()?;
        let took_s = begun.elapsed().as_secs_f64();
        let why = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "holdfast get: {}", why.trim());
        std::fs::remove_file(out)?;
        Ok(took_s)
    }

    /// Ends one host's process for good.
    fn kill(&self, host: usize) -> anyhow::Result<()> {
        let dir = self.place.join(format!("host-{host:02}"));
        let dir = dir.display().to_string();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
            let mut words = words.split(|byte| *byte == 0);
            if words.any(|word| word == dir.as_bytes()) {
                let pid = path.file_name().unwrap_or_default();
                let ended = Command::new("kill").arg("-KILL").arg(pid).status()?;
                ensure!(ended.success(), "host {host} could not be killed");
                return Ok(());
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

#[cfg(test)]
mod tests;
