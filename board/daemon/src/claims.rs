//! Which drives belong to this host: lines `SERIAL NAMESPACE` of a file that root alone writes.
//!
//! Enters: the file, read again for each question. Leaves: whether a drive is claimed. Invariants:
//! a file that others may write claims nothing; a line that is no claim makes the whole file
//! claim nothing, so that half an edit opens no drive; no file is no claim.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use board_wire::nvme::DriveName;

use crate::error::Error;

/// More than every drive of a box, with comments.
const FILE_MAX: u64 = 64 << 10;

/// Reads the claims at `path` for a program that runs as `own`.
///
/// # Errors
/// `Writable`, `Line`, `File`.
pub fn read(path: &Path, own: u32) -> Result<Vec<DriveName>, Error> {
    let failed = |source| Error::File {
        path: path.to_path_buf(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let about = file.metadata().map_err(failed)?;
    let (mode, owner) = (about.mode() & 0o7777, about.uid());
    if mode & 0o022 != 0 || (owner != 0 && owner != own) {
        let path = path.to_path_buf();
        return Err(Error::Writable { path, mode, owner });
    }
    let mut text = String::new();
    file.take(FILE_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<DriveName>, Error> {
    let mut claims = Vec::new();
    for (line, words) in (1..).zip(text.lines().map(str::trim)) {
        if words.is_empty() || words.starts_with('#') {
            continue;
        }
        let claim = claim(words).ok_or_else(|| Error::Line {
            path: PathBuf::from(path),
            line,
        })?;
        claims.push(claim);
    }
    Ok(claims)
}

fn claim(words: &str) -> Option<DriveName> {
    let (serial, namespace) = words.rsplit_once(' ')?;
    let name = DriveName {
        serial: serial.trim().to_owned(),
        namespace: namespace.parse().ok()?,
    };
    name.check().is_ok().then_some(name)
}

#[cfg(test)]
mod tests;
