//! Question: which allocator gives memory back, and what does it cost on the stream?
//!
//! Unit: MiB resident after 400 MiB in blocks of 8 KiB were freed but for one block in 64, and
//! seconds for eight threads that take, touch and free what a conversation does: a frame of 64 KiB
//! and small change. Ours is the system allocator, its free pages given back as the host does when
//! it is pressed or done (`host_uring::trim_heap`); the peers are jemalloc (background thread,
//! decay of five seconds) and mimalloc, preloaded into the same program, each a process of its own
//! in the same run. Machine: any with the libraries (Debian: libjemalloc2, libmimalloc2.0).
//!
//! Expected: what must stay is 6 MiB and what a process has; an allocator that keeps freed blocks
//! in its own lists stands at 400.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::rows::{Goal, Report, Row};

const THREADS: usize = 8;
const BLOCK: usize = 8 << 10;
const HELD: usize = 400 << 20;
/// One block in so many stays.
const STAYS: usize = 64;
const FRAME: usize = 64 << 10;
const ROUNDS: usize = 40_000;
/// The peers' decay is five seconds.
const SETTLE: Duration = Duration::from_secs(8);

/// Where libraries stand.
const FOLDERS: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
];
const PEERS: [(&str, &str); 2] = [
    ("jemalloc", "libjemalloc.so.2"),
    ("mimalloc", "libmimalloc.so.2"),
];

/// Measures; says which peers are not installed.
pub fn report(quick: bool) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let rounds = if quick { 1 } else { 5 };
    for (name, file) in PEERS {
        let Some(library) = find(file) else {
            let why = format!("allocator: {file} is not installed; {name} is not measured");
            report.notes.push(why);
            continue;
        };
        let (mut back, mut stream) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (ours, peer) = (one(None, quick)?, one(Some(&library), quick)?);
            back.push((ours.resident, peer.resident));
            stream.push((ours.seconds, peer.seconds));
        }
        let goal = Goal::None;
        report.rows.extend([
            Row::new(format!("given back, system / {name}"), "MiB", &back, goal),
            Row::new(format!("stream, system / {name}"), "s", &stream, goal),
        ]);
    }
    Ok(report)
}

fn find(file: &str) -> Option<PathBuf> {
    let paths = FOLDERS.iter().map(|folder| Path::new(folder).join(file));
    paths.into_iter().find(|path| path.exists())
}

/// What one process showed.
struct Shown {
    seconds: f64,
    resident: f64,
}

fn one(library: Option<&Path>, quick: bool) -> anyhow::Result<Shown> {
    let own = std::env::current_exe().context("our own path")?;
    let mut command = Command::new(own);
    command.arg("--allocate").args(quick.then_some("--quick"));
    if let Some(library) = library {
        command.env("LD_PRELOAD", library).env(
            "MALLOC_CONF",
            "background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0",
        );
    }
    let said = command.output().context("running ourselves")?;
    ensure!(said.status.success(), "the child failed");
    let text = String::from_utf8(said.stdout)?;
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let mut next = || numbers.next().context("two numbers")?.context("a number");
    Ok(Shown {
        seconds: next()?,
        resident: next()?,
    })
}

/// The child: seconds on the stream and MiB that stay.
pub fn child(quick: bool) -> anyhow::Result<String> {
    let part = if quick { 20 } else { 1 };
    let begun = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|seed| std::thread::spawn(move || stream(ROUNDS / part, seed)))
        .collect();
    let mut sum = 0_u64;
    for thread in threads {
        sum += thread
            .join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let kept: Vec<_> = (0..THREADS)
        .map(|_| std::thread::spawn(move || hold(HELD / part / THREADS / BLOCK)))
        .collect();
    let kept: Vec<Vec<Vec<u8>>> = kept
        .into_iter()
        .map(|thread| {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))
        })
        .collect::<Result<_, _>>()?;
    host_uring::trim_heap();
    std::thread::sleep(if quick {
        Duration::from_millis(100)
    } else {
        SETTLE
    });
    let resident = resident()?;
    sum += kept
        .iter()
        .flatten()
        .map(|block| u64::from(block[0]))
        .sum::<u64>();
    ensure!(sum > 0, "memory was touched");
    Ok(format!("{seconds} {resident}"))
}

/// Frames and small change, as a conversation takes them.
fn stream(rounds: usize, seed: usize) -> u64 {
    let mut sum = 0;
    let mut waiting: Vec<Vec<u8>> = Vec::new();
    for round in 0..rounds {
        let mut frame = vec![0_u8; FRAME];
        for at in (0..FRAME).step_by(4096) {
            frame[at] = 1;
        }
        sum += u64::from(frame[(round * 4096 + seed) % FRAME]);
        let small: Vec<Vec<u8>> = (1..16).map(|n| vec![1; n * 24]).collect();
        sum += small.len() as u64;
        waiting.push(frame);
        if waiting.len() > 8 {
            waiting.remove(round % 8);
        }
    }
    sum
}

/// Blocks that were all touched, one in 64 of them kept.
fn hold(blocks: usize) -> Vec<Vec<u8>> {
    let all: Vec<Vec<u8>> = (0..blocks).map(|_| vec![1; BLOCK]).collect();
    let kept = all.into_iter().enumerate().filter(|(n, _)| n % STAYS == 0);
    kept.map(|(_, block)| block).collect()
}

fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse::<f64>()? / 1024.0)
}
