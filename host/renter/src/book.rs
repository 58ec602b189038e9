//! The renter's book: what was promised to whom, and every object's three records
//! (docs/formats/renter-book.md).
//!
//! Invariant: the cumulative sum of a cheque is flushed here before the cheque leaves, under a
//! lock that other processes of the same renter take too; so no two cheques ever promise the same
//! sum and none promises less than one before it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use host_core::{Address, Amount, ObjectId, codec};
use sha2::{Digest, Sha256};

use crate::delete::Deleted;
use crate::error::Error;
use crate::hosts::Evidence;
use crate::record::ObjectRecord;
use crate::session::{self, Session, SessionId};
use crate::share::capsule::Given;
use crate::shred::shred;

/// vault, beneficiary, cumulative, the first 4 bytes of their SHA-256.
const ENTRY: usize = 20 + 20 + 16 + 4;

/// The book's directory.
pub(crate) struct Book {
    dir: PathBuf,
}

pub(crate) fn file(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.display().to_string(),
        source,
    }
}

type Sums = BTreeMap<(Address, Address), Amount>;

impl Book {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        for part in [
            "objects", "deleted", "sessions", "purses", "choices", "guards", "speeds", "shares",
        ] {
            std::fs::create_dir_all(dir.join(part)).map_err(file(dir))?;
        }
        Ok(Self {
            dir: dir.to_path_buf(),
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes down how a session's hosts were chosen, as JSON.
    pub(crate) fn keep_evidence(&self, id: SessionId, of: &Evidence) -> Result<(), Error> {
        let path = self.path(&format!("choices/{id}.json"));
        let text = serde_json::to_vec_pretty(of).map_err(|err| Error::Book {
            path: path.display().to_string(),
            why: err.to_string(),
        })?;
        std::fs::write(&path, text).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })
    }

    /// How a session's hosts were chosen; none when nothing was written down.
    pub(crate) fn evidence(&self, id: SessionId) -> Result<Option<Evidence>, Error> {
        let path = self.path(&format!("choices/{id}.json"));
        let Ok(text) = std::fs::read(&path) else {
            return Ok(None);
        };
        let of = serde_json::from_slice(&text).map_err(|err| Error::Book {
            path: path.display().to_string(),
            why: err.to_string(),
        })?;
        Ok(Some(of))
    }

    /// Where a session's journal is.
    pub(crate) fn session(&self, id: SessionId) -> PathBuf {
        self.path(&format!("sessions/{id}"))
    }

