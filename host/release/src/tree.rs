//! A tree of files: walked in order, joined end to end into the file that is stored, checked
//! against a manifest. Nothing is followed out of the tree: links and devices are refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, file};
use crate::manifest::{FileLine, Manifest, cid_of};

/// Bytes read at once.
const RUN: usize = 1 << 20;

/// A tree that was joined.
#[derive(Debug)]
pub struct Archive {
    /// Its files, in order.
    pub files: Vec<FileLine>,
    /// SHA-256 of the whole, in hex.
    pub sha256: String,
}

/// What is wrong with a copy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Which file.
    pub path: String,
    /// What is wrong.
    pub why: String,
}

/// Every plain file below `dir` with its path in the tree, in the order of the paths' bytes.
/// Errors: File, Odd.
pub fn walk(dir: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(String::new(), dir.to_path_buf())];
    while let Some((prefix, folder)) = folders.pop() {
        for item in std::fs::read_dir(&folder).map_err(file(&folder))? {
            let item = item.map_err(file(&folder))?;
            let path = item.path();
            let odd = |what| Error::Odd {
                path: path.display().to_string(),
                what,
            };
            let name = item.file_name();
            let name = name.to_str().ok_or_else(|| odd("not named in UTF-8"))?;
            if name.contains(['\n', '\r', '\\']) {
                return Err(odd("named with a line end or a backslash"));
            }
            let kind = item.file_type().map_err(file(&path))?;
            let inside = format!("{prefix}{name}");
            if kind.is_dir() {
                folders.push((inside + "/", path));
            } else if kind.is_file() {
                found.insert(inside, path);
            } else if kind.is_symlink() {
                return Err(odd("a symbolic link"));
            } else {
                return Err(odd("no plain file"));
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Copies a file, or only reads it, and gives its length and hash.
fn pass(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(u64, [u8; 32]), Error> {
    let mut source = File::open(path).map_err(file(path))?;
    let (mut hash, mut size, mut run) = (Sha256::new(), 0_u64, vec![0; RUN]);
    loop {
        let count = source.read(&mut run).map_err(file(path))?;
        let Some(bytes) = run.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok((size, hash.finalize().into()));
        };
        hash.update(bytes);
        size += count as u64;
        each(bytes).map_err(file(path))?;
    }
}

impl Archive {
    /// Joins the files below `dir` into `out`. Cost: every byte read and written once.
    /// Errors: File, Odd, Changed.
    pub fn join(dir: &Path, out: &Path) -> Result<Self, Error> {
        let mut joined = File::create(out).map_err(file(out))?;
        let (mut whole, mut at, mut files) = (Sha256::new(), 0_u64, Vec::new());
        for (path, source) in walk(dir)? {
            let before = std::fs::symlink_metadata(&source).map_err(file(&source))?;
            let (size, sha256) = pass(&source, |bytes| {
                whole.update(bytes);
                joined.write_all(bytes)
            })?;
            if !before.is_file() || before.len() != size {
                return Err(Error::Changed { path });
            }
            files.push(FileLine {
                cid: cid_of(&sha256),
                sha256: hex::encode(sha256),
                exec: before.permissions().mode() & 0o111 != 0,
                path,
                size,
                at,
            });
            at += size;
        }
        joined.sync_all().map_err(file(out))?;
        Ok(Self {
            files,
            sha256: hex::encode(whole.finalize()),
        })
    }
}

/// Holds a copy of a tree to its manifest: what is missing, other, or not of it.
/// Errors: File, Odd.
pub fn check(manifest: &Manifest, dir: &Path) -> Result<Vec<Fault>, Error> {
    let mut there: BTreeMap<String, PathBuf> = walk(dir)?.into_iter().collect();
    let mut faults = Vec::new();
    let mut fault = |path: &str, why: String| {
        faults.push(Fault {
            path: path.to_owned(),
            why,
        });
    };
    for wanted in &manifest.files {
        let Some(path) = there.remove(&wanted.path) else {
            fault(&wanted.path, "is missing".to_owned());
            continue;
        };
        let (size, sha256) = pass(&path, |_| Ok(()))?;
        if size != wanted.size {
            fault(
                &wanted.path,
                format!("has {size} bytes, not {}", wanted.size),
            );
        } else if hex::encode(sha256) != wanted.sha256 {
            fault(&wanted.path, "has another SHA-256".to_owned());
        }
    }
    for path in there.keys() {
        fault(path, "is not of this release".to_owned());
    }
    Ok(faults)
}

#[cfg(test)]
mod tests;
