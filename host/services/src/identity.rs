//! A service's identity on disk: a key file of mode 0600, made once, and the lock that keeps two
//! processes off one data directory. The key never leaves this file but as a `SecretKey`.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use host_core::identity::SecretKey;

use crate::error::Error;

/// Permission bits of the key file.
const KEY_MODE: u32 = 0o600;
/// Permission bits of a data directory this program makes.
const FOLDER_MODE: u32 = 0o700;
/// Draws until a key is below the curve's order; one draw fails with probability 2^-128.
const DRAWS_MAX: usize = 4;

/// The key in `path`, made first when there is none. Errors when others may read the file or it
/// holds no key.
pub fn load_or_make(path: &Path) -> Result<SecretKey, Error> {
    let file = |op, source| Error::File {
        op,
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    match File::open(path) {
        Ok(mut open) => {
            let mode = open
                .metadata()
                .map_err(|e| file("read", e))?
                .permissions()
                .mode()
                & 0o777;
            if mode & 0o077 != 0 {
                return Err(Error::KeyMode {
                    path: path.to_owned(),
                    mode,
                });
            }
            open.read_to_string(&mut text)
                .map_err(|e| file("read", e))?;
        }
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return make(path),
        Err(err) => return Err(file("read", err)),
    }
    let form = || Error::KeyForm {
        path: path.to_owned(),
    };
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| form())?;
    SecretKey::from_bytes(&bytes).map_err(|_| form())
}

fn make(path: &Path) -> Result<SecretKey, Error> {
    let file = |source: std::io::Error| Error::File {
        op: "write",
        path: path.to_owned(),
        source,
    };
    let key = draw().map_err(file)?;
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(KEY_MODE)
        .open(path)
        .map_err(file)?;
    let text = hex::encode(key.expose().as_slice());
    writeln!(open, "{text}")
        .and_then(|()| open.sync_all())
        .map_err(file)?;
    Ok(key)
}

fn draw() -> std::io::Result<SecretKey> {
    for _ in 0..DRAWS_MAX {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        if let Ok(key) = SecretKey::from_bytes(&bytes) {
            return Ok(key);
        }
    }
    Err(std::io::Error::other(
        "the kernel's randomness makes no key",
    ))
}

/// Makes the data directory and takes its lock, held as long as the file lives. Errors with the
/// other process when there is one.
pub fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = |op, source| Error::File {
        op,
        path: path.clone(),
        source,
    };
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)
            .map_err(|e| file("write", e))?;
    }
    let mut open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| file("lock", e))?;
    match open.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(&path).unwrap_or_default();
            return Err(Error::Locked {
                path,
                pid: pid.trim().to_owned(),
            });
        }
        Err(TryLockError::Error(err)) => return Err(file("lock", err)),
    }
    open.set_len(0)
        .and_then(|()| open.rewind())
        .and_then(|()| writeln!(open, "{}", std::process::id()))
        .map_err(|e| file("lock", e))?;
    Ok(open)
}

#[cfg(test)]
mod tests;
