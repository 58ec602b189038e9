//! What a mirror knows of each of its files: lines of JSON, the newest of a name counts
//! (docs/formats/mirror.md).
//!
//! Invariants: a line is flushed before anything that rests on it; a put's session stands here
//! before a byte leaves, so that what was cut off is gone on with and not stored twice. A torn last
//! line says nothing; a damaged one before it is an error.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use host_core::ObjectId;
use serde::{Deserialize, Serialize};

/// What the first line says it is.
const KIND: &str = "holdfast mirror 1";

/// The first line: what the mirror is of, and how its files are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) kind: String,
    /// The canonical copy.
    pub(super) of: String,
    pub(super) data: u16,
    pub(super) parity: u16,
    pub(super) days: u64,
    pub(super) public: bool,
}

impl Head {
    pub(super) fn new(of: String, (data, parity): (u16, u16), days: u64, public: bool) -> Self {
        Self {
            kind: KIND.to_owned(),
            of,
            data,
            parity,
            days,
            public,
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// The canonical copy's, when it was read.
    pub(super) mark: String,
    /// Of the bytes that were read.
    pub(super) sha256: String,
    /// The put that stores it, while there is no object.
    pub(super) session: Option<String>,
    pub(super) object: Option<ObjectId>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Known(Known),
    Gone { path: String, gone: bool },
}

/// A mirror's record; locked where it was opened to write.
pub(super) struct Record {
    pub(super) head: Head,
    pub(super) files: BTreeMap<String, Known>,
    file: File,
    path: PathBuf,
}

impl Record {
    /// Makes a mirror's record. Errors when there is one.
    pub(super) fn make(path: &Path, head: &Head) -> anyhow::Result<()> {
        let mut options = OpenOptions::new();
        let file = options.create_new(true).write(true).open(path);
        let mut file = file.with_context(|| format!("making {}", path.display()))?;
        writeln!(file, "{}", serde_json::to_string(head)?)?;
        file.sync_all()?;
        let folder = path.parent().context("a record lies in a folder")?;
        Ok(File::open(folder)?.sync_all()?)
    }

    /// Opens it to write. Errors when it is not there, damaged, or another process works on it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut record = Self::load(path, true)?;
        record.file.seek(SeekFrom::End(0))?;
        Ok(record)
    }

    /// Opens it to read, also while another process works on it.
    pub(super) fn look(path: &Path) -> anyhow::Result<Self> {
        Self::load(path, false)
    }

    fn load(path: &Path, to_write: bool) -> anyhow::Result<Self> {
        let file = OpenOptions::new().read(true).write(to_write).open(path);
        let file =
            file.with_context(|| format!("no mirror at {}: `mirror add`", path.display()))?;
        ensure!(
            !to_write || file.try_lock().is_ok(),
            "another process works on {}",
            path.display()
        );
        let text = std::io::read_to_string(&file).with_context(|| path.display().to_string())?;
        let sound = text.rfind('\n').map_or(0, |end| end + 1);
        let (head, files) = parse(text.get(..sound).unwrap_or_default())
            .with_context(|| path.display().to_string())?;
        if to_write {
            file.set_len(sound as u64)?;
        }
        Ok(Self {
            head,
            files,
            file,
            path: path.to_owned(),
        })
    }

    /// Writes down what is known of a file now; durable when it returns.
    pub(super) fn keep(&mut self, known: Known) -> anyhow::Result<()> {
        self.append(&Line::Known(known.clone()))?;
        self.files.insert(known.path.clone(), known);
        Ok(())
    }

    /// Forgets a file; durable when it returns.
    pub(super) fn forget(&mut self, path: &str) -> anyhow::Result<()> {
        let (path, gone) = (path.to_owned(), true);
        self.files.remove(&path);
        self.append(&Line::Gone { path, gone })
    }

    fn append(&mut self, line: &Line) -> anyhow::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        let written = self.file.write_all(text.as_bytes());
        let written = written.and_then(|()| self.file.sync_data());
        written.with_context(|| format!("writing {}", self.path.display()))
    }
}

fn parse(text: &str) -> anyhow::Result<(Head, BTreeMap<String, Known>)> {
    let mut lines = text.lines();
    let head: Head = serde_json::from_str(lines.next().unwrap_or_default())
        .context("the first line does not say what is mirrored")?;
    if head.kind != KIND {
        bail!("it is of kind {:?}", head.kind);
    }
    let mut files = BTreeMap::new();
    for (number, line) in lines.enumerate() {
        let line = serde_json::from_str(line).with_context(|| format!("line {}", number + 2))?;
        match line {
            Line::Known(known) => files.insert(known.path.clone(), known),
            Line::Gone { path, .. } => files.remove(&path),
        };
    }
    Ok((head, files))
}

#[cfg(test)]
mod tests;
