//! Question: how near does a real put of 1 GiB come to its pipeline's limit, through sockets,
//! agreements, cheques and thirty host processes?
//!
//! Unit: GiB of plaintext a second from the first question to the last receipt, as the report of
//! `holdfast demo` states it, against the slowest of encrypt, hash, encode and 3 GiB written
//! (`put_limit`), measured just before on the same disk. The thirty hosts, the chain and the renter
//! share the cores that the limit has for itself; a second row therefore names what all stages
//! reach when they share the cores, without a network.
//!
//! Machine: 2 cores, virtio disk, about 8 GiB of it free. Expected: each byte is hashed twice, by
//! renter and host, encrypted for the wire and opened again, and copied by the kernel: a third of
//! the limit.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::idle::program;
use crate::put_limit::Stages;
use crate::rows::{Goal, Report, Row};
use crate::volume;

/// A network that only proves that this runs.
const SMALL: &[&str] = &[
    "--hosts", "10", "--kill", "2", "--data", "2", "--parity", "6",
];

/// Puts a file of 1 GiB three times, each into a network of its own; `quick` one of 4 MiB. Says so
/// when the program is not built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let holdfast = program("holdfast")?;
    if !holdfast.exists() {
        let why = "put-network: holdfast is not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let (mib, rounds, shape) = match quick {
        true => (4, 1, SMALL),
        false => (1024, 3, &[][..]),
    };
    let scratch = volume::scratch(dir)?;
    let file = scratch.path().join("file");
    write_noise(&file, mib)?;
    let (mut limits, mut shares) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let stages = Stages::measure(quick, dir)?;
        let place = scratch.path().join(format!("network-{round}"));
        let rate = put(&holdfast, &file, &place, shape)?;
        limits.push((rate, stages.limit));
        shares.push((rate, stages.shared));
    }
    let named = |name: &str, figures: &[(f64, f64)]| Row::new(name, "GiB/s", figures, Goal::None);
    report.rows = vec![
        named("put 1 GiB to 30 hosts / limit", &limits),
        named("put 1 GiB to 30 hosts / stages sharing the cores", &shares),
    ];
    Ok(report)
}

/// Bytes that no drive and no filesystem can shorten.
pub(crate) fn write_noise(path: &Path, mib: usize) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..mib * ((1 << 20) / 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.into_inner()?.sync_all()?;
    Ok(())
}

/// GiB a second of one put, as the demo reports it.
fn put(holdfast: &Path, file: &Path, place: &Path, shape: &[&str]) -> anyhow::Result<f64> {
    let said = place.with_extension("json");
    let ended = Command::new(holdfast)
        .args(["demo", "--exit", "--file"])
        .arg(file)
        .args(shape)
        .arg("--dir")
        .arg(place)
        .arg("--report")
        .arg(&said)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("running holdfast demo")?;
    let why = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "holdfast demo: {}", why.trim());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&said)?)?;
    let rate = report["put"]["mib_per_s"].as_f64();
    Ok(rate.context("the report names put.mib_per_s")? / 1024.0)
}

#[cfg(test)]
mod tests;
