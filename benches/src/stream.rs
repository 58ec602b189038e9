//! Question: how fast does one upload stream run between two processes, and at what cost, beside
//! libp2p as it comes?
//!
//! Unit: GiB of shard body a second, and CPU seconds a GiB of both ends together; one connection
//! over loopback, one stream, each end a process with one thread, alternating rounds. Ours is what
//! an upload uses: frames of the house over its Noise and its windows. The peer is libp2p with its
//! own Noise, Yamux and defaults under a stream of its own (benches/compare/libp2p, built by
//! `just bench-compare`). Nothing is hashed or stored: this is the way, not the end of it.
//!
//! Expected: sealing and opening with ChaCha20-Poly1305 is the wall, about 1 GiB/s a core; with a
//! core for each end 0.8 GiB/s. Goal: 1.4 of the peer.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};

use crate::idle::program;
use crate::rows::{Goal, Report, Row};

mod ends;

pub use ends::child;

/// A program that can be both ends, and the words that come before `sink` or `pump`.
struct Side {
    program: PathBuf,
    words: &'static [&'static str],
}

/// What a round came to.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// GiB a second.
    rate: f64,
    /// CPU seconds a GiB.
    cost: f64,
}

/// The report; `tiny` only proves that it runs. Where the peer is not built that is said, and ours
/// is told alone.
pub fn report(tiny: bool, peers: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let ours = Side {
        program: program("bench")?,
        words: &["--stream"],
    };
    let peer = Side {
        program: peers.join("libp2p"),
        words: &[],
    };
    if !ours.program.exists() {
        report
            .notes
            .push("stream: bench is not built; nothing measured".into());
        return Ok(report);
    }
    let (mib, rounds) = if tiny { (8, 1) } else { (1024, 7) };
    if !peer.program.exists() {
        let alone = ours.round(mib)?;
        let why = "stream: libp2p is not built (just bench-compare); nothing compared";
        report
            .notes
            .push(format!("{why}; ours runs at {:.2} GiB/s", alone.rate));
        return Ok(report);
    }
    let pairs = (0..rounds).map(|_| Ok((ours.round(mib)?, peer.round(mib)?)));
    let pairs = pairs.collect::<anyhow::Result<Vec<(Round, Round)>>>()?;
    let of = |take: fn(&Round) -> f64| -> Vec<(f64, f64)> {
        pairs.iter().map(|(a, b)| (take(a), take(b))).collect()
    };
    let name = "one upload stream / libp2p";
    let rate = of(|round| round.rate);
    report
        .rows
        .push(Row::new(name, "GiB/s", &rate, Goal::AtLeast(1.4)));
    let name = "one upload stream, both ends / libp2p";
    let cost = of(|round| round.cost);
    report
        .rows
        .push(Row::new(name, "s/GiB", &cost, Goal::AtMost(1.0)));
    Ok(report)
}

impl Side {
    fn command(&self, end: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.words).arg(end).stderr(Stdio::inherit());
        command
    }

    /// Sends so many MiB from a fresh process to another fresh one.
    fn round(&self, mib: usize) -> anyhow::Result<Round> {
        let mut sink = Sink::start(self.command("sink"))?;
        let place = sink.line()?;
        let pumped = self
            .command("pump")
            .args(place.split_whitespace())
            .arg(mib.to_string())
            .output()
            .with_context(|| format!("running {}", self.program.display()))?;
        ensure!(pumped.status.success(), "the sending end failed");
        let said = String::from_utf8(pumped.stdout)?;
        let (seconds, cpu) = said.trim().split_once(' ').context("SECONDS CPU")?;
        let cpu: f64 = cpu.parse::<f64>()? + sink.line()?.trim().parse::<f64>()?;
        let gib = mib as f64 / 1024.0;
        Ok(Round {
            rate: gib / seconds.parse::<f64>()?,
            cost: cpu / gib,
        })
    }
}

/// The receiving end: says its place, then its CPU seconds when the stream is over.
struct Sink {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Sink {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the receiving end")?;
        let said = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        Ok(Self { child, said })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the receiving end ended early");
        Ok(line)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It ends by itself after one stream; one that was never asked must not stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests;
