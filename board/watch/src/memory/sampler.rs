//! Reading memory's state: a few small files a second, each of which may be missing.
//!
//! Enters: files under [`Roots`]. Leaves: [`Sample`]; a number that cannot be read is absent and
//! its reason is a [`Gap`], told once. The own anonymous memory comes from /proc/self/status, whose
//! counters cost the same for 40 MB and 40 GB; smaps_rollup walks every page.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use super::budget::{self, Budget};
use super::text::{cgroup_path, field, kib_field, stall};
use super::trigger::{Kind, Trigger};
use crate::Error;
use crate::gap::Gap;

/// /proc/vmstat is about 4 KiB; nothing we read is near this.
const TEXT_MAX: u64 = 64 << 10;

/// Where the kernel's files stand; tests put others there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// Usually /proc.
    pub proc: PathBuf,
    /// Usually /sys/fs/cgroup.
    pub cgroup: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            proc: PathBuf::from("/proc"),
            cgroup: PathBuf::from("/sys/fs/cgroup"),
        }
    }
}

/// What is known of memory at one moment. Counters run since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Our own anonymous and shared memory in bytes.
    pub anon: Option<u64>,
    /// MemAvailable and MemTotal in bytes.
    pub available: Option<(u64, u64)>,
    /// Unreclaimable slab, kernel stacks, page tables and percpu memory in bytes.
    pub kernel: Option<u64>,
    /// Whether the stalls are the whole machine's because our own cgroup tells none.
    pub stalls_shared: bool,
    /// Microseconds in which some task waited for memory, in our cgroup or on the machine.
    pub some_us: Option<u64>,
    /// Microseconds in which all tasks waited.
    pub full_us: Option<u64>,
    /// Share of the last minute with some task waiting, in hundredths of a percent.
    pub some_avg60: Option<u32>,
    /// Microseconds in which some task waited for a drive.
    pub io_some_us: Option<u64>,
    /// File pages read again soon after they were given up: page-cache thrash.
    pub refault_file: Option<u64>,
    /// Anonymous pages read again: swap thrash.
    pub refault_anon: Option<u64>,
    /// Processes the kernel killed for memory.
    pub oom_kills: Option<u64>,
    /// The trigger for some stall fired since the last sample.
    pub some_fired: bool,
    /// The trigger for full stall fired since the last sample.
    pub full_fired: bool,
}

/// A small file of the kernel, kept open and read again from its start.
#[derive(Debug)]
struct Kept {
    what: &'static str,
    path: PathBuf,
    file: Option<File>,
    told: bool,
}

impl Kept {
    fn new(what: &'static str, path: PathBuf) -> Self {
        Self {
            what,
            path,
            file: None,
            told: false,
        }
    }

    /// Reads it and takes what `parse` finds; the first failure becomes a gap.
    fn take<T>(
        &mut self,
        buffer: &mut String,
        gaps: &mut Vec<Gap>,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let error = match self.read(buffer) {
            Ok(()) => match parse(buffer) {
                Some(found) => return Some(found),
                None => Error::Form {
                    path: self.path.clone(),
                    what: self.what,
                },
            },
            Err(source) => Error::File {
                path: self.path.clone(),
                source,
            },
        };
        self.file = None;
        if !std::mem::replace(&mut self.told, true) {
            let what = self.what;
            gaps.push(Gap { what, error });
        }
        None
    }

    fn read(&mut self, buffer: &mut String) -> io::Result<()> {
        buffer.clear();
        let file = match &mut self.file {
            Some(file) => {
                file.rewind()?;
                file
            }
            none => none.insert(File::open(&self.path)?),
        };
        file.take(TEXT_MAX).read_to_string(buffer).map(|_len| ())
    }
}

/// Reads samples.
#[derive(Debug)]
pub struct Sampler {
    roots: Roots,
    own: Kept,
    machine: Kept,
    counters: Kept,
    pressure: Kept,
    stalls_shared: bool,
    io: Kept,
    some: Option<Trigger>,
    full: Option<Trigger>,
    gaps: Vec<Gap>,
    budget: Option<Budget>,
    buffer: String,
}

