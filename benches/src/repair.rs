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
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::idle::program;
use crate::put_network::write_noise;
use crate::rows::{Goal, Report, Row};
use crate::standing::{Shape, Standing};
use crate::volume;

const SHAPE: Shape = Shape {
    hosts: 24,
    data: 10,
    parity: 10,
    mib: 96,
};
/// Share of the limit that a repair should reach.
const GOAL: f64 = 0.8;

/// Repairs a file of 512 MiB after each of three hosts died; `quick` one of 4 MiB, once, over
/// fewer. Says so when the program is not built.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let holdfast = program("holdfast")?;
    if !holdfast.exists() {
        let why = "repair: holdfast is not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let (mib, rounds, shape) = match quick {
        true => (4, 1, Shape::SMALL),
        false => (512, 3, SHAPE),
    };
    let scratch = volume::scratch(dir)?;
    let file = scratch.path().join("file");
    write_noise(&file, mib)?;
    let network = Standing::start(&holdfast, scratch.path(), shape)?;
    let id = network.put(&file)?;
    let (mut speed, mut traffic) = (Vec::new(), Vec::new());
    let mut victims = 0..shape.hosts;
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
        traffic.push((moved / lost, f64::from(shape.data + 1)));
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

#[cfg(test)]
mod tests;
