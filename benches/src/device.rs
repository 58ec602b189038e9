//! Question: does a volume's device move bytes as fast, and as cheaply, as fio does on the same
//! file?
//!
//! Unit: MiB/s of wall time, and CPU seconds a GiB over all threads of either side; alternating
//! pairs on one preallocated and already written file, so read the ratios. fio runs io_uring with
//! direct I/O, registered buffers and file where the memlock limit allows it, on the same kind of
//! pages. Ours is driven as the product drives it: a future an operation, its own driver thread,
//! the product's arena and queue. fio submits from its one thread and hands nothing over.
//!
//! Expected, on a virtual disk: 1 MiB writes at 4 to 9 GiB/s, reads at 2 to 4; from 64 KiB and a
//! depth of 8 on both wait for the disk and the ratio is 1. At a depth of 1 ours pays two
//! hand-overs between threads, 10 to 20 us, on operations of 50 to 100.

use std::path::Path;
use std::time::Duration;

use futures::executor::block_on;
use host_core::seams::Device;

use crate::rows::{Goal, Report, Row};
use crate::volume::Volume;

mod load;
mod peer;

/// One way to use a device.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// Whether bytes go out.
    write: bool,
    /// Whether offsets jump.
    random: bool,
    /// Bytes an operation.
    block: usize,
    /// Operations in flight.
    depth: usize,
}

impl Case {
    fn name(&self) -> String {
        let way = if self.write { "write" } else { "read" };
        let order = if self.random { "random" } else { "seq" };
        let block = self.block >> 10;
        format!("device {way} {order} {block}k qd{}", self.depth)
    }
}

const fn case(write: bool, random: bool, kib: usize, depth: usize) -> Case {
    Case {
        write,
        random,
        block: kib << 10,
        depth,
    }
}

/// What is measured: reads a renter waits for, shards written and read whole, scrub and repair.
const CASES: [Case; 10] = [
    case(true, true, 64, 8),
    case(true, true, 64, 32),
    case(false, true, 64, 8),
    case(false, true, 64, 32),
    case(true, false, 1024, 8),
    case(true, false, 1024, 32),
    case(false, false, 1024, 8),
    case(false, false, 1024, 32),
    case(false, true, 4, 1),
    case(false, true, 4, 32),
];

/// What one side did.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// MiB a second.
    mib_s: f64,
    /// CPU seconds a GiB.
    cpu: f64,
}

/// How much is measured.
struct Plan {
    cases: Vec<Case>,
    rounds: usize,
    span: Duration,
    size: u64,
}

impl Plan {
    fn new(quick: bool) -> Self {
        let count = if quick { 1 } else { CASES.len() };
        let cases = CASES.into_iter().take(count).collect();
        Self {
            cases,
            rounds: if quick { 1 } else { 5 },
            span: Duration::from_millis(if quick { 100 } else { 700 }),
            size: if quick { 32 << 20 } else { 1 << 30 },
        }
    }
}

/// The report; `quick` only proves that it runs. Errors when the file cannot be made; a missing
/// fio is a remark.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let plan = Plan::new(quick);
    let volume = Volume::make(dir, plan.size)?;
    let device = &volume.device;
    let facts = device.facts();
    let mut report = Report::default();
    let peer = match peer::Peer::find(&volume.path) {
        Ok(peer) => peer,
        Err(why) => {
            report.notes.push(why);
            return Ok(report);
        }
    };
    let (driver, said) = (facts.driver, peer.describe());
    report
        .notes
        .push(format!("device: ours {driver}; peer {said}"));
    for case in plan.cases {
        let mut rates = Vec::new();
        let mut costs = Vec::new();
        for round in 0..plan.rounds {
            let ours = || block_on(load::run(device, &case, plan.span));
            // Who goes first alternates, so that neither always follows the other's writes.
            let (own, other) = if round % 2 == 0 {
                let own = ours()?;
                (own, peer.run(&case, plan.span, plan.size)?)
            } else {
                let other = peer.run(&case, plan.span, plan.size)?;
                (ours()?, other)
            };
            rates.push((own.mib_s, other.mib_s));
            costs.push((own.cpu, other.cpu));
        }
        let name = case.name();
        report
            .rows
            .push(Row::new(&name, "MiB/s", &rates, Goal::AtLeast(0.95)));
        let name = format!("{name} cpu");
        report
            .rows
            .push(Row::new(name, "s/GiB", &costs, Goal::AtMost(1.2)));
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
