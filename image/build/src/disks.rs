//! The disks of this machine, by the serial number their maker gave them. Names such as `sda`
//! change with the order in which a kernel finds drives and choose nothing here.
//!
//! Enters: the kernel's folders, whose places are given so that tests have their own. Leaves: one
//! disk, and what speaks against writing to it. Nothing here writes.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Bytes that are looked at, at both ends of a disk.
const LOOK: usize = 1 << 20;
/// What is recognised: where, the bytes there, what it is called.
const KNOWN: [(usize, &[u8], &str); 7] = [
    (0, b"HFVOLUME", "a volume of Holdfast with shards on it"),
    (512, b"EFI PART", "a table of partitions"),
    (1080, &[0x53, 0xef], "a file system (ext4)"),
    (0, b"XFSB", "a file system (XFS)"),
    (0, b"LUKS", "an encrypted volume"),
    (536, b"LVM2 001", "a physical volume of LVM"),
    (510, &[0x55, 0xaa], "a boot sector"),
];

/// Where the kernel tells of disks.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// /sys/block
    pub(crate) blocks: PathBuf,
    /// /dev
    pub(crate) devices: PathBuf,
    /// /proc/self/mountinfo
    pub(crate) mounts: PathBuf,
    /// /proc/swaps
    pub(crate) swaps: PathBuf,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            blocks: "/sys/block".into(),
            devices: "/dev".into(),
            mounts: "/proc/self/mountinfo".into(),
            swaps: "/proc/swaps".into(),
        }
    }
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disk {
    /// Its name in /dev, today.
    pub(crate) name: String,
    /// Its serial number.
    pub(crate) serial: String,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Its device file.
    pub(crate) path: PathBuf,
}

impl Kernel {
    /// Every disk that has a serial number.
    ///
    /// # Errors
    /// `File` when the kernel's folder is not there.
    pub(crate) fn disks(&self) -> Result<Vec<Disk>, Error> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.blocks).map_err(Error::file(&self.blocks))? {
            let entry = entry.map_err(Error::file(&self.blocks))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(serial) = serial(&entry.path()) else {
                continue;
            };
            let sectors = word(&entry.path().join("size")).and_then(|text| text.parse().ok());
            found.push(Disk {
                path: self.devices.join(&name),
                bytes: sectors.unwrap_or(0_u64) * 512,
                serial,
                name,
            });
        }
        found.sort_by(|one, other| one.serial.cmp(&other.serial));
        Ok(found)
    }

    /// The one disk of a serial number.
    ///
    /// # Errors
    /// `Disk` when there is none or more than one.
    pub(crate) fn by_serial(&self, wanted: &str) -> Result<Disk, Error> {
        let all = self.disks()?;
        let refuse = |why: String| Error::Disk {
            serial: wanted.to_owned(),
            why,
        };
        let mut of: Vec<&Disk> = all.iter().filter(|disk| disk.serial == wanted).collect();
        match (of.pop(), of.pop()) {
            (Some(disk), None) => Ok(disk.clone()),
            (Some(one), Some(other)) => Err(refuse(format!(
                "{} and {} both have it: unplug one",
                one.name, other.name
            ))),
            (None, _) => {
                let have: Vec<&str> = all.iter().map(|disk| disk.serial.as_str()).collect();
                Err(refuse(format!(
                    "no disk has it; here are {}",
                    have.join(", ")
                )))
            }
        }
    }

    /// Refuses a disk that something uses now: no word allows that.
    ///
    /// # Errors
    /// `Disk`.
    pub(crate) fn is_free(&self, disk: &Disk) -> Result<(), Error> {
        let busy = |why: String| Error::Disk {
            serial: disk.serial.clone(),
            why,
        };
        let folder = self.blocks.join(&disk.name);
        let mut numbers = BTreeSet::new();
        let mut names = BTreeSet::from([disk.name.clone()]);
        let mut parts = vec![folder.clone()];
        for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
            let path = entry.map_err(Error::file(&folder))?.path();
            if path.join("partition").exists() {
                let name = path.file_name().unwrap_or_default();
                names.insert(name.to_string_lossy().into_owned());
                parts.push(path);
            }
        }
        for part in &parts {
            numbers.extend(word(&part.join("dev")));
            let holders = std::fs::read_dir(part.join("holders"));
            if let Some(Ok(holder)) = holders.ok().and_then(|mut all| all.next()) {
                let holder = holder.file_name().to_string_lossy().into_owned();
                return Err(busy(format!("{holder} is made of it")));
            }
        }
        let mounts = std::fs::read_to_string(&self.mounts).map_err(Error::file(&self.mounts))?;
        for line in mounts.lines() {
            let mut words = line.split_whitespace().skip(2);
            if let (Some(number), Some(at)) = (words.next(), words.nth(1))
                && numbers.contains(number)
            {
                return Err(busy(format!("it is mounted on {at}")));
            }
        }
        let swaps = std::fs::read_to_string(&self.swaps).unwrap_or_default();
        let swapping = swaps.lines().any(|line| {
            let file = line.split_whitespace().next().unwrap_or_default();
            names.contains(file.rsplit('/').next().unwrap_or_default())
        });
        if swapping {
            return Err(busy("the machine swaps to it".to_owned()));
        }
        Ok(())
    }
}

fn word(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// NVMe and SATA tell it below `device`, virtual disks beside it, SCSI in a page of its own.
fn serial(folder: &Path) -> Option<String> {
    word(&folder.join("device/serial"))
        .or_else(|| word(&folder.join("serial")))
        .or_else(|| {
            let page = std::fs::read(folder.join("device/vpd_pg80")).ok()?;
            let text = String::from_utf8_lossy(page.get(4..)?).into_owned();
            let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
            (!text.is_empty()).then(|| text.to_owned())
        })
}

/// What lies on a disk of so many bytes: none when both its ends are empty.
///
/// # Errors
/// `File`.
pub(crate) fn content(path: &Path, file: &File, bytes: u64) -> Result<Option<&'static str>, Error> {
    let len = usize::try_from(bytes).unwrap_or(LOOK).min(LOOK);
    let mut first = vec![0; len];
    let mut last = vec![0; len];
    file.read_exact_at(&mut first, 0)
        .and_then(|()| file.read_exact_at(&mut last, bytes - len as u64))
        .map_err(Error::file(path))?;
    let known = KNOWN
        .iter()
        .find(|(at, magic, _)| first.get(*at..).is_some_and(|tail| tail.starts_with(magic)));
    if let Some((_, _, name)) = known {
        return Ok(Some(name));
    }
    let empty =
        |part: &[u8]| part.iter().all(|byte| *byte == 0) || part.iter().all(|byte| *byte == 0xff);
    if empty(&first) && empty(&last) {
        return Ok(None);
    }
    Ok(Some("something that is not recognised"))
}

#[cfg(test)]
mod tests;
