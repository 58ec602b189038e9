//! Our side of the device measurement: one task of a runtime like the daemon's, with as many
//! futures as the depth, each moving one buffer again and again until the time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use host_core::seams::{Device, DeviceError};
use host_uring::AnyDevice;
use tokio::runtime::Runtime;

use super::{Case, Rate};
use crate::cpu;

/// Where the next operation goes, and how many went before it.
struct Offsets {
    blocks: u64,
    random: bool,
    given: AtomicU64,
}

impl Offsets {
    fn next(&self) -> u64 {
        let turn = self.given.fetch_add(1, Ordering::Relaxed);
        let at = if self.random { scatter(turn) } else { turn };
        at % self.blocks
    }
}

/// A number that looks like chance. Source: SplitMix64, Steele and others 2014.
pub(crate) const fn scatter(turn: u64) -> u64 {
    let mut mixed = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Moves blocks for `span` and says at what rate and cost.
pub(super) fn run(
    runtime: &Runtime,
    device: &Arc<AnyDevice>,
    case: Case,
    span: Duration,
) -> anyhow::Result<Rate> {
    let block = u64::try_from(case.block)?;
    let offsets = Arc::new(Offsets {
        blocks: device.facts().size / block,
        random: case.random,
        given: AtomicU64::new(0),
    });
    let buffers = (0..case.depth).map(|_| device.buffer(case.block));
    let mut buffers = buffers.collect::<Result<Vec<_>, _>>()?;
    for buf in &mut buffers {
        buf.as_mut().fill(0x5a);
    }
    let (start, cpu) = (Instant::now(), cpu::process()?);
    let lanes = buffers.into_iter().map(|buf| {
        let (device, offsets) = (Arc::clone(device), Arc::clone(&offsets));
        async move { lane(&*device, &offsets, buf, case, start + span).await }
    });
    runtime.block_on(runtime.spawn(try_join_all(lanes)))??;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu::process()? - cpu;
    let moved = offsets.given.load(Ordering::Relaxed) * block;
    let mib = moved as f64 / f64::from(1 << 20);
    Ok(Rate {
        mib_s: mib / seconds,
        cpu: cpu / (mib / 1024.0),
        p99_us: 0.0,
    })
}

/// Moves one buffer again and again until `stop`.
async fn lane<D: Device>(
    device: &D,
    offsets: &Offsets,
    mut buf: D::Buf,
    case: Case,
    stop: Instant,
) -> Result<(), DeviceError> {
    while Instant::now() < stop {
        let at = offsets.next() * case.block as u64;
        let (back, done) = if case.write {
            device.write(at, buf).await
        } else {
            device.read(at, buf).await
        };
        done?;
        buf = back;
    }
    Ok(())
}
