//! The state partition takes the rest of its disk: an image is flashed onto a larger disk, and its
//! table and file system follow on the first start. Done again on any start where something is left
//! to do, a power cut in the middle among them. Nothing is moved, no other partition is touched.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use board_slot::names::STATE;
use board_slot::slots::{self, Partition};
use board_slot::table::{self, FRONT, Grown};

use crate::error::Error;

/// Grows the state partition of `disk` and its file system. Says how many MiB it has when that is
/// more than before. Durable when it returns.
///
/// # Errors
/// `NoPartition`, `File`, `Slot` for a table that is not ours; the box runs on with what it has.
pub(crate) fn state(disk: &str) -> Result<Option<u64>, Error> {
    let label = STATE;
    let partition = slots::partitions(Path::new("/sys/class/block"))?
        .into_iter()
        .find(|partition| partition.disk == disk && partition.label == label)
        .ok_or(Error::NoPartition { label })?;
    let before = free_blocks();
    if let Some(grown) = table_of(disk)? {
        write(disk, &grown)?;
        resize(&partition, &grown)?;
    }
    file_system(&partition)?;
    let after = free_blocks();
    Ok((after > before).then_some(after >> 20))
}

/// Bytes of the file system.
fn free_blocks() -> u64 {
    nix::sys::statvfs::statvfs("/var")
        .map_or(0, |stat| stat.blocks().saturating_mul(stat.fragment_size()))
}

fn device(disk: &str) -> PathBuf {
    Path::new("/dev").join(disk)
}

fn table_of(disk: &str) -> Result<Option<Grown>, Error> {
    let path = device(disk);
    let size = Path::new("/sys/class/block").join(disk).join("size");
    let text = std::fs::read_to_string(&size).map_err(Error::file(&size))?;
    let sectors: u64 = text.trim().parse().map_err(|_| Error::State {
        what: "the system disk's size",
        why: text.trim().to_owned(),
    })?;
    let mut front = vec![0; FRONT];
    File::open(&path)
        .and_then(|file| file.read_exact_at(&mut front, 0))
        .map_err(Error::file(&path))?;
    Ok(table::grown(&front, sectors)?)
}

fn write(disk: &str, grown: &Grown) -> Result<(), Error> {
    let path = device(disk);
    let file = File::options()
        .write(true)
        .open(&path)
        .map_err(Error::file(&path))?;
    for (at, piece) in &grown.pieces {
        file.write_all_at(piece, *at)
            .and_then(|()| file.sync_all())
            .map_err(Error::file(&path))?;
    }
    Ok(())
}

/// Tells the kernel, which keeps the table of a disk in use.
fn resize(partition: &Partition, grown: &Grown) -> Result<(), Error> {
    let path = device(&partition.disk);
    let file = File::open(&path).map_err(Error::file(&path))?;
    table::resize(&file, grown).map_err(Error::file(&path))
}

/// Grows the mounted file system to its partition; does nothing when it fills it.
fn file_system(partition: &Partition) -> Result<(), Error> {
    let path = slots::device(partition);
    let done = Command::new("/usr/sbin/resize2fs")
        .arg(&path)
        .output()
        .map_err(Error::file("/usr/sbin/resize2fs"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Error::State {
        what: "growing the state partition",
        why: said.trim().chars().take(200).collect(),
    })
}
