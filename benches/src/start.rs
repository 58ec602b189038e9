//! Question: does a host's start grow with the shards it keeps?
//!
//! Unit: milliseconds from opening the ledger to its first answers (a placement, a volume's free
//! space), with a million shards against a thousand, in turn; once closed in order, once after
//! kill -9 in the middle of commits. And the bytes a shard of the larger ledger's file, filled in
//! groups, against the room it has. Goals: at most twice; at most that room. `--rows` asks another
//! number (10^7 takes ten minutes to fill). Machine: 2 cores, virtio disk, files in the page cache
//! on both sides.
//!
//! Expected: opening reads the roots of a few trees and, after a kill, the pages that tell what
//! is free, which quick repair keeps: under a millisecond clean, a few after a kill.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use futures::executor::block_on;
use host_core::ShardId;
use host_ledger::{Fact, Ledger, Options};

use crate::ledger::{VOLUME, id, set, volume_added};
use crate::rows::{Goal, Report, Row};
use crate::{idle, volume};

/// Shards of the smaller ledger.
const FEW: u64 = 1000;
/// Bytes of state device a shard may take: 1.2 GiB for a million.
const BYTES_A_SHARD: f64 = 1288.0;
/// Sets of one commit while a ledger fills.
const BATCH: u64 = 4000;

/// Measures both starts; `quick` only proves that it runs.
pub fn report(quick: bool, dir: &Path, many: u64) -> anyhow::Result<Report> {
    let (many, rounds) = if quick { (2 * FEW, 1) } else { (many, 15) };
    let dir = volume::scratch(dir)?;
    let places = [FEW, many].map(|count| (dir.path().join(count.to_string()), count));
    for (place, count) in &places {
        std::fs::create_dir_all(place)?;
        fill(place, *count).with_context(|| format!("filling a ledger with {count} shards"))?;
    }
    let [few, many] = &places;
    let mut report = Report::default();
    let held = (bytes_below(&many.0)? / many.1 as f64, BYTES_A_SHARD);
    let name = format!("ledger bytes a shard, {} / budget", many.1);
    let row = Row::new(name, "bytes", &[held], Goal::AtMost(1.0));
    report.rows.push(row);
    let program = idle::program("bench")?;
    for killed in [false, true] {
        if killed && !program.exists() {
            let why = "start: the program bench is not built; no kill -9";
            report.notes.push(why.into());
            break;
        }
        let mut figures = Vec::new();
        for _ in 0..rounds {
            if killed {
                kill_while_it_commits(&program, &few.0)?;
                kill_while_it_commits(&program, &many.0)?;
            }
            let peer = start(&few.0, few.1)?;
            figures.push((start(&many.0, many.1)?, peer));
        }
        let how = if killed { "after kill -9" } else { "clean" };
        let name = format!("start {how}, {} shards / {FEW}", many.1);
        report
            .rows
            .push(Row::new(name, "ms", &figures, Goal::AtMost(2.0)));
    }
    Ok(report)
}

/// Bytes of the files in a directory.
fn bytes_below(place: &Path) -> anyhow::Result<f64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(place)? {
        sum += entry?.metadata()?.len();
    }
    Ok(sum as f64)
}

fn fill(place: &Path, count: u64) -> anyhow::Result<()> {
    let ledger = Ledger::open(place, Options::default())?;
    block_on(ledger.commit(vec![volume_added()]))?;
    let mut next = 0;
    while next < count {
        let end = (next + BATCH).min(count);
        let facts: Vec<Fact> = (next..end).flat_map(set).collect();
        block_on(ledger.commit(facts))?;
        next = end;
    }
    block_on(ledger.close());
    Ok(())
}

/// Milliseconds until the ledger answers; it is closed again.
fn start(place: &Path, count: u64) -> anyhow::Result<f64> {
    let start = Instant::now();
    let ledger = Ledger::open(place, Options::default())?;
    let read = ledger.read()?;
    let shard = read.placement(&ShardId(id(count / 2)))?;
    let volume = read.volume(&VOLUME)?;
    let spent = start.elapsed().as_secs_f64() * 1e3;
    anyhow::ensure!(shard.is_some() && volume.is_some(), "rows are missing");
    drop(read);
    block_on(ledger.close());
    Ok(spent)
}

/// Runs a program that commits and ends it with SIGKILL after its third commit.
fn kill_while_it_commits(program: &Path, place: &Path) -> anyhow::Result<()> {
    let mut child = Command::new(program)
        .arg("--commit-into")
        .arg(place)
        .stdout(Stdio::piped())
        .spawn()
        .context("starting bench")?;
    let out = child.stdout.take().context("its output is a pipe")?;
    let seen = BufReader::new(out).lines().take(3).count();
    child.kill()?;
    child.wait()?;
    anyhow::ensure!(seen == 3, "the child ended after {seen} commits");
    Ok(())
}

/// Commits single shards into a ledger for ever and tells each: what `kill_while_it_commits`
/// kills. Errors: the ledger's.
pub fn commit_for_ever(place: &Path, mut tell: impl FnMut()) -> anyhow::Result<()> {
    let ledger = Ledger::open(place, Options::default())?;
    // Ids and extents far beyond those the ledger was filled with.
    let mut n = 100_000_000 + u64::from(std::process::id()) * 10_000;
    loop {
        block_on(ledger.commit(set(n)))?;
        n += 1;
        tell();
    }
}

#[cfg(test)]
mod tests;
