//! One file that brings a host back: configuration, sealed key and the ledger's facts, taken while
//! the daemon runs, and put into an empty directory elsewhere (docs/formats/backup.md).
//!
//! Enters: a data directory, the files to save, facts from a seam. Leaves: a file of mode 0600
//! whose every byte is under one SHA-256, or a directory that is whole or not there. Invariants:
//! secrets are copied as they are sealed, never opened; a backup appears under its name only when
//! it is on the drive, a restored directory only when all was checked; nothing is overwritten but
//! an older backup of the same name. A restored host has another instance id and serves only after
//! its claim (`instance`). What this file does not do: save shards, which stay on their volumes,
//! or the passphrase file, which must never lie beside the key it opens.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use host_core::seams::Entropy;
use serde::{Deserialize, Serialize};

pub mod instance;
mod record;
mod restore;

pub use instance::{Instance, Machine, Mark};
pub use restore::{FactSink, Restored, restore, verify};

use record::{Record, RecordWriter, SavedFile};

/// Bytes of the longest saved file: configuration, network file and sealed key have a few KiB.
pub const FILE_LEN_MAX: usize = 1024 * 1024;
/// Files in one backup.
pub const FILES_MAX: usize = 64;
/// Bytes of the longest batch of facts; bounds the memory of both directions.
pub const BATCH_LEN_MAX: usize = 4 * 1024 * 1024;

/// Where the ledger's facts come from: a snapshot that goes on being one while the daemon runs.
pub trait FactSource {
    /// The next batch, not empty and at most `BATCH_LEN_MAX` bytes; `None` after the last one.
    fn next_batch(&mut self) -> anyhow::Result<Option<Vec<u8>>>;
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The backup's own mark.
    pub backup: Mark,
    /// The instance it was taken of.
    pub instance: Mark,
    /// How many restores lie between that instance and the first one.
    pub generation: u64,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// What made it, for example `holdfastd/0.1.0`.
    pub program: String,
}

/// What goes into a backup.
pub struct Plan<'a> {
    /// The data directory.
    pub dir: &'a Path,
    /// Files to save as the configuration names them: relative to the directory, or absolute. Not
    /// among them: the passphrase file and `instance.json`.
    pub files: &'a [PathBuf],
    /// What makes it, for example `holdfastd/0.1.0`.
    pub program: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

/// A backup that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it says of itself.
    pub head: Head,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of everything before the digest, as hex; also the file's last 32 bytes.
    pub digest: String,
    /// Batches of facts in it.
    pub batches: u64,
}

/// Takes a backup of `plan.dir` into `out`, and notes it in the directory's `instance.json`.
/// Errors when a file cannot be read or is too long, when the facts fail, or when `out` cannot be
/// written; then `out` is as it was. Durability: `out` is flushed before it takes its name.
pub fn backup(
    plan: &Plan<'_>,
    out: &Path,
    facts: &mut dyn FactSource,
    entropy: &dyn Entropy,
) -> anyhow::Result<Taken> {
    let mut instance = Instance::read(plan.dir)?
        .with_context(|| format!("{} holds no host yet", plan.dir.display()))?;
    let head = Head {
        backup: Mark::draw(entropy),
        instance: instance.instance,
        generation: instance.generation,
        created_at_ms: plan.now_ms,
        program: plan.program.to_owned(),
    };
    let saved = read_files(plan)?;
    // Marked, so that two backups to one name do not write into each other.
    let partial = beside(out, &format!("{}.partial", head.backup))?;
    instance.note_backup(head.backup, plan.now_ms);
    let written = write_partial(&partial, &head, &saved, facts).and_then(|written| {
        instance.write(plan.dir)?;
        std::fs::rename(&partial, out)?;
        Ok(written)
    });
    match written {
        Ok((size, digest, batches)) => {
            sync_folder(parent(out))?;
            Ok(Taken {
                head,
                size,
                digest,
                batches,
            })
        }
        Err(why) => {
            // What is left is only ours; the reason matters more than a failing removal.
            let _ = std::fs::remove_file(&partial);
            Err(why.context(format!("writing the backup {}", out.display())))
        }
    }
}

fn read_files(plan: &Plan<'_>) -> anyhow::Result<Vec<SavedFile>> {
    if plan.files.len() > FILES_MAX {
        bail!(
            "a backup holds at most {FILES_MAX} files, not {}",
            plan.files.len()
        );
    }
    let read = |(index, named): (usize, &PathBuf)| {
        let path = plan.dir.join(named);
        let inside = named.strip_prefix(plan.dir).unwrap_or(named);
        let text = named
            .to_str()
            .with_context(|| format!("{} is no text", named.display()))?;
        let (name, origin) = if inside.is_absolute() {
            let last = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("file");
            (format!("outside/{index}-{last}"), text.to_owned())
        } else {
            (inside.to_str().unwrap_or(text).to_owned(), String::new())
        };
        if name == instance::FILE {
            bail!("{name} marks one copy of a host and is never saved as a file");
        }
        let (mode, bytes) = read_bounded(&path)?;
        let saved = SavedFile {
            name,
            origin,
            mode,
            bytes,
        };
        saved.check_name()?;
        Ok(saved)
    };
    plan.files.iter().enumerate().map(read).collect()
}

fn read_bounded(path: &Path) -> anyhow::Result<(u32, Vec<u8>)> {
    let reading = || format!("reading {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let facts = file.metadata().with_context(reading)?;
    if !facts.is_file() {
        bail!("{} is no file", path.display());
    }
    let mut bytes = Vec::new();
    let bound = u64::try_from(FILE_LEN_MAX).unwrap_or(u64::MAX);
    file.take(bound + 1)
        .read_to_end(&mut bytes)
        .with_context(reading)?;
    if bytes.len() > FILE_LEN_MAX {
        bail!("{} is longer than {FILE_LEN_MAX} bytes", path.display());
    }
    Ok((facts.permissions().mode() & 0o777, bytes))
}

fn write_partial(
    partial: &Path,
    head: &Head,
    saved: &[SavedFile],
    facts: &mut dyn FactSource,
) -> anyhow::Result<(u64, String, u64)> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)?;
    let mut records = RecordWriter::begin(BufWriter::new(file))?;
    records.put(&Record::Head(head.clone()))?;
    for file in saved {
        records.put(&Record::File(file.clone()))?;
    }
    let mut batches = 0;
    while let Some(batch) = facts.next_batch().context("reading the ledger's facts")? {
        records.put(&Record::Facts(batch))?;
        batches += 1;
    }
    let (buffer, size, digest) = records.finish()?;
    let file = buffer.into_inner().map_err(|err| err.into_error())?;
    file.sync_all()?;
    Ok((size, digest, batches))
}

/// A file that lies beside `path` and is named after it.
fn beside(path: &Path, what: &str) -> anyhow::Result<PathBuf> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} does not end in a name", path.display()))?;
    Ok(path.with_file_name(format!(".{name}.{what}")))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.with_context(|| format!("flushing {}", folder.display()))
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

fn open_backup(file: &Path) -> anyhow::Result<BufReader<File>> {
    let open = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    Ok(BufReader::new(open))
}

#[cfg(test)]
mod tests;
