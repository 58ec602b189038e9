//! Question: does a volume's device move bytes as fast, and as cheaply, as fio does on the same
//! file?
//!
//! Unit: MiB/s of wall time, and CPU seconds a GiB over all threads of either side; alternating
//! pairs on one preallocated and already written file, so read the ratios. fio runs io_uring with
//! direct I/O, registered buffers and file where the memlock limit allows it, on the same kind of
//! pages. Ours is driven as the product drives it: a future an operation, its own driver thread,
//! the product's arena and queue. fio submits from its one thread and hands nothing over.
//!
//! Expected, on a virtual disk: 1 MiB writes at 4 to 9 GiB/s, reads at 2 to 4, ratio 1. An
//! operation costs ours two hand-overs between threads, about 5 us of CPU and 10 to 20 of time:
//! nothing at 1 MiB, a tenth to a third at 64 KiB and below, most where the disk answers fastest
//! (random writes) and where other programs want the processors, since fio needs one thread to
//! run and ours two. Sequential small blocks gain: what was submitted together is merged.
//! All 36 cases take three and a half minutes.

use std::path::Path;
use std::time::Duration;

use host_core::seams::Device;

use crate::rows::{Goal, Report, Row};
use crate::volume::Volume;

mod load;
mod peer;

pub(crate) use load::scatter;
pub(crate) use peer::Peer;

/// One way to use a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Whether bytes go out.
    pub(crate) write: bool,
    /// Whether offsets jump.
    pub(crate) random: bool,
    /// Bytes an operation.
    pub(crate) block: usize,
    /// Operations in flight.
    pub(crate) depth: usize,
}

impl Case {
    fn name(&self) -> String {
        let way = if self.write { "write" } else { "read" };
        let order = if self.random { "random" } else { "seq" };
        let block = self.block >> 10;
        format!("device {way} {order} {block}k qd{}", self.depth)
    }

    /// What is asked of the rate and of the cost: where verified reads and whole shards move, and
    /// deep enough that the device is at work. The other cases inform.
    const fn goals(&self) -> (Goal, Goal) {
        if self.block >= 64 << 10 && self.depth >= 8 {
            (Goal::AtLeast(0.95), Goal::AtMost(1.0))
        } else {
            (Goal::None, Goal::None)
        }
    }
}

/// KiB an operation: what a verified read moves, what whole shards move by, the smallest block.
const BLOCKS: [usize; 3] = [64, 1024, 4];
/// Operations in flight.
const DEPTHS: [usize; 3] = [8, 32, 1];

/// Every block size, direction, order and depth.
fn cases() -> impl Iterator<Item = Case> {
    let blocks = BLOCKS.into_iter();
    blocks.flat_map(|kib| {
        let ways = [(true, true), (false, true), (true, false), (false, false)];
        ways.into_iter().flat_map(move |(write, random)| {
            DEPTHS.into_iter().map(move |depth| Case {
                write,
                random,
                block: kib << 10,
                depth,
            })
        })
    })
}

/// What one side did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// MiB a second.
    pub(crate) mib_s: f64,
    /// CPU seconds a GiB.
    cpu: f64,
    /// Microseconds within which 99 of a hundred operations end; zero where nobody looks.
    pub(crate) p99_us: f64,
}

/// How much is measured.
struct Plan {
    cases: Vec<Case>,
    rounds: usize,
    span: Duration,
    size: u64,
}

impl Plan {
    fn new(quick: bool, only: &str) -> Self {
        let count = if quick { 1 } else { usize::MAX };
        let chosen = cases().filter(|case| case.name().contains(only));
        Self {
            cases: chosen.take(count).collect(),
            rounds: if quick { 1 } else { 5 },
            span: Duration::from_millis(if quick { 100 } else { 400 }),
            size: if quick { 32 << 20 } else { 1 << 30 },
        }
    }
}

/// The report; `quick` only proves that it runs. Errors when the file cannot be made; a missing
/// fio is a remark.
pub fn report(quick: bool, dir: &Path, only: &str) -> anyhow::Result<Report> {
    let plan = Plan::new(quick, only);
    let volume = Volume::make(dir, plan.size)?;
    let facts = volume.device.facts();
    let runtime = crate::runtime::like_the_daemons()?;
    let mut report = Report::default();
    let peer = match Peer::find(&volume.path) {
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
            let ours = || load::run(&runtime, &volume.device, case, plan.span);
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
            .push(Row::new(&name, "MiB/s", &rates, case.goals().0));
        let name = format!("{name} cpu");
        report
            .rows
            .push(Row::new(name, "s/GiB", &costs, Goal::AtMost(1.2)));
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
