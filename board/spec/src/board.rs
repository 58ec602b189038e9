//! The description of one kind of box, and what makes it coherent.
//!
//! Invariant: a [`BoardSpec`] that `parse` gave has passed [`BoardSpec::check`]. Unknown keys are
//! refused everywhere.

use serde::Deserialize;

use crate::error::Error;
use crate::size::Size;

/// The widest neighbour table that is asked for; a full one is scanned under one lock.
const NEIGHBOURS_MAX: u64 = 65_536;

/// One kind of box.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardSpec {
    /// The machine's name: that of its file.
    #[serde(skip)]
    pub name: String,
    /// One sentence for people.
    pub title: String,
    /// Processor threads.
    pub cores: Cores,
    /// Memory.
    pub memory: Memory,
    /// Drives for extents.
    pub drives: Drives,
    /// Network ports.
    pub nics: Nics,
    /// Firmware and its parts.
    pub firmware: Firmware,
    /// What the kernel is set to.
    pub kernel: Kernel,
}

/// Processor threads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cores {
    /// Fewer are not supported.
    pub least: u32,
}

/// Memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Less is not supported.
    pub least: Size,
    /// What the daemon may hold; the watch takes less where the machine or a cgroup has less.
    pub budget: Size,
}

/// Drives for extents; the system's own is not counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drives {
    /// The bus: `nvme` or `virtio`.
    pub bus: Bus,
    /// Fewer are not supported.
    pub least: u32,
    /// The box has places for so many.
    pub most: u32,
    /// A smaller drive is not claimed.
    pub size_least: Size,
    /// An operation that takes longer marks the drive slow, in milliseconds.
    pub slow_ms: u64,
    /// An operation that takes longer quarantines the drive, in milliseconds.
    pub quarantine_ms: u64,
}

/// How drives are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bus {
    /// NVMe, also emulated.
    Nvme,
    /// A virtual machine's block device.
    Virtio,
}

/// Network ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nics {
    /// Fewer are not supported.
    pub least: u32,
    /// Megabits a second that each should have.
    pub mbit_least: u32,
    /// Names of kernel modules, so that the image carries them.
    pub drivers: Vec<String>,
}

/// Firmware and its parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// Whether UEFI Secure Boot can be required.
    pub secure_boot: bool,
    /// Whether there is a TPM 2.0.
    pub tpm: bool,
    /// The hardware watchdog.
    pub watchdog: Watchdog,
}

/// The hardware watchdog, which PID 1 feeds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watchdog {
    /// The kernel module.
    pub driver: String,
    /// Seconds until it resets the box.
    pub timeout_s: u32,
}

/// What the kernel is set to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// The oldest release that is supported: major and minor.
    pub least: [u32; 2],
    /// Neighbour tables, both families.
    pub neighbours: Neighbours,
    /// vm.dirty_background_bytes.
    pub dirty_background: Size,
    /// vm.dirty_bytes.
    pub dirty: Size,
    /// vm.min_free_kbytes, in bytes.
    pub free_least: Size,
    /// Seconds after which a panic restarts the box; 0 never does.
    pub panic_s: u32,
    /// What this machine needs on the kernel's command line besides what every image says.
    pub words: Vec<String>,
}

/// gc_thresh1, 2 and 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbours {
    /// Below it nothing is collected.
    pub thresh1: u32,
    /// Above it the kernel collects by force.
    pub thresh2: u32,
    /// The limit.
    pub thresh3: u32,
}

