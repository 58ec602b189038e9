//! Question: how long does it take to publish a tree of ten thousand files, and to verify a copy of
//! it, beside reading and hashing it?
//!
//! Unit: seconds, rounds in turn over the same tree of small files (1 to 23 KiB, 120 MiB in all),
//! its pages in the kernel's memory. Limits: `tar | sha256sum` for publishing, `sha256sum --check` of
//! the list that the release carries for verifying. `--dry-run` writes and signs the documents:
//! each file is read, hashed alone and as the tree, and copied into the archive that a full run
//! stores on six hosts with 4+2.
//!
//! Machine: 2 cores. Expected: with SHA instructions a core hashes three times as fast as
//! sha256sum without them, so verifying stays below its limit; documents hash twice and write the
//! archive: about the limit. Storing adds 180 MiB through agreements, streams and flushes: a
//! second.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::rows::{Goal, Report, Row};
use crate::s3::noise;
use crate::town::{Town, run};
use crate::volume;

const HOSTS: usize = 6;
const VOLUME_MIB: usize = 512;
/// Files of a folder.
const FOLDER: usize = 100;
/// Bytes of the smallest file, and of the span above it.
const FILE_LEN: (usize, usize) = (1 << 10, 22 << 10);
/// What every publication is stored with, and for how long.
const STORED: [&str; 6] = ["--data", "4", "--parity", "2", "--days", "1"];

/// Publishes and verifies 10,000 files five times, `quick` 200 once. Says so where a program is not
/// built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let scratch = volume::scratch(dir)?;
    let Some(town) = Town::start(scratch.path(), HOSTS, VOLUME_MIB)? else {
        let why = "publish: holdfast and holdfastd are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    };
    let (count, rounds) = if quick { (200, 1) } else { (10_000, 5) };
    let tree = scratch.path().join("tree");
    let bytes = plant(&tree, count)?;
    let works = Works {
        town: &town,
        tree,
        out: scratch.path().join("out"),
    };
    // One round that is not counted: it brings every page in.
    let counted: Vec<Round> = (0..=rounds)
        .map(|n| works.round(n))
        .collect::<anyhow::Result<_>>()?;
    let counted = counted.get(1..).unwrap_or_default();
    let row = |name: &str, goal, pair: fn(&Round) -> (f64, f64)| {
        let name = format!("{name} of {count} files");
        let pairs: Vec<(f64, f64)> = counted.iter().map(pair).collect();
        Row::new(name, "s", &pairs, goal)
    };
    let limit = Goal::AtMost(1.0);
    report.rows = vec![
        row("documents / tar | sha256sum,", limit, |round| {
            (round.documents, round.tar)
        }),
        row("publish / tar | sha256sum,", Goal::None, |round| {
            (round.publish, round.tar)
        }),
        row("verify / sha256sum --check,", limit, |round| {
            (round.verify, round.check)
        }),
    ];
    let mib = bytes >> 20;
    report.notes.push(format!(
        "publish: {count} files, {mib} MiB, onto six hosts with 4+2"
    ));
    Ok(report)
}

/// Makes the tree; its bytes.
fn plant(tree: &Path, count: usize) -> anyhow::Result<usize> {
    let (least, span) = FILE_LEN;
    let noise = noise(least + 2 * span);
    let mut sum = 0;
    for index in 0..count {
        let folder = tree.join(format!("{:03}", index / FOLDER));
        if index % FOLDER == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        let (len, at) = (least + index * 7919 % span, index * 104_729 % span);
        let mut bytes = noise.get(at..at + len).unwrap_or_default().to_vec();
        // No two files are the same.
        bytes.extend_from_slice(&index.to_le_bytes());
        std::fs::write(folder.join(format!("file-{index:05}")), &bytes)?;
        sum += bytes.len();
    }
    Ok(sum)
}

/// Seconds of each work of a round.
#[derive(Debug, Clone, Copy)]
struct Round {
    documents: f64,
    publish: f64,
    verify: f64,
    tar: f64,
    check: f64,
}

struct Works<'a> {
    town: &'a Town,
    tree: PathBuf,
    out: PathBuf,
}

impl Works<'_> {
    fn round(&self, number: usize) -> anyhow::Result<Round> {
        let tar = timed(self.shell("tar --create --file - . | sha256sum"))?;
        let documents = timed(self.publish(number, &["--dry-run"]))?;
        let publish = timed(self.publish(number, &STORED))?;
        let list = self.out.join("SHA256SUMS");
        let list = format!("sha256sum --check --quiet '{}'", list.display());
        let check = timed(self.shell(&list))?;
        let mut verify = self.town.as_renter(&["verify", "--json"]);
        verify.arg(self.out.join("manifest.json"));
        verify.arg("--key").arg(self.out.join("publish.pub"));
        verify.arg("--dir").arg(&self.tree);
        Ok(Round {
            documents,
            publish,
            verify: timed(verify)?,
            tar,
            check,
        })
    }

    /// A line of the shell in the tree.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.tree);
        command
    }

    fn publish(&self, number: usize, more: &[&str]) -> Command {
        let version = format!("1.{number}");
        let mut command = self
            .town
            .as_renter(&["publish", "--json", "--name", "bench"]);
        command.args(["--version", &version]).args(more);
        command.arg("--out").arg(&self.out).arg(&self.tree);
        command
    }
}

/// Seconds of a command that ends well.
fn timed(mut command: Command) -> anyhow::Result<f64> {
    let begun = Instant::now();
    run(&mut command)?;
    Ok(begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests;
