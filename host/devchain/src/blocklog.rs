//! The block log: everything the chain has to remember, in one append-only text file.
//!
//! One line a block: sixteen hex digits (the first 8 bytes of Keccak-256 over the rest), a space,
//! then JSON `{"n":number,"t":timestamp,...}` with the raw transactions, the gifts and, for a block
//! that holds any, its hash. The first line is block 0 and names the chain id.
//!
//! Why a log and no snapshot: receipts, logs and headers of every block are served, so a start has
//! to read every block in any case (measured: 0.29 s for 100,000 empty ones); executing the
//! transactions again costs about 0.25 ms each, half of it finding the sender, and proves, hash by
//! hash, that the state is the one that was promised. A snapshot would be a second truth to keep
//! equal.
//!
//! Invariants: a line is flushed to the drive (`fdatasync`) before anybody is told of its block; a
//! torn last line is cut off at start (nobody was told); damage before the end is refused. What
//! grows: the file, by about 45 bytes for an empty block and twice the raw
//! bytes and some 130 more for a transaction's.
//! Does not: execute, judge or compact.

use crate::error::Error;
use crate::world::Gift;
use revm::primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// One block as it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Block number.
    #[serde(rename = "n")]
    pub(crate) number: u64,
    /// Seconds since 1970.
    #[serde(rename = "t")]
    pub(crate) timestamp: u64,
    /// Chain id, in block 0 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) chain_id: Option<u64>,
    /// Gifts of the command line, before the transactions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gifts: Vec<Gift>,
    /// Raw transactions in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) txs: Vec<Bytes>,
    /// The block's hash, when it holds anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<B256>,
}

/// The open log and the lock on its directory.
#[derive(Debug)]
pub(crate) struct BlockLog {
    path: PathBuf,
    file: File,
    /// Held for as long as the log is open; the system gives it back even after kill -9.
    _lock: File,
}

impl BlockLog {
    /// Opens or makes the log in `dir`, cuts a torn last line and gives every record to `each`.
    pub(crate) fn open(
        dir: &Path,
        mut each: impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let at = |path: &Path| path.display().to_string();
        std::fs::create_dir_all(dir).map_err(|e| Error::io("cannot create", at(dir), e))?;
        let lock = lock(dir)?;
        let path = dir.join("blocks.log");
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|e| Error::io("cannot open", at(&path), e))?;
        let sound = read_all(&path, &file, &mut each)?;
        let len = file
            .metadata()
            .map_err(|e| Error::io("cannot stat", at(&path), e))?
            .len();
        if sound < len {
            tracing::warn!(
                bytes = len - sound,
                "torn last line of the block log cut off"
            );
            file.set_len(sound)
                .map_err(|e| Error::io("cannot truncate", at(&path), e))?;
        }
        file.seek(SeekFrom::End(0))
            .map_err(|e| Error::io("cannot seek", at(&path), e))?;
        file.sync_all()
            .map_err(|e| Error::io("cannot flush", at(&path), e))?;
        // The directory entry of a new file has to survive as well.
        File::open(dir)
            .and_then(|entry| entry.sync_all())
            .map_err(|e| Error::io("cannot flush", at(dir), e))?;
        Ok(Self {
            path,
            file,
            _lock: lock,
        })
    }

    /// Appends a record and flushes it. After an error the file holds what it held before, or the
    /// error says that it could not be put back.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), Error> {
        let at = self.path.display().to_string();
        let before = self
            .file
            .metadata()
            .map_err(|e| Error::io("cannot stat", &at, e))?
            .len();
        let written = self
            .file
            .write_all(&line(record))
            .and_then(|()| self.file.sync_data());
        written.map_err(|source| match self.file.set_len(before) {
            Ok(()) => Error::io("cannot append to", &at, source),
            Err(_) => Error::io("cannot append to or restore", &at, source),
        })
    }
}

/// Takes the directory for this process alone.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let at = path.display().to_string();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| Error::io("cannot open", &at, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = file.read_to_string(&mut pid);
            let pid = if read.is_ok() && !pid.is_empty() {
                pid
            } else {
                "unknown".into()
            };
            return Err(Error::DirectoryInUse {
                path: dir.to_path_buf(),
                pid,
            });
        }
        Err(TryLockError::Error(source)) => return Err(Error::io("cannot lock", &at, source)),
    }
    file.set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(|e| Error::io("cannot write", &at, e))?;
    Ok(file)
}

/// Reads every sound line and returns the offset behind the last one.
fn read_all(
    path: &Path,
    file: &File,
    each: &mut impl FnMut(Record) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut sound, mut bad) = (0_u64, None);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader
            .read_until(b'\n', &mut bytes)
            .map_err(|e| Error::io("cannot read", path.display(), e))?;
        if read == 0 {
            return Ok(sound);
        }
        if let Some(offset) = bad {
            return Err(Error::LogDamaged {
                path: path.to_path_buf(),
                offset,
            });
        }
        match parse(&bytes) {
            Some(record) => {
                each(record)?;
                // usize is at most 64 bits wide.
                sound += read as u64;
            }
            None => bad = Some(sound),
        }
    }
}

/// A record as a line with its checksum.
fn line(record: &Record) -> Vec<u8> {
    let json = serde_json::to_vec(record).expect("a record has string keys only");
    let mut out = checksum(&json).into_bytes();
    out.push(b' ');
    out.extend(json);
    out.push(b'\n');
    out
}

/// The record of a whole, unbroken line.
fn parse(line: &[u8]) -> Option<Record> {
    let body = line.strip_suffix(b"\n")?;
    let (sum, json) = (body.get(..16)?, body.get(17..)?);
    if checksum(json).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn checksum(json: &[u8]) -> String {
    hex::encode(keccak256(json).get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests;
