//! A stick that installs itself: its system partition holds `install.toml`, which names the system
//! disk by serial number. Before anything else starts, the system that runs from the stick is
//! written onto that disk, read back, and the machine is switched off.
//!
//! The table of partitions is written last, after all else was flushed and compared: a power cut
//! leaves a disk that no firmware starts, and the stick begins again. What runs from the stick
//! never gets an identity: the new disk makes its own at its first start, where the order that came
//! along is taken off it. Not done here: choosing a disk that the order does not name.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use board_slot::names::{ESP, STATE};
use board_slot::slots::{self, Partition};
use board_slot::table::{FRONT, SECTOR};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use serde::Deserialize;

use crate::console;
use crate::drives::{self, Drive, refused};
use crate::error::Error;
use crate::machine::{Machine, remove};

/// The order, on the system partition.
const ORDER: &str = "install.toml";
const PIECE: u64 = 1 << 20;
/// Between two looks whether what was in the way is mended.
const AGAIN: Duration = Duration::from_secs(30);

/// What a stick is to do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Serial number of the system disk to be.
    serial: String,
    /// The serial number again: what the disk holds may go.
    #[serde(default)]
    erase: String,
}

/// Bytes from and up to.
type Range = (u64, u64);

/// What of a disk is copied, and where the new state partition is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    copied: Vec<Range>,
    state: Range,
    end: u64,
}

/// Installs when this was started from a stick that says so, and then does not return before the
/// machine is off. Returns at once otherwise.
///
/// # Errors
/// `File`, `Mount` when the system partition cannot be read.
pub(crate) fn run(machine: &Machine) -> Result<(), Error> {
    let read = |esp: &Path| Ok(std::fs::read_to_string(esp.join(ORDER)).ok());
    let Some(text) = machine.on_esp(read)? else {
        return Ok(());
    };
    let blocks = Path::new("/sys/block");
    let mut told = String::new();
    loop {
        match step(machine, blocks, &text) {
            Ok(None) => return Ok(()),
            Ok(Some(said)) => {
                console::say(&said);
                let off = Command::new("/usr/bin/systemctl")
                    .args(["--no-block", "poweroff"])
                    .status();
                off.map_err(Error::file("/usr/bin/systemctl"))?;
                std::thread::sleep(Duration::from_secs(600));
            }
            Err(why) => {
                let why = format!("not installed: {why}");
                if why != told {
                    console::say(&why);
                    told = why;
                }
                std::thread::sleep(AGAIN);
            }
        }
    }
}

/// One try. Nothing when this is the disk that was installed.
fn step(machine: &Machine, blocks: &Path, text: &str) -> Result<Option<String>, Error> {
    let order: Order = toml::from_str(text).map_err(|why| Error::State {
        what: ORDER,
        why: why.to_string(),
    })?;
    let serial = &order.serial;
    if drives::serial_of(&blocks.join(&machine.disk)).as_ref() == Some(serial) {
        machine.on_esp(|esp| remove(&esp.join(ORDER)))?;
        return Ok(None);
    }
    let drive = drives::find(blocks, serial)?.ok_or_else(|| {
        let have = drives::serials(blocks).join(", ");
        refused(serial, format!("no disk has it; here are {have}"))
    })?;
    let (from, to) = (device(&machine.disk), device(&drive.name));
    let parts = slots::partitions(Path::new("/sys/class/block"))?;
    let parts: Vec<Partition> = parts
        .into_iter()
        .filter(|part| part.disk == machine.disk)
        .collect();
    let source = File::open(&from).map_err(Error::file(&from))?;
    let layout = layout(&source, &parts, machine.running.label())?;
    let target = File::options()
        .read(true)
        .write(true)
        .open(&to)
        .map_err(Error::file(&to))?;
    fits(&target, &drive, &layout, order.erase == *serial)?;
    console::say(&format!("installing on {serial}, {} MiB", drive.mib));
    let failed = |why: std::io::Error| Error::file(&to)(why);
    clear(&target, drive.mib << 20).map_err(failed)?;
    copy(&source, &target, &layout).map_err(failed)?;
    file_system(&to, layout.state)?;
    compare(&source, &target, &layout, serial)?;
    front(&source, &target, &layout).map_err(failed)?;
    Ok(Some(format!(
        "installed on {serial} and read back; take the stick out, the machine is going off"
    )))
}

fn device(name: &str) -> PathBuf {
    Path::new("/dev").join(name)
}

/// What is copied off the disk that runs: the system partition and the slot.
fn layout(source: &File, parts: &[Partition], slot: &'static str) -> Result<Layout, Error> {
    let range = |label: &'static str| {
        let part = parts.iter().find(|part| part.label == label);
        part.map(|part| {
            let start = part.start * SECTOR;
            (start, start + part.sectors * SECTOR)
        })
        .ok_or(Error::NoPartition { label })
    };
    let mut head = [0; SECTOR as usize];
    source
        .read_exact_at(&mut head, SECTOR)
        .map_err(Error::file("the table of partitions"))?;
    let second = head
        .get(32..40)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes);
    Ok(Layout {
        copied: vec![range(ESP)?, range(slot)?],
        state: range(STATE)?,
        end: (second + 1) * SECTOR,
    })
}

