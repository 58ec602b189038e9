//! What the catalogue holds: the rows and the bytes of their keys (docs/formats/catalogue.md).
//!
//! Values are JSON, so that any engine keeps them and a person reads them; keys are ordered so
//! that a scan is a listing. What this does not do: open a file or decide anything.

use std::collections::BTreeMap;

use host_core::ObjectId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// Whether versions are kept: never on, on, or no longer.
    #[serde(default)]
    pub versioning: Versioning,
    /// Tags of the bucket.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether objects can be locked.
    #[serde(default)]
    pub lock: bool,
    /// Lock of new objects: governance or compliance, and days.
    #[serde(default)]
    pub lock_default: Option<(LockMode, u64)>,
    /// Rules by which objects expire.
    #[serde(default)]
    pub lifecycle: Vec<Expiry>,
}

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// It never did.
    #[default]
    Off,
    /// It does.
    On,
    /// It did; older versions stay.
    Suspended,
}

/// How firmly a version is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LockMode {
    /// A key with the right may lift it.
    Governance,
    /// Nobody may, before its time.
    Compliance,
}

/// One lifecycle rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expiry {
    /// Its name.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Keys it is for.
    pub prefix: String,
    /// Days after which a current version goes.
    pub days: Option<u64>,
    /// Days after which an older version goes.
    pub older_days: Option<u64>,
    /// Days after which an unfinished upload goes.
    pub upload_days: Option<u64>,
}

/// A run of an object's bytes on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// The stored object.
    pub object: ObjectId,
    /// Where the run begins in it.
    pub offset: u64,
    /// Plaintext bytes.
    pub len: u64,
    /// Key of a run that shares its stored object with others: AES-256-GCM, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// One version of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its version id; `null` where versions are not kept.
    pub version: String,
    /// Orders versions of a key: milliseconds since 1970, made unique.
    pub seq: u64,
    /// Bytes.
    pub len: u64,
    /// Entity tag without quotes.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Standard headers: content-type, cache-control and so on.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The client's own metadata.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Where the bytes are.
    pub pieces: Vec<Piece>,
    /// Lengths of the parts it was uploaded in; empty when it came in one.
    #[serde(default)]
    pub parts: Vec<u64>,
    /// Whether it says that the key was deleted.
    #[serde(default)]
    pub marker: bool,
    /// Locked until, milliseconds since 1970.
    #[serde(default)]
    pub lock: Option<(LockMode, u64)>,
    /// Legal hold.
    #[serde(default)]
    pub hold: bool,
}

/// A multipart upload under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// The key it will have.
    pub key: String,
    /// Milliseconds since 1970.
    pub begun_ms: u64,
    /// What the finished object is to carry; its pieces are empty.
    pub entry: Entry,
}

/// One part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Bytes.
    pub len: u64,
    /// MD5 in hex.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Where the bytes are.
    pub pieces: Vec<Piece>,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The secret, sealed with the gateway's key, hex.
    pub sealed: String,
    /// Who it is for.
    pub name: String,
    /// Buckets it may touch; empty for all. A trailing `*` stands for any ending.
    pub buckets: Vec<String>,
    /// Only reading.
    pub read_only: bool,
    /// Bytes its buckets may hold; none for no bound.
    pub quota: Option<u64>,
    /// Requests a second; none for no bound.
    pub rate: Option<u32>,
    /// Milliseconds since 1970.
    pub created_ms: u64,
}

/// A stored object that several entries share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shared {
    /// Bytes of it.
    pub len: u64,
    /// Milliseconds since 1970.
    pub closed_ms: u64,
}

/// The bytes of a row.
pub(crate) fn to_bytes<T: Serialize>(row: &T) -> Vec<u8> {
    // Maps with text keys and plain fields: nothing of a row can be refused.
    serde_json::to_vec(row).unwrap_or_default()
}

/// A row of its bytes. Errors: Row.
pub(crate) fn of_bytes<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|why| Error::Row {
        key: String::from_utf8_lossy(key).into_owned(),
        why: why.to_string(),
    })
}

fn joined(space: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![space];
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            key.push(0);
        }
        key.extend_from_slice(part);
    }
    key
}

/// First key after every key with this beginning.
pub(crate) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; 8]
}

