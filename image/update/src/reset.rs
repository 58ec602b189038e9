//! Back to how the box was shipped, in two shapes: `keep` forgets its owner, `wipe` forgets who it
//! is too. Asked for first and carried out by the next start, before the host, so that nothing
//! writes what is being removed.
//!
//! The wish stands in the record until all is gone: a power cut in the middle begins again. What
//! keeps old versions out (floor and known metadata) survives both; data drives are never touched.

use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::record::Record;
use crate::seal;

/// What is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Shape {
    /// Owner, tokens, the remote door's key, orders. Identity, books and shards stay.
    Keep,
    /// Everything of the host on the state partition.
    Wipe,
}

/// What belongs to the owner, in the host's folder.
const OWNED: [&str; 8] = [
    "owner.pem",
    "tokens.json",
    "api.token",
    "api.tls.key",
    "api.tls.crt",
    "mode.json",
    "run",
    "host.toml.previous",
];

/// Carries out what was asked for, if anything was. Says what it did.
///
/// # Errors
/// `File`; the wish stays, and the next start goes on.
pub(crate) fn carry_out(host: &Path, record: &Record) -> Result<Option<Shape>, Error> {
    let Some(shape) = record.reset() else {
        return Ok(None);
    };
    match shape {
        Shape::Keep => {
            for name in OWNED {
                remove(&host.join(name))?;
            }
        }
        Shape::Wipe => {
            let entries = std::fs::read_dir(host).into_iter().flatten();
            for entry in entries.filter_map(Result::ok) {
                remove(&entry.path())?;
            }
            // They are the former identity's; what is on them stays.
            record.set_drives(&[])?;
            seal::forget(record)?;
        }
    }
    if let Ok(folder) = File::open(host) {
        folder.sync_all().map_err(Error::file(host))?;
    }
    record.forget_orders()?;
    // Last: until here a cut begins again.
    record.set_reset(None)?;
    Ok(Some(shape))
}

/// Removes whatever stands at a path; a link, not what it points at.
fn remove(path: &Path) -> Result<(), Error> {
    let gone = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(why) => Err(why),
    };
    match gone {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(why)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
