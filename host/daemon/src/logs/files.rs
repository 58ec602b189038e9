//! The files of a log, oldest first: `holdfastd.jsonl` is being written, `.1`, `.2` are older.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

use crate::telemetry::LOG_FILE;

/// One file of the log.
#[derive(Debug)]
pub(super) struct Aged {
    /// 0 is the file being written.
    pub(super) age: u32,
    /// Its name at this moment.
    pub(super) path: PathBuf,
    /// What stays the same when it is renamed: device and inode.
    pub(super) inode: (u64, u64),
    /// When its last line was written.
    pub(super) written: SystemTime,
}

/// Every file of the log in `dir`, oldest first. Names are looked up one by one, so a rotation
/// between two of them could hide a file: the list counts once two looks agree.
pub(super) fn list(dir: &Path) -> anyhow::Result<Vec<Aged>> {
    let inodes = |files: &[Aged]| files.iter().map(|file| file.inode).collect::<Vec<_>>();
    let mut files = look(dir)?;
    for _ in 0..super::LOOKS_MAX {
        let again = look(dir)?;
        let stable = inodes(&again) == inodes(&files);
        files = again;
        if stable {
            break;
        }
    }
    Ok(files)
}

fn look(dir: &Path) -> anyhow::Result<Vec<Aged>> {
    let reading = || format!("reading the log directory {}", dir.display());
    let mut files = Vec::new();
    for found in std::fs::read_dir(dir).with_context(reading)? {
        let found = found.with_context(reading)?;
        let Some(age) = found.file_name().to_str().and_then(age_of) else {
            continue;
        };
        let path = found.path();
        let facts = match std::fs::metadata(&path) {
            Ok(facts) => facts,
            Err(err) if err.kind() == ErrorKind::NotFound => continue,
            Err(err) => return Err(err).with_context(|| path.display().to_string()),
        };
        let inode = (facts.dev(), facts.ino());
        let written = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        files.push(Aged {
            age,
            path,
            inode,
            written,
        });
    }
    files.sort_by_key(|file| std::cmp::Reverse(file.age));
    Ok(files)
}

/// Opens a file with its device and inode; `None` when it was renamed away meanwhile.
pub(super) fn open(path: &Path) -> anyhow::Result<Option<(File, (u64, u64))>> {
    let opened: io::Result<_> = File::open(path).and_then(|file| {
        let facts = file.metadata()?;
        Ok((file, (facts.dev(), facts.ino())))
    });
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("opening {}", path.display())),
    }
}

fn age_of(name: &str) -> Option<u32> {
    match name.strip_prefix(LOG_FILE)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok().filter(|age| *age > 0),
    }
}
