//! What a log is written on: bytes that are only added to, and flushed. A file here; in tests a
//! drive that loses its power.

use std::fs::{File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes in a row.
pub(crate) trait Tape {
    /// How many there are.
    fn size(&mut self) -> Result<u64>;
    /// All of them from `at` on.
    fn read_from(&mut self, at: u64) -> Result<Vec<u8>>;
    /// Adds some; they may be lost in part until `flush`.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;
    /// Everything added is kept, whatever happens.
    fn flush(&mut self) -> Result<()>;
}

/// A file under its lock, readable by its owner only.
pub(crate) struct FileTape(File);

impl FileTape {
    /// Opens or makes it; waits for other processes that write it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let is_new = !path.try_exists()?;
        let file = options.open(path)?;
        if is_new && let Some(folder) = path.parent() {
            // The name must outlive a power cut as the bytes do.
            File::open(folder)?.sync_all()?;
        }
        file.lock()?;
        Ok(Self(file))
    }
}

impl Tape for FileTape {
    fn size(&mut self) -> Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_from(&mut self, at: u64) -> Result<Vec<u8>> {
        self.0.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.sync_data()
    }
}
