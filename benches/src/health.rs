//! Question: how long does a health request take while the drive works as hard as it can?
//!
//! Unit: milliseconds of a `GET /health` over a connection of its own, against the budget of 2 ms:
//! the median, and the slowest of a hundred beside it. A real host, its volume and its ledger on
//! the drive that two threads write to and flush all the time. Machine: any; on one that compiles
//! meanwhile the slowest tells of the scheduler.
//!
//! Expected: a dozen lookups in the ledger's cache and a page of JSON: 0.3 ms; nothing in it waits
//! for the drive.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::idle;
use crate::rows::{Goal, Report, Row};
use crate::volume;

/// Milliseconds a request may take.
const BUDGET: f64 = 2.0;
const WRITERS: usize = 2;
const RUN: usize = 1 << 20;
const REQUESTS: usize = 100;

/// Measures a host beside this program; says so when it is not built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let (cli, daemon) = (idle::program("holdfast")?, idle::program("holdfastd")?);
    if !cli.exists() || !daemon.exists() {
        let why = "health: holdfast and holdfastd are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let dir = volume::scratch(dir)?;
    let host = dir.path().join("host");
    idle::init(&cli, dir.path(), &host)?;
    let running = idle::begin(&daemon, &host)?;
    let (mut medians, mut slowest) = (Vec::new(), Vec::new());
    for _ in 0..if quick { 1 } else { 5 } {
        let mut times = under_load(dir.path(), &host, quick)?;
        times.sort_by(f64::total_cmp);
        let middle = times.get(times.len() / 2).context("some requests")?;
        medians.push((*middle, BUDGET));
        slowest.push((*times.last().context("some requests")?, BUDGET));
    }
    drop(running);
    report.rows = vec![
        Row::new(
            "health request under load / budget",
            "ms",
            &medians,
            Goal::AtMost(1.0),
        ),
        Row::new(
            "slowest of 100 health requests / budget",
            "ms",
            &slowest,
            Goal::None,
        ),
    ];
    Ok(report)
}

/// Milliseconds of each request while writers write.
fn under_load(dir: &Path, host: &Path, quick: bool) -> anyhow::Result<Vec<f64>> {
    let ending = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let (ending, path) = (Arc::clone(&ending), dir.join(format!("load-{n}")));
            thread::spawn(move || write(&path, &ending))
        })
        .collect();
    let address = std::fs::read_to_string(host.join("api.addr"))?;
    let token = std::fs::read_to_string(host.join("api.token"))?;
    let count = if quick { 5 } else { REQUESTS };
    let times = (0..count).map(|_| request(&address, token.trim()));
    let times: anyhow::Result<Vec<f64>> = times.collect();
    ending.store(true, Ordering::Release);
    for writer in writers {
        let wrote = writer
            .join()
            .map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        ensure!(wrote > 0, "the drive was not loaded");
    }
    times
}

/// Writes and flushes until told to end; how many runs.
fn write(path: &Path, ending: &AtomicBool) -> anyhow::Result<u64> {
    let file = File::create(path)?;
    let bytes = vec![7; RUN];
    let mut runs = 0;
    while !ending.load(Ordering::Acquire) {
        file.write_all_at(&bytes, runs % 256 * RUN as u64)?;
        file.sync_data()?;
        runs += 1;
    }
    Ok(runs)
}

fn request(address: &str, token: &str) -> anyhow::Result<f64> {
    // Requests of one caller a second are bounded; so are these.
    thread::sleep(Duration::from_millis(20));
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET /health HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    ensure!(
        text.contains("\"checks\""),
        "no health: {}",
        text.lines().next().unwrap_or("")
    );
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}
