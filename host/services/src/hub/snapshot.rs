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
use crate::hub::witness::Row;
use crate::hub::{Directory, Witness};

/// First bytes of the file.
const MAGIC: &[u8] = b"holdfast.hub.1";
/// Bytes of a SHA-256 hash.
const HASH_LEN: usize = 32;
/// Bytes of a network id.
const NETWORK_LEN: usize = 32;

/// First bytes of the file of counts.
const COUNTS_MAGIC: &[u8] = b"holdfast.counts.1";

/// The file's bytes for a directory.
#[must_use]
pub fn encode(directory: &Directory) -> Vec<u8> {
    let all: Vec<&Announcement> = directory.all().collect();
    seal(MAGIC, &directory.network(), &codec::to_bytes(&all))
}

/// The file's bytes for what a hub counted.
#[must_use]
pub fn encode_counts(witness: &Witness) -> Vec<u8> {
    seal(
        COUNTS_MAGIC,
        &witness.network(),
        &codec::to_bytes(&witness.rows()),
    )
}

/// Fills the counts from their file; returns how many hosts are counted, 0 without a file. Errors
/// like `load`.
pub fn load_counts(path: &Path, witness: &mut Witness) -> Result<usize, Error> {
    let Some(bytes) = read(path)? else {
        return Ok(0);
    };
    let (network, rows) = open(COUNTS_MAGIC, &bytes)?;
    if network != witness.network() {
        return Err(Error::OtherNetwork {
            path: path.to_owned(),
        });
    }
    let rows: Vec<Row> = codec::from_bytes("hub counts", rows)?;
    witness.restore(rows);
    Ok(witness.len())
}

/// Magic, network, body, and the hash of all three.
pub(crate) fn seal(magic: &[u8], network: &NetworkId, body: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&network.0);
    bytes.extend_from_slice(body);
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

/// Reads the file's bytes: the network and its announcements. Errors when they are damaged.
pub fn decode(bytes: &[u8]) -> Result<(NetworkId, Vec<Announcement>), Error> {
    let (network, list) = open(MAGIC, bytes)?;
    let list = codec::from_bytes("hub directory", list)?;
    Ok((network, list))
}

/// The network and the body of sealed bytes. Errors when they are damaged.
pub(crate) fn open<'b>(magic: &[u8], bytes: &'b [u8]) -> Result<(NetworkId, &'b [u8]), Error> {
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
        .strip_prefix(magic)
        .ok_or_else(|| wrong("its first bytes are others"))?;
    let (network, list) = body
        .split_at_checked(NETWORK_LEN)
        .ok_or_else(|| wrong("it names no network"))?;
    Ok((NetworkId::from_slice(network)?, list))
}

/// A file's bytes; none when it is not there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File {
            op: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Fills the directory from the file; returns how many hosts are listed, 0 without a file.
/// Errors when the file cannot be read, is damaged, or belongs to another network.
pub fn load(path: &Path, directory: &mut Directory, now_ms: u64) -> Result<usize, Error> {
    let Some(bytes) = read(path)? else {
        return Ok(0);
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