impl Sampler {
    /// Opens the files and arms the triggers that this machine allows.
    #[must_use]
    pub fn open(roots: Roots) -> Self {
        let own = own_pressure(&roots, "memory.pressure");
        let stalls_shared = own.is_none();
        let pressure = own.unwrap_or_else(|| roots.proc.join("pressure/memory"));
        let io =
            own_pressure(&roots, "io.pressure").unwrap_or_else(|| roots.proc.join("pressure/io"));
        let mut gaps = Vec::new();
        let mut arm = |kind, what| {
            Trigger::arm(&pressure, kind)
                .map_err(|error| gaps.push(Gap { what, error }))
                .ok()
        };
        let some = arm(Kind::Some, "memory stall trigger");
        let full = arm(Kind::Full, "memory full-stall trigger");
        let mut sampler = Self {
            own: Kept::new("own memory", roots.proc.join("self/status")),
            machine: Kept::new("available memory", roots.proc.join("meminfo")),
            counters: Kept::new("refaults", roots.proc.join("vmstat")),
            pressure: Kept::new("memory stalls", pressure),
            stalls_shared,
            io: Kept::new("drive stalls", io),
            some,
            full,
            gaps,
            budget: None,
            buffer: String::new(),
            roots,
        };
        sampler.read_budget();
        sampler
    }

    /// The budget as last read.
    #[must_use]
    pub const fn budget(&self) -> Option<Budget> {
        self.budget
    }

    /// Reads the budget again.
    pub fn read_budget(&mut self) -> Option<Budget> {
        let total = self.read_machine().map(|(_, total)| total);
        let own = self.roots.proc.join("self/cgroup");
        self.budget = budget::find(&own, &self.roots.cgroup, total);
        self.budget
    }

    /// Reads everything once. Cost: five small files, about 200 us.
    pub fn look(&mut self) -> Sample {
        let mut sample = Sample {
            available: self.read_machine(),
            ..Sample::default()
        };
        sample.kernel = kernel_side(&self.buffer).filter(|_| sample.available.is_some());
        let (buffer, gaps) = (&mut self.buffer, &mut self.gaps);
        sample.anon = self.own.take(buffer, gaps, |text| {
            kib_field(text, "RssAnon")?.checked_add(kib_field(text, "RssShmem")?)
        });
        let counters = self.counters.take(buffer, gaps, |text| {
            let file = field(text, "workingset_refault_file")
                .or_else(|| field(text, "workingset_refault"))?;
            let anon = field(text, "workingset_refault_anon").unwrap_or_default();
            Some((file, anon, field(text, "oom_kill")))
        });
        if let Some((file, anon, kills)) = counters {
            (sample.refault_file, sample.refault_anon) = (Some(file), Some(anon));
            sample.oom_kills = kills;
        }
        let stalls = self.pressure.take(buffer, gaps, |text| {
            Some((stall(text, "some")?, stall(text, "full")?))
        });
        if let Some((some, full)) = stalls {
            (sample.some_us, sample.full_us) = (Some(some.total_us), Some(full.total_us));
            sample.some_avg60 = Some(some.avg60);
            sample.stalls_shared = self.stalls_shared;
        }
        sample.io_some_us = self
            .io
            .take(buffer, gaps, |text| stall(text, "some"))
            .map(|some| some.total_us);
        sample.some_fired = self.some.as_mut().is_some_and(Trigger::fired);
        sample.full_fired = self.full.as_mut().is_some_and(Trigger::fired);
        sample
    }

    /// What could not be read, each once.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let triggers = self.some.iter().chain(&self.full);
        triggers.filter_map(Trigger::descriptor)
    }

    /// More available than there is, or nothing at all, is no reading.
    fn read_machine(&mut self) -> Option<(u64, u64)> {
        self.machine.take(&mut self.buffer, &mut self.gaps, |text| {
            let total = kib_field(text, "MemTotal").filter(|total| *total > 0)?;
            let available = kib_field(text, "MemAvailable")?;
            (available <= total).then_some((available, total))
        })
    }
}

fn kernel_side(meminfo: &str) -> Option<u64> {
    ["SUnreclaim", "KernelStack", "PageTables", "Percpu"]
        .into_iter()
        .filter_map(|name| kib_field(meminfo, name))
        .reduce(u64::saturating_add)
}

/// The pressure file of our own cgroup, where version 2 is mounted and we are not at its root.
fn own_pressure(roots: &Roots, file: &str) -> Option<PathBuf> {
    let text = std::fs::read_to_string(roots.proc.join("self/cgroup")).ok()?;
    let path = cgroup_path(&text, "").filter(|path| *path != "/")?;
    let inside = Path::new(path.trim_start_matches('/'));
    [roots.cgroup.clone(), roots.cgroup.join("unified")]
        .into_iter()
        .map(|root| root.join(inside).join(file))
        .find(|path| path.exists())
}

#[cfg(test)]
mod tests;
