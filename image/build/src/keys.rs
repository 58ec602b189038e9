//! Keys that releases are signed with: one file for one role and one holder, sealed, with a public
//! record beside it; and marked sets for tests. Layout: docs/formats/release-keys.md.
//!
//! Enters: a role, a holder's name, a passphrase. Leaves: `ROLE-HOLDER.key` and `ROLE-HOLDER.json`.
//! Invariants: a folder holds one role and one holder; a plain key exists in marked sets only; a
//! record says on which machine its key was made, so that a release can refuse its build machine.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tough::schema::RoleType;
use tough::schema::key::Key;
use tough::sign::Sign;

use crate::certificate;
use crate::error::Error;
use crate::place::{self, read, write};
use crate::sealing::{self, Secret};
use crate::trust;

/// The word in a signed root, and in the name of a certificate, that makes it one of tests.
pub(crate) const TEST_MARK: &str = "holdfast-test";
/// The file that marks a folder as a set of tests.
const TEST_FILE: &str = "TEST";

/// What a key is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Names the keys of all roles of an update.
    Root,
    /// Signs what an update holds.
    Targets,
    /// Signs which metadata belongs together.
    Snapshot,
    /// Signs what is newest.
    Timestamp,
    /// Owns a machine's Secure Boot.
    Pk,
    /// May change what a machine's firmware starts.
    Kek,
    /// Signs what a machine's firmware starts.
    Db,
}

impl Role {
    /// Every role.
    pub(crate) const ALL: [Self; 7] = [
        Self::Root,
        Self::Targets,
        Self::Snapshot,
        Self::Timestamp,
        Self::Pk,
        Self::Kek,
        Self::Db,
    ];

    /// Its word in names of files.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
            Self::Pk => "pk",
            Self::Kek => "kek",
            Self::Db => "db",
        }
    }

    /// Its role in update metadata; none for keys of Secure Boot.
    pub(crate) const fn of_update(self) -> Option<RoleType> {
        match self {
            Self::Root => Some(RoleType::Root),
            Self::Targets => Some(RoleType::Targets),
            Self::Snapshot => Some(RoleType::Snapshot),
            Self::Timestamp => Some(RoleType::Timestamp),
            Self::Pk | Self::Kek | Self::Db => None,
        }
    }

    /// How many keys of it a test set has; all of them must sign.
    pub(crate) const fn in_tests(self) -> u64 {
        match self {
            Self::Root | Self::Targets => 2,
            _ => 1,
        }
    }
}

/// The public side of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// What it is for.
    pub(crate) role: Role,
    /// Who has it.
    pub(crate) holder: String,
    /// The machine it was made on: `machine()`.
    pub(crate) made_on: String,
    /// Whether it belongs to a marked set.
    pub(crate) test: bool,
    /// The public key of a role of updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Key>,
    /// The certificate of a role of Secure Boot, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// `File`; `List` when it is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        serde_json::from_slice(&read(path)?).map_err(|why| Error::List {
            path: path.to_owned(),
            why: why.to_string(),
        })
    }
}

/// A key that can sign, with its record.
pub(crate) struct Held {
    /// Its public side.
    pub(crate) record: Record,
    /// Its secret.
    pub(crate) secret: Secret,
}

impl Held {
    /// The key of an update role.
    ///
    /// # Errors
    /// `Keys` when it is a key of Secure Boot.
    pub(crate) fn pair(&self) -> Result<Ed25519KeyPair, Error> {
        let bad = || Error::Keys {
            what: format!("{}-{}", self.record.role.word(), self.record.holder),
            why: "signs no metadata of an update".to_owned(),
        };
        Ed25519KeyPair::from_seed_unchecked(self.secret.bytes()).map_err(|_| bad())
    }
}

/// What a new key is made of.
pub(crate) struct Wish<'a> {
    /// What it is for.
    pub(crate) role: Role,
    /// Who will have it.
    pub(crate) holder: &'a str,
    /// The folder; made if missing.
    pub(crate) folder: &'a Path,
    /// The machine it is made on.
    pub(crate) made_on: &'a str,
    /// Seals it; none for a marked set alone.
    pub(crate) passphrase: Option<&'a [u8]>,
}

/// Makes one key and its record; returns the record's path.
///
/// # Errors
/// `Keys` when the folder holds another role, another holder or a marked set, or the name is odd;
/// `File`, `Signing`.
pub(crate) fn make(wish: &Wish<'_>) -> Result<PathBuf, Error> {
    let refused = |why: String| Error::Keys {
        what: wish.folder.display().to_string(),
        why,
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if wish.holder.is_empty() || wish.holder.len() > 40 || !wish.holder.chars().all(plain) {
        return Err(refused(format!(
            "{:?} is no name of a holder: letters, digits and underscores, at most 40",
            wish.holder
        )));
    }
    std::fs::create_dir_all(wish.folder).map_err(Error::file(wish.folder))?;
    let test = wish.passphrase.is_none();
    if !test {
        if wish.folder.join(TEST_FILE).exists() {
            return Err(refused("holds a set of tests".to_owned()));
        }
        for (path, other) in records(wish.folder)? {
            if other.role != wish.role || other.holder != wish.holder {
                return Err(refused(format!(
                    "holds {} already; one role and one holder have a folder of their own",
                    path.file_stem().unwrap_or_default().to_string_lossy()
                )));
            }
        }
    }
    let stem = format!("{}-{}", wish.role.word(), wish.holder);
    let (secret, record) = draw(wish, test)?;
    let file = match wish.passphrase {
        Some(passphrase) => sealing::seal(&secret, passphrase)?,
        None => secret.bytes().to_vec(),
    };
    let path = wish.folder.join(format!("{stem}.key"));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut to| to.write_all(&file).and_then(|()| to.sync_all()))
        .map_err(Error::file(&path))?;
    let path = wish.folder.join(format!("{stem}.json"));
    write(&path, &place::json(&record)?)?;
    Ok(path)
}

