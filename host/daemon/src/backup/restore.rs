//! From a backup to a directory.
//!
//! Enters: a backup and the name of a directory that is empty or not there. Leaves: the directory
//! with every file, the facts and a fresh `instance.json`, or nothing. The whole backup is checked
//! before the first byte is written and once more while it is; all is written beside the directory
//! and takes its name in one step.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use host_core::seams::Entropy;

use super::record::{Record, RecordReader, SavedFile};
use super::{Head, Instance, Machine};
use super::{beside, open_backup, parent, sync_folder, write_file};

/// Where the ledger's facts go: an empty ledger in the directory being made.
pub trait FactSink {
    /// Begins in `dir`, which holds the restored files already.
    fn open(&mut self, dir: &Path) -> anyhow::Result<()>;
    /// Takes one batch, in the order of the backup.
    fn put_batch(&mut self, batch: &[u8]) -> anyhow::Result<()>;
    /// Makes all of it durable and lets go of the directory, which is renamed next.
    fn close(&mut self) -> anyhow::Result<()>;
}

/// A host that was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The backup it came from.
    pub head: Head,
    /// The copy it is now.
    pub instance: Instance,
    /// Batches of facts that were taken.
    pub batches: u64,
    /// Files that lay outside the old directory: the path the configuration names, and where the
    /// file is now. The configuration must be told.
    pub outside: Vec<(String, PathBuf)>,
}

/// Reads a whole backup and checks every byte of it; returns what it says of itself and how many
/// batches of facts it holds. Cost: one read of the file, memory of one batch.
pub fn verify(file: &Path) -> anyhow::Result<(Head, u64)> {
    let named = || file.display().to_string();
    let mut reader = RecordReader::begin(open_backup(file)?).with_context(named)?;
    let (mut head, mut batches) = (None, 0);
    while let Some(record) = reader.next_record().with_context(named)? {
        match record {
            Record::Head(found) => head = Some(found),
            Record::File(_) => {}
            Record::Facts(_) => batches += 1,
        }
    }
    let head = head.with_context(|| format!("{} has no head", file.display()))?;
    Ok((head, batches))
}

/// Makes `dir` from the backup `file`. The host in it is a new instance that must claim the
/// identity before it serves. Errors when `dir` holds anything, the backup is not whole, or a
/// write fails; then `dir` is as it was.
pub fn restore(
    file: &Path,
    dir: &Path,
    facts: &mut dyn FactSink,
    machine: &Machine,
    entropy: &dyn Entropy,
    now_ms: u64,
) -> anyhow::Result<Restored> {
    refuse_occupied(dir)?;
    verify(file)?;
    let staging = beside(dir, "restoring")?;
    match DirBuilder::new().mode(0o700).create(&staging) {
        Ok(()) => {}
        Err(err) if err.kind() == ErrorKind::AlreadyExists => bail!(
            "{} is left from an interrupted restore, or one is running; remove it if none is",
            staging.display()
        ),
        Err(err) => return Err(err).with_context(|| format!("making {}", staging.display())),
    }
    let made = fill(file, &staging, facts, machine, entropy, now_ms).and_then(|restored| {
        std::fs::rename(&staging, dir).with_context(|| format!("naming {}", dir.display()))?;
        Ok(restored)
    });
    match made {
        Ok(mut restored) => {
            sync_folder(parent(dir))?;
            for (_, path) in &mut restored.outside {
                *path = dir.join(&*path);
            }
            Ok(restored)
        }
        Err(why) => {
            // Made by this call; the reason matters more than a failing removal.
            let _ = std::fs::remove_dir_all(&staging);
            Err(why)
        }
    }
}

fn refuse_occupied(dir: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(dir) {
        Ok(mut inside) => match inside.next() {
            None => Ok(()),
            Some(_) => bail!(
                "{} is not empty; a restore overwrites nothing",
                dir.display()
            ),
        },
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        Err(err) => Err(err).with_context(|| format!("reading {}", dir.display())),
    }
}

fn fill(
    file: &Path,
    staging: &Path,
    facts: &mut dyn FactSink,
    machine: &Machine,
    entropy: &dyn Entropy,
    now_ms: u64,
) -> anyhow::Result<Restored> {
    let mut reader = RecordReader::begin(open_backup(file)?)?;
    let Some(Record::Head(head)) = reader.next_record()? else {
        bail!("{} has no head", file.display());
    };
    let mut folders = BTreeSet::from([staging.to_owned()]);
    let (mut outside, mut batches) = (Vec::new(), 0);
    let mut next = reader.next_record()?;
    while let Some(Record::File(saved)) = next {
        put_file(staging, &saved, &mut folders)?;
        if !saved.origin.is_empty() {
            outside.push((saved.origin, PathBuf::from(saved.name)));
        }
        next = reader.next_record()?;
    }
    facts.open(staging).context("making the ledger")?;
    while let Some(Record::Facts(batch)) = next {
        facts
            .put_batch(&batch)
            .context("writing the ledger's facts")?;
        batches += 1;
        next = reader.next_record()?;
    }
    facts.close().context("flushing the ledger")?;
    let instance = Instance::restored(&head, staging, machine, entropy, now_ms)?;
    instance.write(staging)?;
    for folder in folders.iter().rev() {
        sync_folder(folder)?;
    }
    Ok(Restored {
        head,
        instance,
        batches,
        outside,
    })
}

fn put_file(
    staging: &Path,
    saved: &SavedFile,
    folders: &mut BTreeSet<PathBuf>,
) -> anyhow::Result<()> {
    let path = staging.join(&saved.name);
    let folder = parent(&path);
    DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(folder)
        .with_context(|| format!("making {}", folder.display()))?;
    let inside = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(staging));
    folders.extend(inside.map(Path::to_owned));
    write_file(&path, &saved.bytes, saved.mode)
}
