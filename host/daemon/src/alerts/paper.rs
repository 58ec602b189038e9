//! What a journal is written on: a file of the data directory. A seam, so that tests can cut the
//! power between any two acts.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::trouble::Trouble;

/// A place that is appended to and, seldom, replaced whole.
pub(crate) trait Paper {
    /// Everything that stands there.
    fn read(&mut self) -> Result<Vec<u8>, Trouble>;
    /// Adds bytes at the end; durable after `flush`.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Trouble>;
    /// Waits until the drive has what was appended.
    fn flush(&mut self) -> Result<(), Trouble>;
    /// Puts other bytes in place of all, atomically; durable when it returns.
    fn replace(&mut self, bytes: &[u8]) -> Result<(), Trouble>;
    /// Bytes that stand there.
    fn len(&self) -> u64;
}

/// A file, readable by its owner only.
#[derive(Debug)]
pub(crate) struct Sheet {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Sheet {
    /// Opens a file, or makes it.
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let file = appending(path).map_err(|err| trouble(path, &err))?;
        let len = file.metadata().map_err(|err| trouble(path, &err))?.len();
        Ok(Self {
            path: path.to_path_buf(),
            file,
            len,
        })
    }
}

fn appending(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

fn trouble(path: &Path, err: &std::io::Error) -> Trouble {
    Trouble::Drive {
        path: path.to_path_buf(),
        why: err.to_string(),
    }
}

impl Paper for Sheet {
    fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        std::fs::read(&self.path).map_err(|err| trouble(&self.path, &err))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let written = self.file.write_all(bytes);
        self.len += u64::try_from(bytes.len()).unwrap_or(0);
        written.map_err(|err| trouble(&self.path, &err))
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        self.file
            .sync_data()
            .map_err(|err| trouble(&self.path, &err))
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let fresh = self.path.with_extension("new");
        let replaced = || {
            let _ = std::fs::remove_file(&fresh);
            let mut file = appending(&fresh)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &self.path)?;
            let parent = self.path.parent().unwrap_or_else(|| Path::new("."));
            File::open(parent)?.sync_all()?;
            Ok(file)
        };
        self.file = replaced().map_err(|err: std::io::Error| trouble(&self.path, &err))?;
        self.len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.len
    }
}
