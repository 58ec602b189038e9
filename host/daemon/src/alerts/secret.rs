//! Secrets of the alerts' routes: read from their file at each use, so that a change needs no
//! restart and no copy stays in memory longer than a message takes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::trouble::Trouble;
use crate::config::Config;

/// Bytes of a secret at most.
const SECRET_MAX: usize = 4096;

/// The text of a secret's file, without the line's end. Errors when it does not read, is empty, or
/// when every user of the machine may read it.
pub(crate) fn read(dir: &Path, key: &'static str, file: &Path) -> Result<String, Trouble> {
    let path: PathBuf = Config::resolve(dir, file);
    let wrong = |why: String| Trouble::Secret {
        key,
        path: path.clone(),
        why,
    };
    let meta = std::fs::metadata(&path).map_err(|err| wrong(err.to_string()))?;
    if meta.mode() & 0o007 != 0 {
        return Err(wrong("every user may read it; `chmod 600` it".into()));
    }
    let text = std::fs::read_to_string(&path).map_err(|err| wrong(err.to_string()))?;
    let text = text.trim();
    if text.is_empty() || text.len() > SECRET_MAX {
        return Err(wrong(format!("it holds {} bytes of text", text.len())));
    }
    Ok(text.to_owned())
}

/// The same when a file is named at all.
pub(crate) fn read_some(
    dir: &Path,
    key: &'static str,
    file: &Path,
) -> Result<Option<String>, Trouble> {
    match file.as_os_str().is_empty() {
        true => Ok(None),
        false => read(dir, key, file).map(Some),
    }
}

/// An address that stands in the configuration or in a file.
pub(crate) fn address(
    dir: &Path,
    key: &'static str,
    url: &str,
    file: &Path,
) -> Result<String, Trouble> {
    match read_some(dir, key, file)? {
        Some(secret) => Ok(secret),
        None => Ok(url.to_owned()),
    }
}
