//! Which NVMe drives there are, from sysfs, without any privilege.
//!
//! Enters: a sysfs root (`/sys`). Leaves: [`Drive`] by serial and namespace; the kernel's own
//! names change from boot to boot and are told beside. Invariants: what cannot be read is absent;
//! a machine without NVMe has an empty list, not an error; at most [`DRIVES_MAX`] are told.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// More namespaces than one box has.
const DRIVES_MAX: usize = 256;
/// Sysfs counts sizes in these, whatever the drive's blocks are.
const SECTOR: u64 = 512;

/// How a drive keeps writes that it acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cache {
    /// In volatile memory until a flush: every promise needs one.
    Volatile,
    /// Safe when acknowledged; a flush costs nothing.
    Safe,
    /// The kernel does not tell; taken as volatile.
    Unknown,
}

impl Cache {
    /// Whether an acknowledged write may be lost with the power.
    #[must_use]
    pub const fn needs_flush(self) -> bool {
        !matches!(self, Self::Safe)
    }
}

/// One namespace of a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    /// What is printed on it, trimmed.
    pub serial: String,
    /// Its namespace, from 1.
    pub namespace: u32,
    /// What its maker calls it.
    pub model: String,
    /// Its firmware's version.
    pub firmware: String,
    /// Bytes.
    pub size: u64,
    /// The kernel's name of the namespace now: `nvme0n1`.
    pub block: String,
    /// The kernel's name of the controller now: `nvme0`.
    pub controller: String,
    /// `live`, `resetting`, `dead`...
    pub state: String,
    /// Its write cache.
    pub cache: Cache,
    /// Whether a single write can be forced to the media.
    pub forced_writes: bool,
    /// Thousandths of a degree Celsius, from the kernel's own sensor.
    pub milli_celsius: Option<i64>,
}

/// The namespaces of this machine, in the order of their names.
///
/// # Errors
/// `File` when the folder of block devices exists but cannot be read.
pub fn drives(sysfs: &Path) -> Result<Vec<Drive>, Error> {
    let folder = sysfs.join("class/block");
    let failed = |source| Error::File {
        path: folder.clone(),
        source,
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries.take(1 << 16) {
        let name = entry.map_err(failed)?.file_name();
        let Some((controller, namespace)) = name.to_str().and_then(numbers) else {
            continue;
        };
        found.extend(drive(sysfs, controller, namespace));
        if found.len() >= DRIVES_MAX {
            break;
        }
    }
    found.sort_by(|a, b| a.block.cmp(&b.block));
    Ok(found)
}

/// `nvme3n2` is controller 3 and place 2. Partitions and hidden paths (`nvme0n1p1`, `nvme0c1n1`)
/// are none.
fn numbers(name: &str) -> Option<(u32, u32)> {
    let (controller, place) = name.strip_prefix("nvme")?.split_once('n')?;
    Some((controller.parse().ok()?, place.parse().ok()?))
}

fn drive(sysfs: &Path, controller: u32, place: u32) -> Option<Drive> {
    let block = format!("nvme{controller}n{place}");
    let at = sysfs.join("class/block").join(&block);
    let device = at.join("device");
    let serial = word(&device.join("serial")).filter(|serial| !serial.is_empty())?;
    let sectors: u64 = word(&at.join("size"))?.parse().ok()?;
    let namespace = word(&at.join("nsid")).and_then(|word| word.parse().ok());
    let cache = match word(&at.join("queue/write_cache")).as_deref() {
        Some("write back") => Cache::Volatile,
        Some("write through") => Cache::Safe,
        _ => Cache::Unknown,
    };
    let controller = format!("nvme{controller}");
    let own = sysfs.join("class/nvme").join(&controller);
    Some(Drive {
        serial,
        namespace: namespace.unwrap_or(place),
        model: word(&device.join("model")).unwrap_or_default(),
        firmware: word(&device.join("firmware_rev")).unwrap_or_default(),
        size: sectors.saturating_mul(SECTOR),
        state: word(&own.join("state")).unwrap_or_default(),
        forced_writes: word(&at.join("queue/fua")).as_deref() == Some("1"),
        milli_celsius: temperature(&own).or_else(|| temperature(&device)),
        cache,
        block,
        controller,
    })
}

/// The composite sensor: `hwmonN/temp1_input` in the controller's folder, or one folder deeper.
fn temperature(controller: &Path) -> Option<i64> {
    let sensors = |folder: PathBuf| {
        let entries = fs::read_dir(folder).ok();
        let entries = entries.into_iter().flatten().take(64).flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("hwmon"))
    };
    sensors(controller.to_path_buf())
        .chain(sensors(controller.join("hwmon")))
        .find_map(|entry| word(&entry.path().join("temp1_input"))?.parse().ok())
}

/// A file of one line, trimmed.
fn word(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests;
