//! Who changed what: one JSON line for every request that is not a mere look, flushed to the drive
//! before the answer leaves. The file is renamed away when it is full; one older one is kept.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use serde::Serialize;

/// Name of the audit log in the data directory.
pub const AUDIT_FILE: &str = "audit.jsonl";
/// Bytes after which a new file is begun.
const FILE_MAX: u64 = 8 << 20;

/// One line.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    /// When, RFC 3339.
    pub(crate) time: String,
    /// Which door.
    pub(crate) door: &'a str,
    /// Who.
    pub(crate) caller: &'a str,
    /// The verb.
    pub(crate) method: &'a str,
    /// On what.
    pub(crate) path: &'a str,
    /// How it ended.
    pub(crate) status: u16,
}

/// The audit log.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    file: Mutex<File>,
}

impl Audit {
    /// Opens the log of a data directory.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(AUDIT_FILE);
        let file = append(&path).with_context(|| format!("opening {}", path.display()))?;
        Ok(Self {
            path,
            file: Mutex::new(file),
        })
    }

    /// Writes one line. Durable when it returns.
    pub(crate) fn write(&self, entry: &Entry<'_>) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.metadata()?.len() >= FILE_MAX {
            std::fs::rename(&self.path, self.path.with_extension("jsonl.1"))?;
            *file = append(&self.path)?;
        }
        file.write_all(&line)?;
        file.sync_data()
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

/// The time of an entry.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
