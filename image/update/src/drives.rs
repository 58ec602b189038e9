//! Data drives of a box: claimed by the serial number their maker gave them, on the owner's word.
//!
//! Enters: a wish from the host's authenticated door. Leaves: a node `/dev/holdfast/SERIAL` that
//! belongs to the host's user alone, a volume in the host's configuration, the claim that lets
//! `board-nvme` read the drive's health page. Invariants: no drive is touched that was not named;
//! the system disk never is; the claim is recorded before the drive is written, and taken back
//! when the host refuses it. What lies on a drive is the host's own question (`holdfast volume
//! add`): it refuses what holds something, and a volume of another host always.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::console;
use crate::error::Error;
use crate::record::{Record, replace};

/// Longest serial number; NVMe has 20 letters.
const SERIAL_MOST: usize = 64;
/// Drives of a box at most.
const DRIVES_MOST: usize = 256;
/// A drive is there this long after a start, or it is missing.
const APPEARS: Duration = Duration::from_secs(10);

/// Where things stand; tests put others there.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// /sys/block
    pub(crate) blocks: PathBuf,
    /// The folder of nodes that the host's unit binds.
    pub(crate) nodes: PathBuf,
    /// What `board-nvme` reads.
    pub(crate) claims: PathBuf,
    /// The host's folder, which its user owns.
    pub(crate) host: PathBuf,
    /// The host's command line.
    pub(crate) program: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            blocks: "/sys/block".into(),
            nodes: "/dev/holdfast".into(),
            claims: "/run/holdfast/claims".into(),
            host: "/var/lib/holdfast".into(),
            program: "/usr/bin/holdfast".into(),
        }
    }
}

/// A drive that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drive {
    /// Its serial number.
    pub(crate) serial: String,
    /// Its name in /dev, today.
    pub(crate) name: String,
    number: (u64, u64),
    /// Whole mebibytes.
    pub(crate) mib: u64,
}

#[cfg(test)]
impl Drive {
    /// One that is only spoken of.
    pub(crate) fn for_tests(serial: &str, mib: u64) -> Self {
        Self {
            serial: serial.to_owned(),
            name: "none".to_owned(),
            number: (0, 0),
            mib,
        }
    }
}

/// Whether a serial number can be a file's name and a word of the claims.
fn plain(serial: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=SERIAL_MOST).contains(&serial.len())
        && serial.bytes().all(letter)
        && !serial.starts_with('.')
}

/// A drive that may not be taken, and why.
pub(crate) fn refused(serial: &str, why: impl Into<String>) -> Error {
    Error::Drive {
        serial: serial.to_owned(),
        why: why.into(),
    }
}

fn word(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// NVMe tells it below `device`, virtual disks beside it, SCSI and SATA in a page of its own.
pub(crate) fn serial_of(folder: &Path) -> Option<String> {
    word(&folder.join("device/serial"))
        .or_else(|| word(&folder.join("serial")))
        .or_else(|| {
            let page = std::fs::read(folder.join("device/vpd_pg80")).ok()?;
            let text = String::from_utf8_lossy(page.get(4..)?).into_owned();
            let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
            (!text.is_empty()).then(|| text.to_owned())
        })
}

/// Serial numbers of every drive.
pub(crate) fn serials(blocks: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(blocks).into_iter().flatten();
    let mut all: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| serial_of(&entry.path()))
        .collect();
    all.sort();
    all
}

/// The one drive of a serial number; nothing when it is not there.
///
/// # Errors
/// `Drive` when two have it.
pub(crate) fn find(blocks: &Path, serial: &str) -> Result<Option<Drive>, Error> {
    let entries = std::fs::read_dir(blocks).map_err(Error::file(blocks))?;
    let mut found: Vec<Drive> = entries
        .filter_map(Result::ok)
        .filter(|entry| serial_of(&entry.path()).as_deref() == Some(serial))
        .filter_map(|entry| {
            let number = word(&entry.path().join("dev"))?;
            let (major, minor) = number.split_once(':')?;
            let sectors: u64 = word(&entry.path().join("size"))?.parse().ok()?;
            Some(Drive {
                serial: serial.to_owned(),
                name: entry.file_name().into_string().ok()?,
                number: (major.parse().ok()?, minor.parse().ok()?),
                mib: sectors >> 11,
            })
        })
        .collect();
    match (found.pop(), found.pop()) {
        (Some(one), Some(other)) => {
            let why = format!("{} and {} both have it", one.name, other.name);
            Err(refused(serial, why))
        }
        (one, _) => Ok(one),
    }
}

