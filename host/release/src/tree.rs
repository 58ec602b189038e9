//! A tree of files: walked in order, joined end to end into the file that is stored, checked
//! against a manifest. Nothing is followed out of the tree: links and devices are refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::car::CarWriter;
use crate::error::{Error, file};
use crate::manifest::{FileLine, Manifest, cid_of};
use crate::pack;

/// Bytes read at once.
const RUN: usize = 1 << 20;

/// A tree that was joined.
#[derive(Debug)]
pub struct Archive {
    /// Its files, in order.
    pub files: Vec<FileLine>,
    /// SHA-256 of the whole, in hex.
    pub sha256: String,
    /// Root of the files as UnixFS; none where a folder has more names than a block holds.
    pub dag: Option<String>,
}

/// The UnixFS tree of files as they pass, of which only the root is kept.
struct Dag(Option<CarWriter<std::io::Sink>>);

impl Dag {
    fn see(&mut self, step: impl FnOnce(&mut CarWriter<std::io::Sink>) -> std::io::Result<()>) {
        // A tree without a root is still one: only its CAR cannot be had.
        if self.0.as_mut().is_some_and(|writer| step(writer).is_err()) {
            self.0 = None;
        }
    }

    fn root(self) -> Option<String> {
        let ended = self.0?.finish();
        ended.ok().map(|(_, root)| root.to_string())
    }
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
pub(crate) fn pass(
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

/// A file's length and SHA-256, in hex. Errors: File.
pub fn digest(path: &Path) -> Result<(u64, String), Error> {
    let (len, sha256) = pass(path, |_| Ok(()))?;
    Ok((len, hex::encode(sha256)))
}

/// The file that trees are joined into, with the hash and the length of what is in it.
struct Joined {
    file: File,
    hash: Sha256,
    len: u64,
}

impl Write for Joined {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.len += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Joined {
    /// Adds a file as a frame; none, and nothing added, where that is no smaller.
    fn add_packed(
        &mut self,
        source: &Path,
        len: u64,
        dag: &mut Dag,
    ) -> Result<Option<(u64, [u8; 32])>, Error> {
        let (hash, start) = (self.hash.clone(), self.len);
        let mut packer = pack::packer(&mut *self, len).map_err(file(source))?;
        let passed = pass(source, |bytes| {
            dag.see(|dag| dag.bytes(bytes));
            packer.write_all(bytes)
        });
        let ended = packer.finish().map(|_| ());
        let passed = passed?;
        // A file that changed meanwhile is told by its length.
        let is_smaller = ended.is_ok() && self.len - start < len;
        if is_smaller || passed.0 != len {
            return Ok(Some(passed));
        }
        ended.map_err(file(source))?;
        self.file.set_len(start).map_err(file(source))?;
        self.file
            .seek(SeekFrom::Start(start))
            .map_err(file(source))?;
        (self.hash, self.len) = (hash, start);
        Ok(None)
    }
}

impl Archive {
    /// Joins the files below `dir` into `out`, each packed with zstd where that is asked for and
    /// makes it smaller. Cost: every byte read and written once, twice where packing gains nothing.
    /// Errors: File, Odd, Changed.
    pub fn join(dir: &Path, out: &Path, packed: bool) -> Result<Self, Error> {
        let mut joined = Joined {
            file: File::create(out).map_err(file(out))?,
            hash: Sha256::new(),
            len: 0,
        };
        let mut files = Vec::new();
        let mut dag = Dag(CarWriter::begin(std::io::sink(), None).ok());
        for (path, source) in walk(dir)? {
            dag.see(|dag| dag.file(&path));
            let before = std::fs::symlink_metadata(&source).map_err(file(&source))?;
            let at = joined.len;
            let frame = match packed {
                true => joined.add_packed(&source, before.len(), &mut dag)?,
                false => None,
            };
            let is_packed = frame.is_some();
            let (size, sha256) = match frame {
                Some(added) => added,
                None => pass(&source, |bytes| {
                    // A file that packing made no smaller has passed already.
                    if !packed {
                        dag.see(|dag| dag.bytes(bytes));
                    }
                    joined.write_all(bytes)
                })?,
            };
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
                packed: is_packed.then_some(joined.len - at),
            });
        }
        joined.file.sync_all().map_err(file(out))?;
        Ok(Self {
            files,
            sha256: hex::encode(joined.hash.finalize()),
            dag: dag.root(),
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
