//! The directory on disk, so that a restarted hub answers at once instead of after a minute of
//! announcements (docs/formats/hub.md):
//! `"holdfast.hub.1" || network_id (32) || CBOR array of announcements || SHA-256 of all before`.
//! A write goes to a second file, is flushed, and takes the first one's name; a crash leaves the
//! old file or the new one. A damaged file is an error the caller may shrug off: hosts announce
//! themselves again within a minute.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use host_core::announce::Announcement;
use host_core::{NetworkId, codec};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::hub::Directory;

/// First bytes of the file.
const MAGIC: &[u8] = b"holdfast.hub.1";
/// Bytes of a SHA-256 hash.
const HASH_LEN: usize = 32;
/// Bytes of a network id.
const NETWORK_LEN: usize = 32;

/// The file's bytes for a directory.
#[must_use]
pub fn encode(directory: &Directory) -> Vec<u8> {
    let all: Vec<&Announcement> = directory.all().collect();
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&directory.network().0);
    bytes.extend_from_slice(&codec::to_bytes(&all));
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

/// Reads the file's bytes: the network and its announcements. Errors when they are damaged.
pub fn decode(bytes: &[u8]) -> Result<(NetworkId, Vec<Announcement>), Error> {
    let wrong = |why| Error::Snapshot { why };
    let split = bytes
        .len()
        .checked_sub(HASH_LEN)
        .ok_or_else(|| wrong("shorter than its hash"))?;
    let (body, hash) = bytes.split_at(split);
    if Sha256::digest(body).as_slice() != hash {
        return Err(wrong("its hash does not match"));
    }
    let body = body
        .strip_prefix(MAGIC)
        .ok_or_else(|| wrong("its first bytes are others"))?;
    let (network, list) = body
        .split_at_checked(NETWORK_LEN)
        .ok_or_else(|| wrong("it names no network"))?;
    let network = NetworkId::from_slice(network)?;
    let list = codec::from_bytes("hub directory", list)?;
    Ok((network, list))
}

/// Fills the directory from the file; returns how many hosts are listed, 0 without a file.
/// Errors when the file cannot be read, is damaged, or belongs to another network.
pub fn load(path: &Path, directory: &mut Directory, now_ms: u64) -> Result<usize, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(source) => {
            return Err(Error::File {
                op: "read",
                path: path.to_owned(),
                source,
            });
        }
    };
    let (network, list) = decode(&bytes)?;
    if network != directory.network() {
        return Err(Error::OtherNetwork {
            path: path.to_owned(),
        });
    }
    directory.restore(list, now_ms);
    Ok(directory.len())
}

/// Puts the bytes in the file's place. Durable when it returns.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| Error::File {
        op: "write",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
