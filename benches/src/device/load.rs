//! Our side of the device measurement: as many futures as the depth, each moving one buffer again
//! and again until the time is over. All run on the calling thread, as tasks of one worker do.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use futures::future::try_join_all;
use host_core::seams::{Device, DeviceError};

use super::{Case, Rate};

/// Where the next operation goes.
struct Offsets {
    blocks: u64,
    random: bool,
    state: Cell<u64>,
}

impl Offsets {
    fn next(&self) -> u64 {
        let state = self.state.get();
        if self.random {
            // xorshift64, never zero.
            let mut next = state ^ (state << 13);
            next ^= next >> 7;
            next ^= next << 17;
            self.state.set(next);
            next % self.blocks
        } else {
            self.state.set((state + 1) % self.blocks);
            state % self.blocks
        }
    }
}

/// Moves blocks for `span` and says at what rate and cost.
pub(super) async fn run<D: Device>(
    device: &D,
    case: &Case,
    span: Duration,
) -> anyhow::Result<Rate> {
    let block = u64::try_from(case.block)?;
    let offsets = Offsets {
        blocks: device.facts().size / block,
        random: case.random,
        state: Cell::new(0x2545_f491_4f6c_dd1d % (device.facts().size / block)),
    };
    let buffers = (0..case.depth).map(|_| device.buffer(case.block));
    let mut buffers = buffers.collect::<Result<Vec<_>, _>>()?;
    for buf in &mut buffers {
        buf.as_mut().fill(0x5a);
    }
    let moved = Cell::new(0_u64);
    let (start, cpu) = (Instant::now(), cpu_seconds()?);
    let lanes = buffers.into_iter().map(|mut buf| async {
        while start.elapsed() < span {
            let at = offsets.next() * block;
            let (back, done) = if case.write {
                device.write(at, buf).await
            } else {
                device.read(at, buf).await
            };
            done?;
            buf = back;
            moved.set(moved.get() + block);
        }
        Ok::<_, DeviceError>(())
    });
    try_join_all(lanes).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds()? - cpu;
    let mib = moved.get() as f64 / f64::from(1 << 20);
    Ok(Rate {
        mib_s: mib / seconds,
        cpu: cpu / (mib / 1024.0),
    })
}

/// CPU time of all threads of this process that live now. Source: /proc/PID/task/TID/schedstat,
/// whose first figure is nanoseconds on a processor.
fn cpu_seconds() -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for task in std::fs::read_dir("/proc/self/task").context("/proc/self/task")? {
        let path = task?.path().join("schedstat");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).context("this kernel keeps no schedstat"),
        };
        let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
        let nanos: f64 = nanos.ok_or_else(|| anyhow!("schedstat reads {text:?}"))?;
        sum += nanos / 1e9;
    }
    Ok(sum)
}
