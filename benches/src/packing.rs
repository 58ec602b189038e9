//! Question: how many bytes do hosts keep for small objects of the S3 gateway, beside the bytes
//! that the erasure code itself makes of them?
//!
//! Unit: MiB that volumes of all hosts hold for objects of 1 KiB, against 1 KiB times (data +
//! parity) / data for each: first as sixteen connections stored them, sharing what comes within
//! 50 ms, then after `holdfast gateway compact`, with the old objects given back. Each object is
//! read afterwards and compared. A few thousand stand for a million: what is counted comes in
//! shared objects of 1 MiB, each like the next, so that the ratio after compaction is that of many.
//!
//! Expected: sixteen bodies of 1,040 bytes are 4.1 KiB a shard, two blocks of 4 KiB beside those of
//! the extent's header and footer: 4. After compaction a shard has 256 KiB, header and footer 8 of
//! it, and the tag of each body 16 bytes of 1,024: 1.05. Goal: 1.1. Facts in the ledgers, about
//! 1.3 KiB a shard (`start`), are not in it.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};

use crate::rows::{Goal, Report, Row};
use crate::s3::{BUCKET, Ours, Plan, Request, Server, noise, run};
use crate::town::{Town, say};
use crate::volume;

const HOSTS: usize = 6;
const SHARDS: (u16, u16) = (4, 2);
const VOLUME_MIB: usize = 256;
const LEN: usize = 1024;
const CONNECTIONS: usize = 16;
/// Between the beginnings of two bodies in the noise.
const STEP: usize = 8;
/// Bytes on hosts a coded byte, after compaction.
const GOAL: f64 = 1.1;
/// Longest wait for hosts to have taken back what was packed anew.
const SETTLED: Duration = Duration::from_secs(600);

/// Stores 6,000 objects, `quick` a few, and compacts them. Says so where a program is not built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let scratch = volume::scratch(dir)?;
    let Some(town) = Town::start(scratch.path(), HOSTS, VOLUME_MIB)? else {
        let why = "packing: holdfast and holdfastd are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    };
    let plan = Plan {
        shards: SHARDS,
        cache_mib: 0,
    };
    // Before the gateway's first object, which is packed anew with the others.
    let empty = held(&town)?;
    let ours = Ours::start(&town, scratch.path(), plan)?;
    let count = if quick { 160 } else { 6000 };
    let noise = noise(LEN + STEP * count);
    load(&ours, "PUT", count, &noise)?;
    let loose = held(&town)?.saturating_sub(empty);
    let said = say(&mut town.as_renter(&["gateway", "compact", "--small-after", "0", "--json"]))?;
    let emptied = said["emptied"].as_u64().unwrap_or_default();
    ensure!(emptied > 0, "nothing was packed anew: {said}");
    settle(&town)?;
    let packed = held(&town)?.saturating_sub(empty);
    load(&ours, "GET", count, &noise)?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let total = u64::from(SHARDS.0 + SHARDS.1);
    let coded = mib((count * LEN) as u64 * total) / f64::from(SHARDS.0);
    let row = |name: &str, bytes, goal| Row::new(name, "MiB", &[(mib(bytes), coded)], goal);
    report.rows = vec![
        row("1 KiB objects on hosts / coded", loose, Goal::None),
        row("the same, compacted / coded", packed, Goal::AtMost(GOAL)),
    ];
    report.notes.push(format!(
        "packing: {count} objects in {emptied} shared ones, {}+{}, packed anew and read again",
        SHARDS.0, SHARDS.1
    ));
    Ok(report)
}

/// Puts or gets every object.
fn load(ours: &Ours, verb: &str, count: usize, noise: &[u8]) -> anyhow::Result<()> {
    let signer = ours.signer();
    let request = |index: usize| {
        let place = index * STEP..index * STEP + LEN;
        let (body, back) = match verb {
            "PUT" => (place, 0..0),
            _ => (0..0, place),
        };
        let path = format!("/{BUCKET}/small/{index}");
        let bytes = noise.get(body.clone()).unwrap_or_default();
        let head = signer.head(verb, &path, bytes, SystemTime::now());
        Request { head, body, back }
    };
    let requests: Vec<Request> = (0..count).map(request).collect();
    run(&signer.host, CONNECTIONS, &requests, noise)?;
    Ok(())
}

/// Bytes that the volumes of all hosts hold.
fn held(town: &Town) -> anyhow::Result<u64> {
    let statuses = town.statuses()?;
    let used = statuses.iter().map(|status| status["used"].as_u64());
    used.sum::<Option<u64>>()
        .context("a host says what it uses")
}

/// Waits until the gateway has nothing left to give back and hosts have freed it.
fn settle(town: &Town) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut last = u64::MAX;
    loop {
        let said = say(&mut town.as_renter(&["gateway", "usage", "--json"]))?;
        let now = held(town)?;
        if said["to_look_at"] == 0 && now == last {
            return Ok(());
        }
        last = now;
        ensure!(
            begun.elapsed() < SETTLED,
            "old objects are not given back: {said}"
        );
        std::thread::sleep(Duration::from_secs(3));
    }
}

#[cfg(test)]
mod tests;
