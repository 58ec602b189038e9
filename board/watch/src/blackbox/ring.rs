//! The file of the black box: sectors written in turn, over and over.
//!
//! Enters: lines. Leaves: [`LastEnd`], the last lines. Durability: each line is on the drive when
//! [`BlackBox::append`] returns (O_DSYNC). Invariants: the file has its full size from the start
//! and never grows; line N stands in sector N modulo the count, so the newest line is the valid one
//! of the highest number, whatever was torn. Not kept here: anything that needs to be complete.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::line::{LINE, Line, Mark};
use crate::Error;

/// 4 MiB are 8192 lines: 22 hours of ten seconds.
const SIZE: u64 = 4 << 20;
/// Fewer lines than this are no box.
const LEAST: u64 = 64;
/// Sectors read at once.
const BATCH: u64 = 128;

/// How the last life of the daemon ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastEnd {
    /// There was none: the box is new, or nothing in it can be read.
    First,
    /// On purpose.
    Clean,
    /// The machine went down under it: power, reset, panic, hang. Its last lines, oldest first.
    Machine(Vec<Line>),
    /// The daemon was killed or died; the machine went on. Its last lines, oldest first.
    Daemon(Vec<Line>),
}

/// The box, open for this boot.
#[derive(Debug)]
pub struct BlackBox {
    file: File,
    path: PathBuf,
    boot: u128,
    count: u64,
    next: u64,
}

impl BlackBox {
    /// Opens the box at `path`, or makes it, and says how the last life ended, with up to `last`
    /// lines of it. `boot` is the id of this boot.
    ///
    /// # Errors
    /// `File` when it cannot be opened, sized or read.
    pub fn open(path: &Path, boot: u128, last: usize) -> Result<(Self, LastEnd), Error> {
        let failed = |source| Error::File {
            path: path.to_path_buf(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .custom_flags(OFlag::O_DSYNC.bits())
            .open(path)
            .map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size != SIZE {
            reserve(&file).map_err(failed)?;
        }
        let mut own = Self {
            file,
            path: path.to_path_buf(),
            boot,
            count: (SIZE / sector_len()).max(LEAST),
            next: 0,
        };
        let lines = own.read(last.max(1)).map_err(failed)?;
        own.next = lines.last().map_or(0, |line| line.sequence.wrapping_add(1));
        Ok((own, last_end(lines, boot)))
    }

    /// Writes a line; its number and boot are given here.
    ///
    /// # Errors
    /// `File` when the drive refuses; the number is then used again.
    pub fn append(&mut self, line: &Line) -> Result<(), Error> {
        let line = Line {
            sequence: self.next,
            boot: self.boot,
            ..*line
        };
        let at = (self.next % self.count) * sector_len();
        match self.file.write_all_at(&line.encode(), at) {
            Ok(()) => {
                self.next = self.next.wrapping_add(1);
                Ok(())
            }
            Err(source) => Err(Error::File {
                path: self.path.clone(),
                source,
            }),
        }
    }

    /// The last lines, oldest first, at most `most`.
    ///
    /// # Errors
    /// `File` when the drive refuses.
    pub fn last(&self, most: usize) -> Result<Vec<Line>, Error> {
        self.read(most).map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })
    }

    /// Reads every sector and keeps the `most` lines of the highest numbers, in order.
    fn read(&self, most: usize) -> io::Result<Vec<Line>> {
        let mut kept: Vec<Line> = Vec::new();
        let mut batch = vec![0; usize::try_from(BATCH).unwrap_or(1) * LINE];
        let mut at = 0;
        while at < self.count * sector_len() {
            let len = read_some(&self.file, &mut batch, at)?;
            if len == 0 {
                break;
            }
            let sectors = batch.get(..len).unwrap_or_default().chunks_exact(LINE);
            kept.extend(sectors.filter_map(Line::decode));
            // Bounded: never more than twice what is asked for, and a batch.
            if kept.len() > most.saturating_mul(2) {
                newest(&mut kept, most);
            }
            at += BATCH * sector_len();
        }
        newest(&mut kept, most);
        Ok(kept)
    }
}

fn newest(lines: &mut Vec<Line>, most: usize) {
    lines.sort_unstable_by_key(|line| line.sequence);
    let surplus = lines.len().saturating_sub(most);
    lines.drain(..surplus);
}

/// The lines of the last life: those after its start, of one boot.
fn last_end(lines: Vec<Line>, boot: u128) -> LastEnd {
    let Some(last) = lines.last().copied() else {
        return LastEnd::First;
    };
    if last.mark == Mark::Clean {
        return LastEnd::Clean;
    }
    let began = lines
        .iter()
        .rposition(|line| line.boot != last.boot || line.mark == Mark::Clean)
        .map_or(0, |before| before + 1);
    let of_last = lines.into_iter().skip(began).collect();
    if last.boot == boot {
        LastEnd::Daemon(of_last)
    } else {
        LastEnd::Machine(of_last)
    }
}

/// Gives the file its size with real blocks, so that a full drive cannot refuse a line later.
/// What it held within that size stays.
fn reserve(file: &File) -> io::Result<()> {
    file.set_len(SIZE)?;
    let size = nix::libc::off_t::try_from(SIZE).unwrap_or(nix::libc::off_t::MAX);
    match nix::fcntl::fallocate(file, nix::fcntl::FallocateFlags::empty(), 0, size) {
        // A filesystem without reservations keeps the box all the same.
        Ok(()) | Err(nix::Error::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(io::Error::from(errno)),
    }
}

fn read_some(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + u64::try_from(len).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

const fn sector_len() -> u64 {
    LINE as u64
}

#[cfg(test)]
mod tests;
