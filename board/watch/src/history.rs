//! Thirty days of one-minute points in a file that never grows: what the dashboard draws.
//!
//! Enters: a point a minute. Leaves: points between two minutes. Layout: docs/formats/blackbox.md.
//! 1024 blocks of 4 KiB; a block holds up to an hour. Durability: none is promised before
//! [`History::sync`]; a power cut loses what the kernel had not yet written, half a minute as a
//! rule, and at worst the open block, and the black box has that hour in finer steps. Invariant:
//! what cannot be read is passed over.

mod block;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Error;

use block::Block;
pub use block::{FIELDS, Point};

/// Blocks of the file: 42 days when every one is full, so that 30 remain with restarts among them.
const BLOCKS: u64 = 1024;
/// Minutes between writes of the open block.
const WRITE_MINUTES: usize = 10;
/// Points of thirty days.
const KEPT: usize = 30 * 24 * 60;

/// The history, open for writing.
#[derive(Debug)]
pub struct History {
    file: File,
    path: PathBuf,
    open: Block,
    unwritten: usize,
}

impl History {
    /// Opens the history at `path`, or makes it. A restart begins a new block.
    ///
    /// # Errors
    /// `File` when it cannot be opened, sized or read.
    pub fn open(path: &Path) -> Result<Self, Error> {
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
            .open(path)
            .map_err(failed)?;
        file.set_len(BLOCKS * block::SIZE_U64).map_err(failed)?;
        let mut history = Self {
            file,
            path: path.to_path_buf(),
            open: Block::new(0),
            unwritten: 0,
        };
        let mut next = 0;
        each(&history.file, |block| {
            next = next.max(block.sequence.saturating_add(1));
        })
        .map_err(failed)?;
        history.open = Block::new(next);
        Ok(history)
    }

    /// Adds the point of a minute (minutes since 1970). A second point of the same minute is
    /// dropped; a wall clock that went back begins a new block.
    ///
    /// # Errors
    /// `File` when the drive refuses; the points stay in memory and are tried again.
    pub fn push(&mut self, point: Point) -> Result<(), Error> {
        match self.open.last_minute() {
            Some(last) if last == point.minute => return Ok(()),
            Some(last) if last > point.minute => self.turn()?,
            _ => {}
        }
        if !self.open.push(point) {
            self.turn()?;
            self.open.push(point);
        }
        self.unwritten += 1;
        if self.unwritten >= WRITE_MINUTES {
            self.write()?;
        }
        Ok(())
    }

    /// Writes the open block now.
    ///
    /// # Errors
    /// `File` when the drive refuses.
    pub fn write(&mut self) -> Result<(), Error> {
        let at = (self.open.sequence % BLOCKS) * block::SIZE_U64;
        let written = self.file.write_all_at(&self.open.encode(), at);
        self.refused(written)?;
        self.unwritten = 0;
        Ok(())
    }

    /// Writes the open block and waits until the drive has all of them.
    ///
    /// # Errors
    /// `File` when the drive refuses.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.write()?;
        self.refused(self.file.sync_data())
    }

    /// The points from minute `from` to before minute `to` of a file that another thread keeps.
    ///
    /// # Errors
    /// `File` when it cannot be opened or read.
    pub fn read(path: &Path, from: u64, to: u64) -> Result<Vec<Point>, Error> {
        let failed = |source| Error::File {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let mut points = Vec::new();
        each(&file, |block| take(&mut points, &block, from, to)).map_err(failed)?;
        Ok(ordered(points))
    }

    /// The points from minute `from` to before minute `to`, by time; at most 43,200 of them.
    ///
    /// # Errors
    /// `File` when the drive refuses.
    pub fn points(&self, from: u64, to: u64) -> Result<Vec<Point>, Error> {
        let mut points = Vec::new();
        let read = each(&self.file, |block| {
            if block.sequence != self.open.sequence {
                take(&mut points, &block, from, to);
            }
        });
        self.refused(read)?;
        take(&mut points, &self.open, from, to);
        Ok(ordered(points))
    }

    fn turn(&mut self) -> Result<(), Error> {
        self.write()?;
        self.open = Block::new(self.open.sequence + 1);
        Ok(())
    }

    fn refused<T>(&self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })
    }
}

/// Every block that reads, in the order of the file.
fn each(file: &File, mut take: impl FnMut(Block)) -> io::Result<()> {
    let mut bytes = vec![0; block::SIZE];
    for n in 0..BLOCKS {
        file.read_exact_at(&mut bytes, n * block::SIZE_U64)?;
        if let Some(block) = Block::decode(&bytes).filter(|own| own.sequence % BLOCKS == n) {
            take(block);
        }
    }
    Ok(())
}

fn take(points: &mut Vec<Point>, block: &Block, from: u64, to: u64) {
    let inside = |point: &Point| (from..to).contains(&point.minute);
    points.extend(block.points().into_iter().filter(inside));
}

/// By time, the newest [`KEPT`].
fn ordered(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by_key(|point| point.minute);
    let surplus = points.len().saturating_sub(KEPT);
    points.drain(..surplus);
    points
}

#[cfg(test)]
mod tests;
