//! The audits: every verdict of this guard, one append-only file an object.
//!
//! Entry: u32 big-endian length, the first 4 bytes of the body's SHA-256, CBOR of the signed
//! verdict. The number of an audit is its place in the file, from 0. Invariants: flushed before
//! `append` returns; an entry that a crash tore at the end is cut off by the next append and
//! unseen by readers. Does not: judge.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use host_core::challenge::SignedVerdict;
use host_core::{AgreementDigest, ObjectId, codec};
use sha2::{Digest, Sha256};

use super::files::failed;
use crate::error::Error;

/// Bytes before an entry's body.
const HEAD: usize = 8;
/// Bytes of one entry's body: 64 leaves with their paths and room to spare.
const BODY_MAX: usize = 128 * 1024;

/// Where one object's entries begin and where the next one goes.
#[derive(Debug, Default, Clone)]
struct Index {
    starts: Vec<u64>,
    end: u64,
}

/// The directory of all objects' audits, and the indexes of those that were asked for.
#[derive(Debug)]
pub(super) struct Audits {
    dir: PathBuf,
    known: BTreeMap<ObjectId, Index>,
}

impl Audits {
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Self {
            dir: dir.to_owned(),
            known: BTreeMap::new(),
        })
    }

    fn path(&self, object: &ObjectId) -> PathBuf {
        self.dir.join(object.to_string())
    }

    /// Reads a file once and remembers where its whole, sound entries are.
    fn index(&mut self, object: &ObjectId) -> Result<&mut Index, Error> {
        if !self.known.contains_key(object) {
            let mut index = Index::default();
            let path = self.path(object);
            match File::open(&path) {
                Ok(mut file) => {
                    while let Some((_, len)) = entry(&mut file).map_err(failed("read", &path))? {
                        index.starts.push(index.end);
                        index.end += len;
                    }
                }
                Err(err) if err.kind() == ErrorKind::NotFound => {}
                Err(err) => return Err(failed("read", &path)(err)),
            }
            self.known.insert(*object, index);
        }
        Ok(self.known.entry(*object).or_default())
    }

    /// How many audits an object has.
    pub(super) fn count(&mut self, object: &ObjectId) -> Result<u64, Error> {
        Ok(u64::try_from(self.index(object)?.starts.len()).unwrap_or(u64::MAX))
    }

    /// Appends a verdict; durable when it returns.
    pub(super) fn append(
        &mut self,
        object: &ObjectId,
        signed: &SignedVerdict,
    ) -> Result<(), Error> {
        let path = self.path(object);
        let index = self.index(object)?;
        let body = codec::to_bytes(signed);
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let check = Sha256::digest(&body);
        let check = check.get(..4).unwrap_or_default();
        let whole = [&len.to_be_bytes(), check, &body].concat();
        let failed = failed("write", &path);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(&failed)?;
        // What a crash tore was never told.
        file.set_len(index.end).map_err(&failed)?;
        file.seek(SeekFrom::Start(index.end)).map_err(&failed)?;
        file.write_all(&whole).map_err(&failed)?;
        file.sync_data().map_err(&failed)?;
        index.starts.push(index.end);
        index.end += u64::try_from(whole.len()).unwrap_or(0);
        Ok(())
    }

    /// Audits from number `from` on, as many as fit `room` bytes and at least one; and the number
    /// of the next.
    pub(super) fn page(
        &mut self,
        object: &ObjectId,
        from: u64,
        room: usize,
    ) -> Result<(Vec<SignedVerdict>, u64), Error> {
        let path = self.path(object);
        let index = self.index(object)?;
        let count = u64::try_from(index.starts.len()).unwrap_or(u64::MAX);
        let at = usize::try_from(from).ok();
        let Some(&start) = at.and_then(|at| index.starts.get(at)) else {
            return Ok((Vec::new(), count.max(from)));
        };
        let failed = failed("read", &path);
        let mut file = File::open(&path).map_err(&failed)?;
        file.seek(SeekFrom::Start(start)).map_err(&failed)?;
        let (mut all, mut used, mut next) = (Vec::new(), 0, from);
        while next < count {
            let Some((body, _)) = entry(&mut file).map_err(&failed)? else {
                break;
            };
            used += body.len();
            if used > room && !all.is_empty() {
                break;
            }
            all.push(codec::from_bytes("audit", &body)?);
            next += 1;
        }
        Ok((all, next))
    }

    /// The newest verdict on each agreement of an object, in the order in which they were found.
    pub(super) fn newest(&mut self, object: &ObjectId) -> Result<Vec<SignedVerdict>, Error> {
        let mut newest: BTreeMap<AgreementDigest, (u64, SignedVerdict)> = BTreeMap::new();
        let (mut from, mut count) = (0, 0);
        loop {
            let (page, next) = self.page(object, from, 8 << 20)?;
            if page.is_empty() {
                break;
            }
            for signed in page {
                count += 1;
                newest.insert(signed.verdict.challenge.agreement, (count, signed));
            }
            from = next;
        }
        let mut all: Vec<_> = newest.into_values().collect();
        all.sort_by_key(|(number, _)| *number);
        Ok(all.into_iter().map(|(_, signed)| signed).collect())
    }
}

/// The next whole entry's body and its bytes in the file; none at the end or where it is torn.
fn entry(file: &mut File) -> std::io::Result<Option<(Vec<u8>, u64)>> {
    let mut head = [0; HEAD];
    match file.read_exact(&mut head) {
        Ok(()) => {}
        Err(err) if err.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(err) => return Err(err),
    }
    let [a, b, c, d, check @ ..] = head;
    let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if len > BODY_MAX {
        return Ok(None);
    }
    let mut body = vec![0; len];
    match file.read_exact(&mut body) {
        Ok(()) => {}
        Err(err) if err.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(err) => return Err(err),
    }
    let sound = Sha256::digest(&body).get(..4) == Some(&check);
    let whole = u64::try_from(HEAD + len).unwrap_or(0);
    Ok(sound.then_some((body, whole)))
}

#[cfg(test)]
mod tests;