/// Claims a drive for this box: its host has a volume on it from its next start on, which the
/// caller asks for. `erase` clears what it holds, never a volume of Holdfast. Says what was done.
///
/// # Errors
/// `Drive` with the reason; nothing is claimed then.
pub(crate) fn claim(
    places: &Places,
    record: &Record,
    system: &str,
    serial: &str,
    erase: bool,
) -> Result<String, Error> {
    if !plain(serial) {
        return Err(refused(serial, "is no serial number of a drive"));
    }
    let drive = find(&places.blocks, serial)?
        .ok_or_else(|| refused(serial, "no drive of this box has it"))?;
    if drive.name == system {
        return Err(refused(serial, "it is the system disk"));
    }
    let mut all = record.drives();
    let known = all.iter().any(|one| one == serial);
    if !known {
        if all.len() >= DRIVES_MOST {
            return Err(refused(serial, format!("{DRIVES_MOST} drives are claimed")));
        }
        all.push(serial.to_owned());
        record.set_drives(&all)?;
    }
    let made = node(places, &drive).and_then(|node| volume(places, &drive, &node, erase));
    if made.is_err() && !known {
        all.retain(|one| one != serial);
        record.set_drives(&all)?;
        let _ = std::fs::remove_file(places.nodes.join(serial));
    }
    publish(places, &all)?;
    made
}

/// The drive's node, the host's own. A node of an earlier place goes first.
fn node(places: &Places, drive: &Drive) -> Result<PathBuf, Error> {
    let folder = &places.nodes;
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, open).map_err(Error::file(folder))?;
    let path = folder.join(&drive.serial);
    match std::fs::remove_file(&path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::file(path)(why));
        }
        _ => {}
    }
    let number = makedev(drive.number.0, drive.number.1);
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    mknod(&path, SFlag::S_IFBLK, mode, number).map_err(|why| Error::file(&path)(why.into()))?;
    let (user, group) = owner(places)?;
    chown(&path, Some(user), Some(group)).map_err(Error::file(&path))?;
    Ok(path)
}

/// Whose the host's folder is.
fn owner(places: &Places) -> Result<(u32, u32), Error> {
    let about = std::fs::metadata(&places.host).map_err(Error::file(&places.host))?;
    Ok((about.uid(), about.gid()))
}

/// Has the host's own command line make the volume, as the host's user.
fn volume(places: &Places, drive: &Drive, node: &Path, erase: bool) -> Result<String, Error> {
    let (user, group) = owner(places)?;
    let mut add = Command::new(&places.program);
    add.args(["volume", "--dir"])
        .arg(&places.host)
        .arg("add")
        .arg(format!("{}={} MiB", node.display(), drive.mib))
        .current_dir("/")
        .env_clear()
        .uid(user)
        .gid(group);
    if erase {
        add.arg("--erase");
    }
    let done = add.output().map_err(Error::file(&places.program))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(refused(&drive.serial, said));
    }
    Ok(format!("drive {} claimed, {} MiB", drive.serial, drive.mib))
}

/// Tells `board-nvme` which drives are claimed.
fn publish(places: &Places, all: &[String]) -> Result<(), Error> {
    let mut text = String::from("# serial number and namespace of each claimed drive\n");
    for serial in all {
        text.push_str(&format!("{serial} 1\n"));
    }
    if let Some(folder) = places.claims.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    replace(&places.claims, text.as_bytes())?;
    let read = std::fs::Permissions::from_mode(0o644);
    File::open(&places.claims)
        .and_then(|file| file.set_permissions(read))
        .map_err(Error::file(&places.claims))
}

/// Gives the host its drives back at a start, before it starts. What is missing is told and kept as
/// a reason; the box starts without it.
///
/// # Errors
/// `File`; a drive that fails alone is told and passed over.
pub(crate) fn restore(places: &Places, record: &Record) -> Result<(), Error> {
    std::fs::create_dir_all(&places.nodes).map_err(Error::file(&places.nodes))?;
    let all = record.drives();
    publish(places, &all)?;
    let begun = Instant::now();
    for serial in &all {
        let mut seen = find(&places.blocks, serial);
        while matches!(seen, Ok(None)) && begun.elapsed() < APPEARS {
            std::thread::sleep(Duration::from_millis(100));
            seen = find(&places.blocks, serial);
        }
        let done = match seen {
            Ok(Some(drive)) => node(places, &drive).map(drop),
            Ok(None) => Err(refused(serial, "missing")),
            Err(why) => Err(why),
        };
        if let Err(why) = done {
            console::say(&why.to_string());
            record.keep_reason(&why.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
