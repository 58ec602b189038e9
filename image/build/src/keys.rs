//! Keys that release metadata is signed with, and the root of trust that names them.
//!
//! Only marked test sets are made here: root and targets by two of two, snapshot and timestamp by
//! one. The mark stands in the signed root itself, so whoever trusts it can tell.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use tough::editor::signed::SignedRole;
use tough::key_source::{KeySource, LocalKeySource};
use tough::schema::{KeyHolder, RoleKeys, RoleType, Root};

use crate::error::Error;
use crate::place::write;

/// The word in a signed root that makes it a test root.
pub(crate) const TEST_MARK: &str = "holdfast-test";
/// Name of the root of trust in a set's folder.
pub(crate) const ROOT: &str = "1.root.json";
/// How long metadata of tests holds.
pub(crate) const EXPIRES: &str = "2036-01-01T00:00:00Z";

/// The roles, and how many keys of each must sign.
const ROLES: [(RoleType, &str, u64); 4] = [
    (RoleType::Root, "root", 2),
    (RoleType::Targets, "targets", 2),
    (RoleType::Snapshot, "snapshot", 1),
    (RoleType::Timestamp, "timestamp", 1),
];

fn signing(why: impl std::fmt::Display) -> Error {
    Error::Signing {
        why: why.to_string(),
    }
}

/// Names of the key files of a role.
fn files(folder: &Path, role: &str, count: u64) -> Vec<PathBuf> {
    (1..=count)
        .map(|number| folder.join(format!("{role}-{number}.p8")))
        .collect()
}

/// Every key of a set, as tough takes them.
pub(crate) fn sources(folder: &Path) -> Vec<Box<dyn KeySource>> {
    ROLES
        .iter()
        .flat_map(|(_, role, count)| files(folder, role, *count))
        .map(|path| Box::new(LocalKeySource { path }) as Box<dyn KeySource>)
        .collect()
}

/// Makes a marked test set in `folder`, unless there is one.
///
/// # Errors
/// `Signing`, `File`.
pub(crate) async fn test_set(folder: &Path) -> Result<PathBuf, Error> {
    let done = folder.join(ROOT);
    if done.exists() {
        return Ok(done);
    }
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    write(
        &folder.join("TEST"),
        b"Keys of tests. Nothing real trusts them.\n",
    )?;
    let mut keys = HashMap::new();
    let mut roles = HashMap::new();
    for (kind, role, count) in ROLES {
        let mut keyids = Vec::new();
        for path in files(folder, role, count) {
            make(&path)?;
            let source = LocalKeySource { path };
            let key = source.as_sign().await.map_err(signing)?.tuf_key();
            let id = key.key_id().map_err(signing)?;
            keyids.push(id.clone());
            keys.insert(id, key);
        }
        let role_keys = RoleKeys {
            keyids,
            threshold: NonZeroU64::new(count).unwrap_or(NonZeroU64::MIN),
            _extra: HashMap::new(),
        };
        roles.insert(kind, role_keys);
    }
    let root = Root {
        spec_version: "1.0.0".to_owned(),
        consistent_snapshot: true,
        version: NonZeroU64::MIN,
        expires: EXPIRES.parse().map_err(signing)?,
        keys,
        roles,
        _extra: HashMap::from([(TEST_MARK.to_owned(), true.into())]),
    };
    let holder = KeyHolder::Root(root.clone());
    SignedRole::new(root, &holder, &sources(folder), &SystemRandom::new())
        .await
        .map_err(signing)?
        .write(folder, true)
        .await
        .map_err(signing)?;
    Ok(done)
}

/// Makes one Ed25519 key, readable by its owner alone.
fn make(path: &Path) -> Result<(), Error> {
    use std::io::Write;
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(signing)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(key.as_ref()))
        .map_err(Error::file(path))
}
