//! Writing an image onto the system disk of a box: a disk chosen by its serial number, which
//! nothing uses and which is empty, unless the serial is said again as the word that erases it.
//!
//! The table of partitions is written last, after everything else was flushed, dropped from memory,
//! read back and compared. A write that was cut short leaves a disk that no firmware starts.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise};
use sha2::{Digest, Sha256};

use crate::disks::{self, Disk, Kernel};
use crate::error::Error;
use crate::place::read;

/// Bytes that are written at once; the table of partitions lies in the first of them.
const PIECE: usize = 1 << 20;

/// What is written where.
#[derive(Debug, clap::Args)]
pub(crate) struct FlashArgs {
    /// The disk image; the sum beside it, in SHA256SUMS, is checked
    #[arg(long)]
    image: PathBuf,
    /// Serial number of the system disk; without it the disks of this machine are listed
    #[arg(long)]
    serial: Option<String>,
    /// The serial number again: what lies on the disk is erased
    #[arg(long, value_name = "SERIAL")]
    erase: Option<String>,
}

/// Lists disks, or writes.
pub(crate) fn run(args: &FlashArgs, kernel: &Kernel) -> Result<String, Error> {
    let Some(serial) = &args.serial else {
        let lines: Vec<String> = kernel
            .disks()?
            .iter()
            .map(|disk| {
                format!(
                    "{:24} {:>9} MB  {}",
                    disk.serial,
                    disk.bytes / 1_000_000,
                    disk.name
                )
            })
            .collect();
        return Ok(lines.join("\n"));
    };
    let disk = kernel.by_serial(serial)?;
    kernel.is_free(&disk)?;
    let erase = args.erase.as_ref() == Some(serial);
    let mut told = 0;
    let said = write(&args.image, &disk, erase, &mut |verb, done, all| {
        let percent = done * 100 / all.max(1);
        if percent >= told + 5 || done == all {
            told = if done == all { 0 } else { percent };
            let _ = writeln!(std::io::stderr(), "{verb} {percent} %");
        }
    })?;
    Ok(said)
}

/// Tells how far it is: the verb, bytes done, bytes in all.
type Progress<'a> = dyn FnMut(&'static str, u64, u64) + 'a;

/// Writes an image onto a free disk, reads it back, and returns what was done.
fn write(
    image: &Path,
    disk: &Disk,
    erase: bool,
    progress: &mut Progress<'_>,
) -> Result<String, Error> {
    let refuse = |why: String| Error::Disk {
        serial: disk.serial.clone(),
        why,
    };
    let from = File::open(image).map_err(Error::file(image))?;
    let bytes = from.metadata().map_err(Error::file(image))?.len();
    if bytes < 2 * PIECE as u64 || bytes > disk.bytes {
        return Err(refuse(format!(
            "it has {} bytes, the image {bytes}",
            disk.bytes
        )));
    }
    // The kernel refuses the exclusive door while anything has the disk mounted.
    let to = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_EXCL.bits() | OFlag::O_CLOEXEC.bits())
        .open(&disk.path)
        .map_err(Error::file(&disk.path))?;
    if let (Some(what), false) = (disks::content(&disk.path, &to, disk.bytes)?, erase) {
        return Err(refuse(format!(
            "it holds {what}; --erase {} says that this may go",
            disk.serial
        )));
    }
    let at = |why| Error::file(&disk.path)(why);
    // No half of an old table and a new one: the old one goes first.
    let empty = vec![0; PIECE];
    to.write_all_at(&empty, 0).map_err(at)?;
    to.write_all_at(&empty, disk.bytes - PIECE as u64)
        .map_err(at)?;
    to.sync_all().map_err(at)?;
    let sum = copy(image, &to, disk, bytes, progress)?;
    checked(image, &sum)?;
    settle(&to, disk)?;
    compare(image, &to, disk, bytes, progress)?;
    let mut first = vec![0; PIECE];
    from.read_exact_at(&mut first, 0)
        .map_err(Error::file(image))?;
    to.write_all_at(&first, 0).map_err(at)?;
    settle(&to, disk)?;
    let mut again = vec![0; PIECE];
    to.read_exact_at(&mut again, 0).map_err(at)?;
    if again != first {
        return Err(refuse(
            "it does not give back what was written at 0".to_owned(),
        ));
    }
    Ok(format!(
        "{} bytes on {}, read back, sha256 {sum}",
        bytes, disk.serial
    ))
}

/// Flushes the disk and forgets what memory holds of it, so that reading asks the disk.
fn settle(to: &File, disk: &Disk) -> Result<(), Error> {
    to.sync_all().map_err(Error::file(&disk.path))?;
    let done = posix_fadvise(to.as_fd(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    done.map_err(|why| Error::file(&disk.path)(why.into()))
}

/// Goes through an image in pieces.
fn pieces(
    image: &Path,
    bytes: u64,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut from = File::open(image).map_err(Error::file(image))?;
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < bytes {
        let len = usize::try_from(bytes - at).unwrap_or(PIECE).min(PIECE);
        let part = piece.get_mut(..len).unwrap_or_default();
        from.read_exact(part).map_err(Error::file(image))?;
        each(at, part)?;
        at += len as u64;
    }
    Ok(())
}

/// Writes all but the first piece; returns the image's sum. What is empty already is not written.
fn copy(
    image: &Path,
    to: &File,
    disk: &Disk,
    bytes: u64,
    progress: &mut Progress<'_>,
) -> Result<String, Error> {
    let mut hash = Sha256::new();
    let mut have = vec![0; PIECE];
    pieces(image, bytes, |at, part| {
        hash.update(part);
        let have = have.get_mut(..part.len()).unwrap_or_default();
        let failed = |why| Error::file(&disk.path)(why);
        if at > 0 {
            to.read_exact_at(have, at).map_err(failed)?;
            if have != part {
                to.write_all_at(part, at).map_err(failed)?;
            }
        }
        progress("written", at + part.len() as u64, bytes);
        Ok(())
    })?;
    Ok(board_slot::cmdline::hex(&hash.finalize()))
}

/// Holds an image against the sums beside it, where there are any.
fn checked(image: &Path, sum: &str) -> Result<(), Error> {
    let path = image.with_file_name("SHA256SUMS");
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let Ok(sums) = read(&path) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&sums).into_owned();
    let told = text
        .lines()
        .filter_map(|line| line.split_once("  "))
        .find(|(_, of)| *of == name);
    match told {
        Some((told, _)) if told != sum => Err(Error::Keys {
            what: image.display().to_string(),
            why: format!("has the sum {sum}, SHA256SUMS says {told}; the disk has no table now"),
        }),
        _ => Ok(()),
    }
}

fn compare(
    image: &Path,
    to: &File,
    disk: &Disk,
    bytes: u64,
    progress: &mut Progress<'_>,
) -> Result<(), Error> {
    let mut have = vec![0; PIECE];
    pieces(image, bytes, |at, part| {
        let have = have.get_mut(..part.len()).unwrap_or_default();
        to.read_exact_at(have, at)
            .map_err(Error::file(&disk.path))?;
        if at > 0 && have != part {
            return Err(Error::Disk {
                serial: disk.serial.clone(),
                why: format!("it does not give back what was written at {at}"),
            });
        }
        progress("read back", at + part.len() as u64, bytes);
        Ok(())
    })
}

#[cfg(test)]
mod tests;