/// Refuses a disk that is too small, or holds something nobody said may go.
fn fits(target: &File, drive: &Drive, layout: &Layout, erase: bool) -> Result<(), Error> {
    let bytes = drive.mib << 20;
    if bytes < layout.end {
        let need = layout.end;
        return Err(refused(
            &drive.serial,
            format!("it has {bytes} bytes, {need} are needed"),
        ));
    }
    let mut piece = vec![0; usize::try_from(PIECE).unwrap_or(1 << 20)];
    for at in [0, bytes - PIECE] {
        target
            .read_exact_at(&mut piece, at)
            .map_err(Error::file(device(&drive.name)))?;
        let empty = piece.iter().all(|byte| *byte == 0) || piece.iter().all(|byte| *byte == 0xff);
        if !empty && !erase {
            let why = "it holds something; the order does not say that this may go";
            return Err(refused(&drive.serial, why));
        }
    }
    Ok(())
}

/// No half of an old table and a new one: the old one goes first, at both ends.
fn clear(target: &File, bytes: u64) -> std::io::Result<()> {
    let empty = vec![0; usize::try_from(PIECE).unwrap_or(1 << 20)];
    target.write_all_at(&empty, 0)?;
    target.write_all_at(&empty, bytes - PIECE)?;
    target.sync_all()
}

/// Goes through ranges in pieces.
fn pieces(
    source: &File,
    ranges: &[Range],
    mut each: impl FnMut(u64, &[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut piece = vec![0; usize::try_from(PIECE).unwrap_or(1 << 20)];
    for (start, end) in ranges {
        let mut at = *start;
        while at < *end {
            let len = usize::try_from((end - at).min(PIECE)).unwrap_or_default();
            let part = piece.get_mut(..len).unwrap_or_default();
            source.read_exact_at(part, at)?;
            each(at, part)?;
            at += len as u64;
        }
    }
    Ok(())
}

/// Copies; what is equal already is not written.
fn copy(source: &File, target: &File, layout: &Layout) -> std::io::Result<()> {
    let mut have = Vec::new();
    pieces(source, &layout.copied, |at, part| {
        have.resize(part.len(), 0);
        target.read_exact_at(&mut have, at)?;
        if have != part {
            target.write_all_at(part, at)?;
        }
        Ok(())
    })?;
    settle(target)
}

/// Flushes, and forgets what memory holds of it, so that reading asks the disk.
fn settle(target: &File) -> std::io::Result<()> {
    target.sync_all()?;
    posix_fadvise(target, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).map_err(Into::into)
}

/// An empty file system for the state partition, in its place on the whole disk.
fn file_system(disk: &Path, (start, end): Range) -> Result<(), Error> {
    let program = "/usr/sbin/mke2fs";
    let done = Command::new(program)
        .args([
            "-q", "-F", "-F", "-t", "ext4", "-L", STATE, "-m", "1", "-I", "256",
        ])
        .args(["-E", &format!("offset={start},nodiscard")])
        .arg(disk)
        .arg(format!("{}k", (end - start) >> 10))
        .output()
        .map_err(Error::file(program))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Error::State {
        what: "making the state partition",
        why: said.trim().chars().take(200).collect(),
    })
}

fn compare(source: &File, target: &File, layout: &Layout, serial: &str) -> Result<(), Error> {
    let mut have = Vec::new();
    let mut differs = None;
    pieces(source, &layout.copied, |at, part| {
        have.resize(part.len(), 0);
        target.read_exact_at(&mut have, at)?;
        if have != part {
            differs.get_or_insert(at);
        }
        Ok(())
    })
    .map_err(Error::file("reading back"))?;
    match differs {
        None => Ok(()),
        Some(at) => Err(refused(
            serial,
            format!("it does not give back what was written at {at}"),
        )),
    }
}

/// The tables: the second copy, then the first, by which the disk becomes one that starts.
fn front(source: &File, target: &File, layout: &Layout) -> std::io::Result<()> {
    let mut second = vec![0; FRONT - usize::try_from(SECTOR).unwrap_or(512)];
    let at = layout.end.saturating_sub(second.len() as u64);
    source.read_exact_at(&mut second, at)?;
    target.write_all_at(&second, at)?;
    target.sync_all()?;
    let mut first = vec![0; FRONT];
    source.read_exact_at(&mut first, 0)?;
    target.write_all_at(&first, 0)?;
    settle(target)
}

#[cfg(test)]
mod tests;
