//! Question: how fast does one upload stream run between two processes, and at what cost, beside
//! libp2p as it comes and beside iroh-blobs?
//!
//! Unit: GiB of shard body a second, and CPU seconds a GiB of both ends together; one connection
//! over loopback, one stream, each end a process with one thread, alternating rounds. Ours is what
//! an upload uses: frames of the house over its Noise and its windows. The peers, built by
//! `just bench-peers`, are libp2p with its own Noise, Yamux and defaults under a stream of its own
//! (benches/compare/libp2p), where nothing is hashed or stored: this is the way, not the end of it;
//! and one blob over iroh-blobs (benches/compare/iroh): QUIC with AES by ring, its receiver keeps
//! nothing too but cannot help verifying by BLAKE3. So iroh has two rows: beside the way alone,
//! where ours hashes nothing, and beside ours whose receiver builds each shard's tree of SHA-256
//! and compares it with the name, as a host does. Neither sender hashes while it sends.
//!
//! Expected: sealing and opening with ChaCha20-Poly1305 is the wall, about 1 GiB/s a core; with a
//! core for each end 0.8 GiB/s, and 0.7 with the trees. Goal: 1.4 of libp2p; QUIC over loopback was
//! 0.62 to 0.72 at 3 CPU seconds a GiB, so about as much of iroh; that is no goal, it informs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};

use crate::idle::program;
use crate::rows::{Goal, Report, Row};

mod ends;

pub use ends::child;

/// A program that can be both ends, and the words that make it so.
struct Side {
    program: PathBuf,
    /// Of the end that stands and says its place.
    stands: String,
    /// Of the end that comes there, before and after the place.
    comes: [String; 2],
}

/// What a round came to.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// GiB a second.
    rate: f64,
    /// CPU seconds a GiB.
    cost: f64,
}

/// The report; `tiny` only proves that it runs. Where a peer is not built that is said, and ours is
/// told alone.
pub fn report(tiny: bool, peers: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let own = program("bench")?;
    if !own.exists() {
        let why = "stream: bench is not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let (mib, rounds) = if tiny { (8, 1) } else { (1024, 7) };
    let plain = Side::new(&own, "--stream sink", "--stream pump", &mib.to_string());
    let after = format!("{mib} vouch");
    let checked = Side::new(&own, "--stream sink check", "--stream pump", &after);
    let libp2p = Side::new(&peers.join("libp2p"), "sink", "pump", &mib.to_string());
    let stands = format!("provide {mib}");
    let iroh = Side::new(&peers.join("iroh"), &stands, "fetch", &mib.to_string());
    let missing = [&libp2p, &iroh].map(|peer| peer.missing());
    for peer in missing.into_iter().flatten() {
        let alone = plain.round(mib)?.rate;
        let why = format!("stream: {peer} is not built (just bench-peers); nothing compared");
        let note = format!("{why}; ours runs at {alone:.2} GiB/s");
        report.notes.push(note);
    }
    if libp2p.program.exists() {
        let pairs = rounds_of(&plain, &libp2p, mib, rounds)?;
        let goals = [Goal::AtLeast(1.4), Goal::AtMost(1.0)];
        let rows = rows("one upload stream", "libp2p", &pairs, goals);
        report.rows.extend(rows);
    }
    if iroh.program.exists() {
        for (ours, name) in [(&plain, "unhashed"), (&checked, "hashed")] {
            let pairs = rounds_of(ours, &iroh, mib, rounds)?;
            let name = format!("one upload stream, {name}");
            let rows = rows(&name, "iroh-blobs", &pairs, [Goal::None; 2]);
            report.rows.extend(rows);
        }
        report.notes.push(IROH.into());
    }
    Ok(report)
}

/// What the rows beside iroh do and do not say.
const IROH: &str = "iroh-blobs verifies BLAKE3 as it receives and seals with AES; `unhashed` of \
    ours hashes nothing, `hashed` builds the tree of SHA-256 as a host does; neither stores";

/// Rounds of two sides in turn.
fn rounds_of(
    ours: &Side,
    peer: &Side,
    mib: usize,
    rounds: usize,
) -> anyhow::Result<Vec<(Round, Round)>> {
    let pairs = (0..rounds).map(|_| Ok((ours.round(mib)?, peer.round(mib)?)));
    pairs.collect()
}

/// The rows of rate and cost.
fn rows(name: &str, peer: &str, pairs: &[(Round, Round)], goals: [Goal; 2]) -> [Row; 2] {
    let of = |take: fn(&Round) -> f64| -> Vec<(f64, f64)> {
        pairs.iter().map(|(a, b)| (take(a), take(b))).collect()
    };
    let [rate, cost] = goals;
    let both = format!("{name}, both ends / {peer}");
    [
        Row::new(
            format!("{name} / {peer}"),
            "GiB/s",
            &of(|round| round.rate),
            rate,
        ),
        Row::new(both, "s/GiB", &of(|round| round.cost), cost),
    ]
}

impl Side {
    fn new(program: &Path, stands: &str, before: &str, after: &str) -> Self {
        Self {
            program: program.to_owned(),
            stands: stands.to_owned(),
            comes: [before.to_owned(), after.to_owned()],
        }
    }

    /// The program's name where it is not there.
    fn missing(&self) -> Option<String> {
        let name = self.program.file_name().unwrap_or_default();
        (!self.program.exists()).then(|| name.to_string_lossy().into_owned())
    }

    /// Moves so many MiB from a fresh process to another fresh one.
    fn round(&self, mib: usize) -> anyhow::Result<Round> {
        let mut stands = Command::new(&self.program);
        stands
            .args(self.stands.split_whitespace())
            .stderr(Stdio::inherit());
        let mut standing = Standing::start(stands)?;
        let place = standing.line()?;
        let [before, after] = &self.comes;
        let words = [before, place.as_str(), after];
        let came = Command::new(&self.program)
            .args(words.iter().flat_map(|words| words.split_whitespace()))
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("running {}", self.program.display()))?;
        ensure!(came.status.success(), "the end that comes failed");
        let said = String::from_utf8(came.stdout)?;
        let (seconds, cpu) = said.trim().split_once(' ').context("SECONDS CPU")?;
        let cpu: f64 = cpu.parse::<f64>()? + standing.line()?.trim().parse::<f64>()?;
        let gib = mib as f64 / 1024.0;
        Ok(Round {
            rate: gib / seconds.parse::<f64>()?,
            cost: cpu / gib,
        })
    }
}

/// The end that stands: says its place, then its CPU seconds when the stream is over.
struct Standing {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Standing {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting the end that stands")?;
        let said = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        Ok(Self { child, said })
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the end that stands ended early");
        Ok(line)
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // It ends by itself after one stream; one that was never asked must not stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests;
