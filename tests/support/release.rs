//! Releases as their holders would sign them, and as they must not: a set of test keys with the
//! root of trust that names it, and TUF repositories of given targets. Used by the updater's own
//! tests and by the machines of tests/boot. What is signed is given; nothing here judges.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use tough::editor::RepositoryEditor;
use tough::editor::signed::{PathExists, SignedRole};
use tough::key_source::{KeySource, LocalKeySource};
use tough::schema::{KeyHolder, RoleKeys, RoleType, Root};

/// What goes wrong while a test is prepared.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Roles with their thresholds, and as many keys.
const ROLES: [(RoleType, &str, u64); 4] = [
    (RoleType::Root, "root", 2),
    (RoleType::Targets, "targets", 2),
    (RoleType::Snapshot, "snapshot", 1),
    (RoleType::Timestamp, "timestamp", 1),
];
/// Until when metadata holds.
const LATER: &str = "2036-01-01T00:00:00Z";
/// A time that is over.
const OVER: &str = "2024-01-01T00:00:00Z";

/// A set of test keys in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    folder: PathBuf,
    version: NonZeroU64,
}

impl Keys {
    /// The set in `folder`, made where it is missing.
    pub(crate) async fn at(folder: &Path) -> Result<Self, Fault> {
        let set = Self {
            folder: folder.to_owned(),
            version: NonZeroU64::MIN,
        };
        if !set.root().exists() {
            std::fs::create_dir_all(folder)?;
            set.sign_root(&[&set]).await?;
        }
        Ok(set)
    }

    /// The set that follows `self` in another folder: new keys of every role, and a root that the
    /// old and the new holders signed.
    #[allow(dead_code, reason = "not every program that shares this file rotates")]
    pub(crate) async fn rotated(&self, folder: &Path) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder)?;
        let set = Self {
            folder: folder.to_owned(),
            version: self.version.saturating_add(1),
        };
        set.sign_root(&[self, &set]).await?;
        Ok(set)
    }

    /// The root of trust.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join(format!("{}.root.json", self.version))
    }

    fn files(&self, role: &str, count: u64) -> impl Iterator<Item = PathBuf> {
        let folder = self.folder.clone();
        let role = role.to_owned();
        (1..=count).map(move |number| folder.join(format!("{role}-{number}.p8")))
    }

    async fn sign_root(&self, signers: &[&Self]) -> Result<(), Fault> {
        let mut keys = HashMap::new();
        let mut roles = HashMap::new();
        for (kind, role, count) in ROLES {
            let mut keyids = Vec::new();
            for path in self.files(role, count) {
                make(&path)?;
                let key = LocalKeySource { path }.as_sign().await?.tuf_key();
                let id = key.key_id()?;
                keyids.push(id.clone());
                keys.insert(id, key);
            }
            let threshold = NonZeroU64::new(count).unwrap_or(NonZeroU64::MIN);
            let _extra = HashMap::new();
            let named = RoleKeys {
                keyids,
                threshold,
                _extra,
            };
            roles.insert(kind, named);
        }
        let root = Root {
            spec_version: "1.0.0".to_owned(),
            consistent_snapshot: true,
            version: self.version,
            expires: LATER.parse()?,
            keys,
            roles,
            _extra: HashMap::from([("holdfast-test".to_owned(), true.into())]),
        };
        // A key is found among those that the holder names, so both roots' keys are offered.
        let mut holder = root.clone();
        let mut sources = Vec::new();
        for set in signers {
            if set.folder != self.folder {
                let old: serde_json::Value = serde_json::from_slice(&std::fs::read(set.root())?)?;
                let old: Root = serde_json::from_value(old["signed"].clone())?;
                let more = old
                    .roles
                    .get(&RoleType::Root)
                    .map(|role| role.keyids.clone());
                if let Some(role) = holder.roles.get_mut(&RoleType::Root) {
                    role.keyids.extend(more.unwrap_or_default());
                }
                holder.keys.extend(old.keys);
            }
            sources.extend(set.files("root", 2).map(source));
        }
        let holder = KeyHolder::Root(holder);
        SignedRole::new(root, &holder, &sources, &SystemRandom::new())
            .await?
            .write(&self.folder, true)
            .await?;
        Ok(())
    }
}

fn source(path: PathBuf) -> Box<dyn KeySource> {
    Box::new(LocalKeySource { path })
}

fn make(path: &Path) -> Result<(), Fault> {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?;
    Ok(std::fs::write(path, key.as_ref())?)
}

/// How a repository is signed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signing {
    /// Number of the metadata.
    pub(crate) number: u64,
    /// Whether its time is over.
    pub(crate) expired: bool,
    /// A key that does not sign, as in `targets-2`.
    pub(crate) without: &'static str,
}

impl Signing {
    /// Writes `metadata` and `targets` below `into`, with `targets` by name and content.
    pub(crate) async fn write(
        &self,
        keys: &Keys,
        targets: &[(&str, &[u8])],
        into: &Path,
    ) -> Result<(), Fault> {
        let input = into.join("input");
        std::fs::create_dir_all(&input)?;
        for (name, content) in targets {
            std::fs::write(input.join(name), content)?;
        }
        let number = NonZeroU64::new(self.number).unwrap_or(NonZeroU64::MIN);
        let expires = if self.expired { OVER } else { LATER };
        let mut editor = RepositoryEditor::new(self.lowered(keys, into)?).await?;
        editor
            .targets_version(number)?
            .targets_expires(expires.parse()?)?
            .snapshot_version(number)
            .snapshot_expires(expires.parse()?)
            .timestamp_version(number)
            .timestamp_expires(expires.parse()?);
        let paths = targets.iter().map(|(name, _)| input.join(name)).collect();
        editor.add_target_paths(paths).await?;
        let without = format!("{}.p8", self.without);
        let sources: Vec<_> = ROLES
            .iter()
            .flat_map(|(_, role, count)| keys.files(role, *count))
            .filter(|path| !path.ends_with(&without))
            .map(source)
            .collect();
        let signed = editor.sign(&sources).await?;
        signed.write(into.join("metadata")).await?;
        signed
            .copy_targets(&input, into.join("targets"), PathExists::Skip)
            .await?;
        Ok(std::fs::remove_dir_all(&input)?)
    }

    /// The root that the signing follows. With a key missing it is one that asks for fewer, which
    /// nobody signed: the library would not sign with too few otherwise.
    fn lowered(&self, keys: &Keys, into: &Path) -> Result<PathBuf, Fault> {
        let Some((role, _)) = self.without.split_once('-') else {
            return Ok(keys.root());
        };
        let mut root: serde_json::Value = serde_json::from_slice(&std::fs::read(keys.root())?)?;
        root["signed"]["roles"][role]["threshold"] = 1.into();
        let path = into.join("1.root.json");
        std::fs::write(&path, serde_json::to_vec(&root)?)?;
        Ok(path)
    }
}