/// All buckets.
pub(crate) const BUCKETS: &[u8] = b"b";
/// All access keys.
pub(crate) const KEYS: &[u8] = b"k";
/// Stored objects that may have no use; see the room of uses.
pub(crate) const GARBAGE: &[u8] = b"g";
/// Sessions of puts that no row names yet.
pub(crate) const PENDING: &[u8] = b"n";
/// What extensions of terms cost today; with the renter's address behind it where gateways share.
pub(crate) const SPENT: &[u8] = b"y";
/// The mark of a namespace's key.
pub(crate) const NAMESPACE: &[u8] = b"i";
/// Shared stored objects.
pub(crate) const SHARED: &[u8] = b"s";

/// A bucket.
pub(crate) fn bucket(name: &str) -> Vec<u8> {
    joined(b'b', &[name.as_bytes()])
}

/// The current version of a key; with an empty key, the beginning of all of a bucket.
pub(crate) fn current(bucket: &str, key: &str) -> Vec<u8> {
    joined(b'o', &[bucket.as_bytes(), key.as_bytes()])
}

/// An older version, newest first; without a number, the beginning of all of a key.
pub(crate) fn older(bucket: &str, key: &str, seq: Option<u64>) -> Vec<u8> {
    let parts = [bucket.as_bytes(), key.as_bytes()];
    let seq = seq.map(|seq| (u64::MAX - seq).to_be_bytes());
    let seq = seq.as_ref().map_or(&[][..], |seq| &seq[..]);
    joined(b'v', &[parts[0], parts[1], seq])
}

/// The beginning of all older versions of a bucket's keys that begin with `key`.
pub(crate) fn older_from(bucket: &str, key: &str) -> Vec<u8> {
    joined(b'v', &[bucket.as_bytes(), key.as_bytes()])
}

/// An upload; with an empty id, the beginning of all of a bucket.
pub(crate) fn upload(bucket: &str, id: &str) -> Vec<u8> {
    joined(b'm', &[bucket.as_bytes(), id.as_bytes()])
}

/// A part of an upload; without a number, the beginning of all.
pub(crate) fn part(upload: &str, number: Option<u16>) -> Vec<u8> {
    let number = number.map(u16::to_be_bytes);
    let number = number.as_ref().map_or(&[][..], |number| &number[..]);
    joined(b'p', &[upload.as_bytes(), number])
}

/// An access key.
pub(crate) fn access_key(id: &str) -> Vec<u8> {
    joined(b'k', &[id.as_bytes()])
}

/// What a bucket holds: objects and bytes, as counters.
pub(crate) fn usage(bucket: &str) -> Vec<u8> {
    joined(b'c', &[bucket.as_bytes()])
}

/// A use of a stored object by a row; with an empty row, the beginning of all uses.
pub(crate) fn use_of(object: &ObjectId, row: &[u8]) -> Vec<u8> {
    [&[b'u'][..], &object.0, row].concat()
}

/// The bucket of a row that uses an object; none for a part of an upload under way.
pub(crate) fn bucket_of(used: &[u8]) -> Option<&str> {
    let rest = used.strip_prefix(b"v")?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// A stored object that may have lost its last use.
pub(crate) fn garbage(object: &ObjectId) -> Vec<u8> {
    [GARBAGE, &object.0].concat()
}

/// Whose a stored object is, where gateways share.
pub(crate) fn kept(object: &ObjectId) -> Vec<u8> {
    [&b"l"[..], &object.0].concat()
}

/// A shared stored object.
pub(crate) fn shared(object: &ObjectId) -> Vec<u8> {
    [SHARED, &object.0].concat()
}

/// When a stored object in use was looked at last.
pub(crate) fn looked(object: &ObjectId) -> Vec<u8> {
    [&[b'z'][..], &object.0].concat()
}

/// What the last look at a stored object in use found.
pub(crate) fn seen(object: &ObjectId) -> Vec<u8> {
    [&b"q"[..], &object.0].concat()
}

/// A session of a put that no row names yet.
pub(crate) fn pending(session: &[u8; 16]) -> Vec<u8> {
    [PENDING, session].concat()
}

#[cfg(test)]
mod tests;
