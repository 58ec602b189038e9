//! One process a data directory: an advisory lock on a file that holds the owner's process id, so
//! that the second process can name the first.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Name of the lock's file in the directory.
const LOCK_FILE: &str = "lock";

/// The directory is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{path} is in use by process {pid}; stop that one or choose another directory")]
    Held {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, as it wrote it down.
        pid: String,
    },
    /// The lock's file cannot be made or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// A held directory; released when dropped, also by a kill.
#[derive(Debug)]
pub struct DirLock {
    _file: Flock<File>,
}

impl DirLock {
    /// Takes the lock of `dir`. Errors name the process that holds it.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(LOCK_FILE);
        let failed = |source| LockError::File {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                file.set_len(0).map_err(failed)?;
                write!(*file, "{}", std::process::id()).map_err(failed)?;
                Ok(Self { _file: file })
            }
            Err((mut file, _)) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                let pid = if pid.is_empty() {
                    "unknown".into()
                } else {
                    pid
                };
                Err(LockError::Held {
                    path: dir.into(),
                    pid,
                })
            }
        }
    }
}