fn draw(wish: &Wish<'_>, test: bool) -> Result<(Secret, Record), Error> {
    let mut record = Record {
        role: wish.role,
        holder: wish.holder.to_owned(),
        made_on: wish.made_on.to_owned(),
        test,
        key: None,
        certificate: None,
    };
    if wish.role.of_update().is_some() {
        let mut seed = vec![0; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(Error::signing)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(Error::signing)?;
        record.key = Some(pair.tuf_key());
        return Ok((Secret::of(seed), record));
    }
    let mark = if test { TEST_MARK } else { "holdfast" };
    let name = format!("{mark} {} {}", wish.role.word(), wish.holder);
    let (secret, certificate) = certificate::make(&name)?;
    record.certificate = Some(certificate);
    Ok((secret, record))
}

/// The records of a folder, by path.
pub(crate) fn records(folder: &Path) -> Result<Vec<(PathBuf, Record)>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let key = path.with_extension("key");
        if path.extension().is_some_and(|ending| ending == "json") && key.exists() {
            found.push((path.clone(), Record::read(&path)?));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// Opens the keys of some roles in the folders given.
///
/// # Errors
/// `Keys` when a sealed key has no passphrase; `Sealed` when it does not open; `File`.
pub(crate) fn open(
    folders: &[PathBuf],
    roles: &[Role],
    passphrase: Option<&[u8]>,
) -> Result<Vec<Held>, Error> {
    let mut held = Vec::new();
    for folder in folders {
        for (path, record) in records(folder)? {
            if !roles.contains(&record.role) {
                continue;
            }
            let file = read(&path.with_extension("key"))?;
            let secret = match (record.test, passphrase) {
                (true, _) => Secret::of(file),
                (false, Some(passphrase)) => sealing::open(&file, passphrase)?,
                (false, None) => {
                    return Err(Error::Keys {
                        what: path.display().to_string(),
                        why: "is sealed; name its passphrase with --passphrase-file".to_owned(),
                    });
                }
            };
            held.push(Held { record, secret });
        }
    }
    Ok(held)
}

/// What names this machine in records: a digest of its identity, so that a record tells nothing.
///
/// # Errors
/// `File` when the machine has no identity: a release could not tell it from others.
pub(crate) fn machine() -> Result<String, Error> {
    let path = Path::new("/etc/machine-id");
    let id = String::from_utf8_lossy(&read(path)?).trim().to_owned();
    if id.is_empty() {
        let why =
            std::io::Error::other("is empty, so that keys could not tell where they are from");
        return Err(Error::file(path)(why));
    }
    let digest = Sha256::new()
        .chain_update("holdfast.made-on.1")
        .chain_update(id)
        .finalize();
    Ok(board_slot::cmdline::hex(&digest))
}

/// Makes a marked set in `folder`, unless there is one, and returns its root of trust.
///
/// # Errors
/// `Signing`, `File`.
pub(crate) fn test_set(folder: &Path) -> Result<PathBuf, Error> {
    let done = folder.join("1.root.json");
    if done.exists() && folder.join("db-1.json").exists() {
        return Ok(done);
    }
    // A set is whole or it is made anew; nothing real trusts it.
    if folder.join(TEST_FILE).exists() {
        place::clear(folder)?;
    }
    write(
        &folder.join(TEST_FILE),
        b"Keys of tests. Nothing real trusts them.\n",
    )?;
    for role in Role::ALL {
        for number in 1..=role.in_tests() {
            make(&Wish {
                role,
                holder: &number.to_string(),
                folder,
                made_on: "",
                passphrase: None,
            })?;
        }
    }
    let named: Vec<Record> = records(folder)?
        .into_iter()
        .map(|(_, record)| record)
        .filter(|record| record.role.of_update().is_some())
        .collect();
    let root = trust::root(&trust::Plan {
        records: &named,
        thresholds: &Role::ALL.map(|role| (role, role.in_tests())),
        version: std::num::NonZeroU64::MIN,
        expires: trust::TEST_EXPIRES,
    })?;
    write(&done, &place::json(&root)?)?;
    let held = open(&[folder.to_owned()], &[Role::Root], None)?;
    crate::sign::metadata(&done, &held)?;
    Ok(done)
}

#[cfg(test)]
mod tests;