impl BoardSpec {
    /// Checks every bound and every order between values.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let drives = &self.drives;
        let table = self.kernel.neighbours;
        let range = |what, have: u64, least, most| self.range(what, have, least, most);
        range("cores.least", self.cores.least.into(), 1, 1_024)?;
        range("memory.least", self.memory.least.0, 512 << 20, 16 << 40)?;
        range("memory.budget", self.memory.budget.0, 64 << 20, 1 << 40)?;
        range("drives.least", drives.least.into(), 1, 256)?;
        range("drives.most", drives.most.into(), 1, 256)?;
        range("drives.size_least", drives.size_least.0, 4 << 20, 1 << 50)?;
        range("drives.slow_ms", drives.slow_ms, 100, 60_000)?;
        range("drives.quarantine_ms", drives.quarantine_ms, 1_000, 600_000)?;
        range("nics.least", self.nics.least.into(), 1, 64)?;
        range(
            "nics.mbit_least",
            self.nics.mbit_least.into(),
            10,
            1_600_000,
        )?;
        let watchdog = &self.firmware.watchdog;
        range(
            "firmware.watchdog.timeout_s",
            watchdog.timeout_s.into(),
            10,
            600,
        )?;
        range("kernel.least", self.kernel.least[0].into(), 5, 99)?;
        range(
            "kernel.neighbours.thresh3",
            table.thresh3.into(),
            1_024,
            NEIGHBOURS_MAX,
        )?;
        range("kernel.panic_s", self.kernel.panic_s.into(), 0, 3_600)?;
        self.words()?;
        self.orders()
    }

    /// A word of the command line is one word, and never one that the image itself says.
    fn words(&self) -> Result<(), Error> {
        let odd = |word: &&String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.,=:/".contains(&byte);
            let key = word.split('=').next().unwrap_or_default();
            let own = ["panic", "oops", "lockdown", "init", "rdinit", "root"];
            let set = ["holdfast.", "module.", "systemd."];
            word.is_empty()
                || !word.bytes().all(plain)
                || own.contains(&key)
                || set.iter().any(|start| key.starts_with(start))
        };
        match self.kernel.words.iter().find(odd) {
            None => Ok(()),
            Some(word) => Err(Error::Word {
                name: self.name.clone(),
                word: word.clone(),
            }),
        }
    }

    fn orders(&self) -> Result<(), Error> {
        let (drives, kernel, table) = (&self.drives, &self.kernel, self.kernel.neighbours);
        let half = self.memory.least.0 / 2;
        self.order(
            ("drives.least", drives.least),
            ("drives.most + 1", drives.most + 1),
        )?;
        self.order(
            ("drives.slow_ms", drives.slow_ms),
            ("drives.quarantine_ms", drives.quarantine_ms),
        )?;
        self.order(
            ("memory.budget", self.memory.budget.0),
            ("half of memory.least, and a byte", half + 1),
        )?;
        self.order(
            ("kernel.neighbours.thresh1", table.thresh1),
            ("kernel.neighbours.thresh2", table.thresh2),
        )?;
        self.order(
            ("kernel.neighbours.thresh2", table.thresh2),
            ("kernel.neighbours.thresh3", table.thresh3),
        )?;
        self.order(
            ("kernel.dirty_background", kernel.dirty_background.0),
            ("kernel.dirty", kernel.dirty.0),
        )?;
        self.order(
            ("kernel.dirty", kernel.dirty.0),
            ("memory.least", self.memory.least.0),
        )?;
        self.order(
            ("kernel.free_least", kernel.free_least.0),
            ("half of memory.least", half),
        )
    }

    fn range(&self, what: &'static str, have: u64, least: u64, most: u64) -> Result<(), Error> {
        if (least..=most).contains(&have) {
            return Ok(());
        }
        Err(Error::Range {
            name: self.name.clone(),
            what,
            have,
            least,
            most,
        })
    }

    fn order<N: Into<u64>>(
        &self,
        (low_name, low): (&'static str, N),
        (high_name, high): (&'static str, N),
    ) -> Result<(), Error> {
        let (low, high) = (low.into(), high.into());
        if low < high {
            return Ok(());
        }
        Err(Error::Order {
            name: self.name.clone(),
            low_name,
            low,
            high_name,
            high,
        })
    }
}

#[cfg(test)]
mod tests;