    /// Every session there is.
    pub(crate) fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        let dir = self.path("sessions");
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&dir).map_err(file(&dir))? {
            let name = entry.map_err(file(&dir))?.file_name();
            all.extend(name.to_string_lossy().parse::<SessionId>());
        }
        Ok(all)
    }

    /// Every session that reads and where its journal is; one that does not says nothing.
    pub(crate) fn journals(&self) -> Result<impl Iterator<Item = (PathBuf, Session)>, Error> {
        let all = self.sessions()?.into_iter();
        Ok(all.filter_map(|id| {
            let path = self.session(id);
            let session = session::read(&path, id).ok()?;
            Some((path, session))
        }))
    }

    /// Raises the sum promised by `vault` to `beneficiary` by `added`; durable when it returns.
    pub(crate) fn issue(
        &self,
        vault: Address,
        beneficiary: Address,
        added: Amount,
    ) -> Result<Amount, Error> {
        let path = self.path("issued.journal");
        let mut journal = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(file(&path))?;
        journal.lock().map_err(file(&path))?;
        let (sums, sound) = read_sums(&mut journal, &path)?;
        // What a crash tore was never signed; cutting it keeps the entries after it in step.
        journal.set_len(sound).map_err(file(&path))?;
        let before = sums.get(&(vault, beneficiary)).copied().unwrap_or_default();
        let next = before.plus(added)?;
        write_sum(&mut journal, vault, beneficiary, next).map_err(file(&path))?;
        Ok(next)
    }

    /// Notes that `vault` has promised `beneficiary` at least `sum`, as a cheque that came back
    /// from a host proves; durable when it returns.
    pub(crate) fn promised(
        &self,
        vault: Address,
        beneficiary: Address,
        sum: Amount,
    ) -> Result<(), Error> {
        let path = self.path("issued.journal");
        let mut journal = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(file(&path))?;
        journal.lock().map_err(file(&path))?;
        let (sums, sound) = read_sums(&mut journal, &path)?;
        // What a crash tore was never signed; cutting it keeps the entries after it in step.
        journal.set_len(sound).map_err(file(&path))?;
        if sums.get(&(vault, beneficiary)).copied().unwrap_or_default() >= sum {
            return Ok(());
        }
        write_sum(&mut journal, vault, beneficiary, sum).map_err(file(&path))
    }

    /// What `vault` promised to one beneficiary.
    pub(crate) fn promised_to(&self, vault: Address, to: Address) -> Result<Amount, Error> {
        let all = self.promises(vault)?.into_iter();
        Ok(all
            .filter(|(other, _)| *other == to)
            .map(|(_, sum)| sum)
            .max()
            .unwrap_or_default())
    }

    /// What `vault` promised to each beneficiary.
    pub(crate) fn promises(&self, vault: Address) -> Result<Vec<(Address, Amount)>, Error> {
        let path = self.path("issued.journal");
        let mut journal = match File::open(&path) {
            Ok(journal) => journal,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(file(&path)(source)),
        };
        let (sums, _) = read_sums(&mut journal, &path)?;
        let own = sums.into_iter().filter(|((of, _), _)| *of == vault);
        Ok(own.map(|((_, to), sum)| (to, sum)).collect())
    }

    /// Everything ever promised by `vault`.
    pub(crate) fn issued(&self, vault: Address) -> Result<Amount, Error> {
        let mut total = Amount::ZERO;
        for (_, sum) in self.promises(vault)? {
            total = total.plus(sum)?;
        }
        Ok(total)
    }

    /// The turn to read an object's records and write them anew; other processes of this home wait.
    /// Never held over a conversation.
    pub(crate) fn turn(&self) -> Result<File, Error> {
        let path = self.path("objects.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(file(&path))?;
        lock.lock().map_err(file(&path))?;
        Ok(lock)
    }

    /// Writes an object's records; durable when it returns.
    pub(crate) fn keep(&self, record: &ObjectRecord) -> Result<(), Error> {
        let id = record.placement.placement.object;
        self.write_whole("objects", &id, &codec::to_bytes(record))
    }

    /// Replaces a file of an object; durable when it returns.
    fn write_whole(&self, folder: &str, id: &ObjectId, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(&format!("{folder}/{id}"));
        let fresh = path.with_extension("new");
        let mut out = File::create(&fresh).map_err(file(&fresh))?;
        out.write_all(bytes).map_err(file(&fresh))?;
        out.sync_all().map_err(file(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(file(&path))?;
        let dir = self.path(folder);
        File::open(&dir)
            .and_then(|dir| dir.sync_all())
            .map_err(file(&dir))
    }

    /// Writes down how far a deletion is; durable when it returns.
    pub(crate) fn keep_deleted(&self, deleted: &Deleted) -> Result<(), Error> {
        self.write_whole("deleted", &deleted.object, &codec::to_bytes(deleted))
    }

    /// How far a deletion is. Errors: Unknown when none was begun.
    pub(crate) fn deleted(&self, id: &ObjectId) -> Result<Deleted, Error> {
        let path = self.path(&format!("deleted/{id}"));
        let bytes = std::fs::read(&path).map_err(|_| Error::Unknown { object: *id })?;
        codec::from_bytes("deletion", &bytes).map_err(|e| Error::Book {
            path: path.display().to_string(),
            why: e.to_string(),
        })
    }

    /// The file a capsule is stored from.
    pub(crate) fn capsule(&self, name: &str) -> PathBuf {
        self.path(&format!("shares/{name}"))
    }

    /// Every time an object was handed on.
    pub(crate) fn given(&self, id: &ObjectId) -> Result<Vec<Given>, Error> {
        let path = self.path(&format!("shares/{id}"));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file(&path)(error)),
        };
        codec::from_bytes("shares", &bytes).map_err(|e| Error::Book {
            path: path.display().to_string(),
            why: e.to_string(),
        })
    }

    /// Writes down every time an object was handed on; durable when it returns.
    pub(crate) fn keep_given(&self, id: &ObjectId, all: &Vec<Given>) -> Result<(), Error> {
        self.write_whole("shares", id, &codec::to_bytes(all))
    }

    /// Forgets that an object was handed on.
    pub(crate) fn forget_given(&self, id: &ObjectId) -> Result<(), Error> {
        let path = self.path(&format!("shares/{id}"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(file(&path)),
        }
    }

    /// Drops deletions that every host answered and that were asked for before a time.
    pub(crate) fn forget_deleted(&self, before_ms: u64) -> Result<usize, Error> {
        let dir = self.path("deleted");
        let mut dropped = 0;
        for entry in std::fs::read_dir(&dir).map_err(file(&dir))? {
            let path = entry.map_err(file(&dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // What cannot be read is nobody's to drop.
            let Ok(id) = name.parse() else { continue };
            let Ok(deleted) = self.deleted(&id) else {
                continue;
            };
            if deleted.silent() == 0 && deleted.asked_ms < before_ms {
                std::fs::remove_file(&path).map_err(file(&path))?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    /// Takes an object's records, its key with them, off the drive.
    pub(crate) fn shred_object(&self, id: &ObjectId) -> Result<(), Error> {
        let path = self.path(&format!("objects/{id}"));
        // One that a crash left half written holds the key too.
        let fresh = path.with_extension("new");
        shred(&fresh).map_err(file(&fresh))?;
        shred(&path).map_err(file(&path))
    }

    /// An object's records.
    pub(crate) fn object(&self, id: &ObjectId) -> Result<ObjectRecord, Error> {
        let path = self.path(&format!("objects/{id}"));
        let bytes = std::fs::read(&path).map_err(|_| Error::Unknown { object: *id })?;
        codec::from_bytes("object record", &bytes).map_err(|e| Error::Book {
            path: path.display().to_string(),
            why: e.to_string(),
        })
    }

    /// Forgets an object.
    pub(crate) fn forget(&self, id: &ObjectId) -> Result<(), Error> {
        let path = self.path(&format!("objects/{id}"));
        std::fs::remove_file(&path).map_err(file(&path))
    }

    /// Every object's records.
    pub(crate) fn objects(&self) -> Result<Vec<ObjectRecord>, Error> {
        let dir = self.path("objects");
        let mut all = Vec::new();
        for entry in std::fs::read_dir(&dir).map_err(file(&dir))? {
            let name = entry.map_err(file(&dir))?.file_name();
            if let Ok(id) = name.to_string_lossy().parse() {
                all.push(self.object(&id)?);
            }
        }
        Ok(all)
    }
}

/// Appends one entry and flushes it.
fn write_sum(
    journal: &mut File,
    vault: Address,
    beneficiary: Address,
    sum: Amount,
) -> std::io::Result<()> {
    let body = [vault.0.as_slice(), &beneficiary.0, &sum.to_be_bytes()].concat();
    let check = Sha256::digest(&body);
    let entry = [body.as_slice(), check.get(..4).unwrap_or_default()].concat();
    journal.write_all(&entry)?;
    journal.sync_data()
}

/// Reads whole, sound entries and tells how many bytes they are; what a crash tore at the end is
/// not counted. Errors when an entry before the last is damaged.
fn read_sums(journal: &mut File, path: &Path) -> Result<(Sums, u64), Error> {
    let mut bytes = Vec::new();
    journal.read_to_end(&mut bytes).map_err(file(path))?;
    let mut sums = Sums::new();
    let count = bytes.len() / ENTRY;
    let mut sound = 0;
    for (index, entry) in bytes.chunks_exact(ENTRY).enumerate() {
        let (body, sum) = entry.split_at(ENTRY - 4);
        if Sha256::digest(body).get(..4) != Some(sum) {
            if index + 1 == count {
                break;
            }
            return Err(Error::Book {
                path: path.display().to_string(),
                why: format!("entry {index} of {count} is damaged"),
            });
        }
        let (vault, rest) = body.split_at(20);
        let (beneficiary, sum) = rest.split_at(20);
        let sum = u128::from_be_bytes(sum.try_into().unwrap_or([0; 16]));
        let key = (
            Address::from_slice(vault)?,
            Address::from_slice(beneficiary)?,
        );
        sums.insert(key, Amount(sum));
        sound += ENTRY as u64;
    }
    Ok((sums, sound))
}

#[cfg(test)]
mod tests;
