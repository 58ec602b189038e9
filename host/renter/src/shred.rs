//! Bytes that are to be gone: zeros over them where they lie, before their name goes. A drive may
//! still keep what was there in blocks it no longer shows; nobody above the drive can change that.

use std::fs::{File, OpenOptions};
use std::io::{Result, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes zeros over everything a file holds; flushed when it returns.
pub(crate) fn zero(file: &mut File) -> Result<()> {
    let zeros = [0; 4096];
    let mut left = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    while left > 0 {
        let run = usize::try_from(left)
            .unwrap_or(zeros.len())
            .min(zeros.len());
        file.write_all(zeros.get(..run).unwrap_or_default())?;
        left -= run as u64;
    }
    file.sync_all()
}

/// Zeros over a file, then its name out of its folder; durable when it returns. A file that is
/// not there is gone already.
pub(crate) fn shred(path: &Path) -> Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    zero(&mut file)?;
    std::fs::remove_file(path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
