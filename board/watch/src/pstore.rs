//! What the kernel left in non-volatile memory when it panicked: found, copied, kept bounded.
//!
//! Enters: /sys/fs/pstore and /var/lib/systemd/pstore. Leaves: copies and their names. Records in
//! the firmware's memory are not removed here: on the box systemd-pstore does, elsewhere it is the
//! operator's. Bounds: 32 records, 256 KiB each; the oldest copies make room.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Error;

/// Records kept.
const RECORDS: usize = 32;
/// Bytes kept of each.
const RECORD_MAX: u64 = 256 << 10;
/// Entries looked at in each folder.
const LOOK: usize = 256;

/// A record that was copied in this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The name of the copy.
    pub name: String,
    /// Bytes kept.
    pub len: u64,
}

/// Copies what is new from the folders `from` (and the folders in them, as systemd-pstore makes)
/// to `to`; what it copied. Folders that do not exist or cannot be read hold nothing.
///
/// # Errors
/// `File` when the copies cannot be written.
pub fn collect(from: &[&Path], to: &Path) -> Result<Vec<Record>, Error> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::File { path, source }
    };
    fs::create_dir_all(to).map_err(failed(to))?;
    let mut records = Vec::new();
    for file in from
        .iter()
        .flat_map(|folder| files(folder, 1))
        .take(RECORDS)
    {
        let Some(name) = name_of(&file) else { continue };
        let copy = to.join(&name);
        if copy.exists() {
            continue;
        }
        let mut bytes = Vec::new();
        let read =
            fs::File::open(&file).and_then(|file| file.take(RECORD_MAX).read_to_end(&mut bytes));
        // A record that cannot be read is tried again next time.
        if read.is_err() || bytes.is_empty() {
            continue;
        }
        fs::write(&copy, &bytes).map_err(failed(&copy))?;
        let len = u64::try_from(bytes.len()).unwrap_or(RECORD_MAX);
        records.push(Record { name, len });
    }
    make_room(to);
    Ok(records)
}

/// Files of a folder and, one level deep, of the folders in it.
fn files(folder: &Path, depth: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .take(LOOK)
    {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            Ok(kind) if kind.is_dir() && depth > 0 => found.extend(files(&entry.path(), depth - 1)),
            _ => {}
        }
    }
    found.sort();
    found
}

/// The record's own name with the time it was written: the firmware uses names again.
fn name_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    let written = file.metadata().ok()?.modified().ok()?;
    let seconds = written
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?
        .as_secs();
    plain.then(|| format!("{seconds:012}-{name}"))
}

/// Removes the oldest copies beyond the bound; names begin with the time.
fn make_room(folder: &Path) {
    let mut kept = files(folder, 0);
    while kept.len() > RECORDS {
        let _gone = fs::remove_file(kept.remove(0));
    }
}

#[cfg(test)]
mod tests;
