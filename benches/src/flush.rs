//! Question: what does a flush cost through the volume driver, against fdatasync(2) called in
//! place by a thread that has nothing else to do?
//!
//! Unit: flushes a second (the inverse of the median), each after one 4 KiB write that is not
//! counted; alternating rounds on one written volume. Machine: 2 cores, virtio disk whose host
//! acknowledges flushes cheaply.
//!
//! Expected: the call 30 to 50 us; a driver adds two thread switches, 10 to 30 us: a ratio of 0.5
//! to 0.8 alone, less when the processors are busy. Where a flush costs a millisecond, near 1.
//! The second row asks the same beside eight readers of 64 KiB, as a host flushes; there the call
//! blocks the readers' thread, which costs it nothing here and a host its other conversations.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::{join, join_all};
use host_core::seams::{Device, DeviceError};
use host_uring::AnyDevice;

use crate::rows::{Goal, Report, Row, median};
use crate::volume::Volume;

/// Readers beside the flushes of the second row.
const READERS: u64 = 8;

/// Measures both rows; `quick` only proves that it runs.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let (size, rounds, millis) = if quick {
        (16 << 20, 1, 20)
    } else {
        (256 << 20, 7, 400)
    };
    let span = Duration::from_millis(millis);
    let volume = Volume::make(dir, size)?;
    let device = &volume.device;
    let file = File::options().write(true).open(&volume.path)?;
    let mut report = Report::default();
    for readers in [0, READERS] {
        let mut rounds_of = Vec::new();
        for _ in 0..rounds {
            let ours = beside(
                device,
                readers,
                async |stop| flushes(device, stop).await,
                span,
            )?;
            let peer = beside(
                device,
                readers,
                async |stop| calls(device, &file, stop).await,
                span,
            )?;
            rounds_of.push((ours, peer));
        }
        let beside = if readers == 0 {
            "alone"
        } else {
            "beside 8 readers"
        };
        let name = format!("flush {beside} / fdatasync(2)");
        report
            .rows
            .push(Row::new(name, "1/s", &rounds_of, Goal::None));
    }
    Ok(report)
}

/// Runs `flushing` until `span` is over with so many readers of 64 KiB beside it.
fn beside(
    device: &AnyDevice,
    readers: u64,
    flushing: impl AsyncFnOnce(Instant) -> anyhow::Result<f64>,
    span: Duration,
) -> anyhow::Result<f64> {
    let stop = Instant::now() + span;
    let ended = Cell::new(false);
    let reader = async |first: u64| {
        let mut buf = device.buffer(64 << 10)?;
        let blocks = device.facts().size >> 16;
        let mut at = first;
        while !ended.get() {
            at = (at + 97) % blocks;
            let (back, read) = device.read(at << 16, buf).await;
            read?;
            buf = back;
        }
        Ok::<(), DeviceError>(())
    };
    let flushing = async {
        let rate = flushing(stop).await;
        ended.set(true);
        rate
    };
    let (rate, read) = block_on(join(flushing, join_all((0..readers).map(reader))));
    read.into_iter().collect::<Result<(), _>>()?;
    rate
}

async fn flushes(device: &AnyDevice, stop: Instant) -> anyhow::Result<f64> {
    let mut spent = Vec::new();
    while Instant::now() < stop || spent.is_empty() {
        soil(device, spent.len()).await?;
        let start = Instant::now();
        device.flush().await?;
        spent.push(start.elapsed().as_secs_f64());
    }
    Ok(1.0 / median(spent))
}

async fn calls(device: &AnyDevice, file: &File, stop: Instant) -> anyhow::Result<f64> {
    let mut spent = Vec::new();
    while Instant::now() < stop || spent.is_empty() {
        soil(device, spent.len()).await?;
        let start = Instant::now();
        file.sync_data()?;
        spent.push(start.elapsed().as_secs_f64());
    }
    Ok(1.0 / median(spent))
}

/// Writes a block, so that there is something to flush.
async fn soil(device: &AnyDevice, turn: usize) -> Result<(), DeviceError> {
    let buf = device.buffer(4096)?;
    device.write(turn as u64 % 1024 * 4096, buf).await.1
}

#[cfg(test)]
mod tests;
