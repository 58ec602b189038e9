//! A release manifest: every file with its size, SHA-256, CID and place in the tree's object, and
//! how it was made, as an in-toto statement. The same tree, names and date give the same bytes
//! (docs/formats/release.md).

use std::path::{Component, Path};

use host_core::ObjectId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Error;

/// What the first member says.
const KIND: &str = "holdfast release manifest 1";
/// The same, of a release with packed files.
const KIND_PACKED: &str = "holdfast release manifest 2";
/// Multicodec of plain bytes, multihash code of SHA-256.
pub(crate) const RAW: u64 = 0x55;
pub(crate) const SHA2_256: u64 = 0x12;

/// How long a release is to stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Promised to stay until then, milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// Legal hold: promised to stay while it stands.
    pub hold: bool,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// Its path in the tree, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
    /// CIDv1 of the bytes (raw, SHA-256).
    pub cid: String,
    /// Where it begins in the tree's object.
    pub at: u64,
    /// Bytes it takes there as a zstd frame; none: it is there as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<u64>,
    /// Whether it is a program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exec: bool,
}

impl FileLine {
    /// Bytes of the tree's object that are this file's.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.packed.unwrap_or(self.size)
    }
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `holdfast release manifest 1`, or 2 with packed files.
    pub kind: String,
    /// The network it is published in.
    pub network: String,
    /// What is released.
    pub name: String,
    /// Which version of it.
    pub version: String,
    /// Milliseconds since 1970, as the publisher says.
    pub date_ms: u64,
    /// How long it stays.
    pub retention: Retention,
    /// Bytes of all files.
    pub bytes: u64,
    /// SHA-256 of the tree's object, in hex.
    pub sha256: String,
    /// Root of the files as UnixFS, as `holdfast car pack` gives it; none where a folder has more
    /// names than a block holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dag: Option<String>,
    /// The tree's object, where the content alone names it (public releases).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<ObjectId>,
    /// Every file, in the order of its path's bytes.
    pub files: Vec<FileLine>,
    /// How it was made: an in-toto statement about these files.
    pub provenance: Value,
}

/// CIDv1 of some bytes by their SHA-256.
pub(crate) fn cid_of(sha256: &[u8; 32]) -> String {
    match cid::multihash::Multihash::<64>::wrap(SHA2_256, sha256) {
        Ok(hash) => cid::Cid::new_v1(RAW, hash).to_string(),
        Err(_) => String::new(),
    }
}

fn is_plain(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    let plain = parts.all(|part| matches!(part, Component::Normal(_)));
    // Components forgive `a//b` and `a/./b`; a manifest does not.
    let exact = path.split('/').all(|part| !part.is_empty() && part != ".");
    plain && exact && !path.contains(['\0', '\n', '\r', '\\'])
}

impl Manifest {
    /// A manifest of some files; `predicate` is how they were made (SLSA provenance).
    #[must_use]
    pub fn new(
        (network, name, version): (&str, &str, &str),
        date_ms: u64,
        retention: Retention,
        (files, sha256): (Vec<FileLine>, String),
        predicate: Value,
    ) -> Self {
        let subject: Vec<Value> = files
            .iter()
            .map(|file| json!({ "name": file.path, "digest": { "sha256": file.sha256 } }))
            .collect();
        let provenance = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": predicate,
        });
        let packed = files.iter().any(|file| file.packed.is_some());
        Self {
            kind: if packed { KIND_PACKED } else { KIND }.to_owned(),
            network: network.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            date_ms,
            retention,
            bytes: files.iter().map(|file| file.size).sum(),
            sha256,
            dag: None,
            tree: None,
            files,
            provenance,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Text keys and plain values: nothing of it can be refused.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads one and holds it to its own word: plain paths in order, sizes that add up.
    /// Errors: Unreadable, Path, Sums.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unreadable = |why: String| Error::Unreadable {
            what: "the manifest",
            why,
        };
        let manifest: Self =
            serde_json::from_str(text).map_err(|why| unreadable(why.to_string()))?;
        let packed = manifest.files.iter().any(|file| file.packed.is_some());
        if manifest.kind != if packed { KIND_PACKED } else { KIND } {
            return Err(unreadable(format!("it is of kind {:?}", manifest.kind)));
        }
        let (mut before, mut at, mut bytes) = (None, 0_u64, 0_u64);
        for file in &manifest.files {
            let path = file.path.as_str();
            if !is_plain(path) || before.is_some_and(|before| before >= path) {
                return Err(Error::Path {
                    path: path.to_owned(),
                });
            }
            if file.at != at {
                return Err(Error::Sums {
                    path: path.to_owned(),
                    at: file.at,
                    expected: at,
                });
            }
            let overflow = || unreadable("its sizes overflow".to_owned());
            at = at.checked_add(file.held()).ok_or_else(overflow)?;
            bytes = bytes.checked_add(file.size).ok_or_else(overflow)?;
            before = Some(path);
        }
        if manifest.bytes != bytes {
            return Err(unreadable(format!(
                "it says {} bytes, has {bytes}",
                manifest.bytes
            )));
        }
        Ok(manifest)
    }

    /// The list that `sha256sum -c` takes.
    #[must_use]
    pub fn sha256sums(&self) -> String {
        let lines = self.files.iter();
        lines
            .map(|file| format!("{}  {}\n", file.sha256, file.path))
            .collect()
    }
}

#[cfg(test)]
mod tests;
