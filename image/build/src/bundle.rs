//! The bundle of an update: manifest, root and kernel image as TUF targets, the metadata that signs
//! them, all in one tar. Layout: docs/formats/bundle.md.
//!
//! Signing goes in steps, because the keys of targets have several holders: the first call prepares
//! and signs with what it is given; holders add theirs with `sign metadata`; a later call,
//! with the keys of snapshot and timestamp, checks all of it as a box would and packs the tar.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use image_bundle::tar::{BLOCK, Head};
use image_bundle::{Artefact, Manifest, SCHEMA, STATE_READS, STATE_WRITES, Version};
use tough::schema::{Hashes, Metafile, Root, Signed, Snapshot, Target, Targets, Timestamp};
use tough::{FilesystemTransport, RepositoryLoader, TargetName};

use crate::error::Error;
use crate::keys::{Held, Role};
use crate::manifest::{Digested, digest};
use crate::place::{self, below, json, read, write};
use crate::{disk, sign, trust};

/// What a bundle holds beside its manifest.
const PARTS: [&str; 2] = ["root.img", "kernel.efi"];
/// Its manifest.
const MANIFEST: &str = "bundle.json";
/// What `build` leaves of the command line's words.
pub(crate) const WORDS: &str = "root-words";
/// Version of TUF that the metadata follows.
const SPEC: &str = "1.0.0";

/// What a bundle is made of.
pub(crate) struct Plan {
    /// The folder of a build, signed or not.
    pub(crate) built: PathBuf,
    /// The machine.
    pub(crate) machine: String,
    /// Version of the image.
    pub(crate) version: Version,
    /// The floor it asks for.
    pub(crate) min_version: Version,
    /// The newest root of trust; those before it lie beside it.
    pub(crate) root: PathBuf,
    /// Keys that are here.
    pub(crate) held: Vec<Held>,
    /// Until when the metadata holds; a test set has its own.
    pub(crate) expires: Option<String>,
}

/// Prepares `bundle/` in the folder of the build, signs it with the keys that are here and, once
/// enough have signed, makes `bundle.tar`.
///
/// # Errors
/// `Unsigned` while signatures are missing: what was prepared stays. `Keys` when keys are not those
/// of the root; `Size` when a part is too large for a box; `File`.
pub(crate) async fn make(plan: &Plan) -> Result<PathBuf, Error> {
    let text = read(&plan.root)?;
    let root = trust::read(&plan.root, &text)?;
    let expires = match &plan.expires {
        Some(date) => date.as_str(),
        None if trust::is_test(&root) => trust::TEST_EXPIRES,
        None => {
            return Err(Error::Keys {
                what: plan.root.display().to_string(),
                why: "is no root of tests: say with --expires until when a box takes this".into(),
            });
        }
    };
    let expires = expires.parse().map_err(Error::signing)?;
    let number = number(plan.version);
    let work = plan.built.join("bundle");
    let described = json(&manifest(plan)?)?;
    let metadata = work.join("metadata");
    let targets_at = metadata.join(format!("{number}.targets.json"));
    if !prepared(&work, &described, &targets_at) {
        prepare(
            plan,
            &work,
            &described,
            &Targets::new(SPEC.into(), number, expires),
        )?;
    }
    copy_roots(plan, &metadata)?;
    signed::<Targets>(&root, &targets_at, Role::Targets, &plan.held)?;
    let mut snapshot = Snapshot::new(SPEC.into(), number, expires);
    snapshot
        .meta
        .insert("targets.json".into(), metafile(&targets_at, number)?);
    let snapshot_at = metadata.join(format!("{number}.snapshot.json"));
    unsigned(&snapshot_at, snapshot)?;
    signed::<Snapshot>(&root, &snapshot_at, Role::Snapshot, &plan.held)?;
    let mut timestamp = Timestamp::new(SPEC.into(), number, expires);
    timestamp
        .meta
        .insert("snapshot.json".into(), metafile(&snapshot_at, number)?);
    let timestamp_at = metadata.join("timestamp.json");
    unsigned(&timestamp_at, timestamp)?;
    signed::<Timestamp>(&root, &timestamp_at, Role::Timestamp, &plan.held)?;
    check(&text, &work).await?;
    let out = plan.built.join("bundle.tar");
    pack(&work, &out)?;
    Ok(out)
}

fn number(version: Version) -> NonZeroU64 {
    let Version(major, minor, patch) = version;
    let number = u64::from(major) * 1_000_000 + u64::from(minor) * 1_000 + u64::from(patch);
    NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN)
}

/// Whether what was prepared before is of this build, so that signatures on it still hold.
fn prepared(work: &Path, described: &[u8], targets: &Path) -> bool {
    read(&work.join(MANIFEST)).is_ok_and(|have| have == described) && targets.exists()
}

fn prepare(plan: &Plan, work: &Path, described: &[u8], empty: &Targets) -> Result<(), Error> {
    place::clear(work)?;
    let folder = work.join("targets");
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let mut targets = empty.clone();
    let described_at = work.join(MANIFEST);
    write(&described_at, described)?;
    for name in [MANIFEST, "root.img", "kernel.efi"] {
        let from = if name == MANIFEST {
            described_at.clone()
        } else {
            plan.built.join(name)
        };
        let file = digest(name, "", &from)?;
        let to = folder.join(format!("{}.{name}", file.sha256));
        std::fs::copy(&from, &to).map_err(Error::file(&to))?;
        let target = Target {
            length: file.bytes,
            hashes: hashes(&file)?,
            custom: HashMap::new(),
            _extra: HashMap::new(),
        };
        targets.add_target(TargetName::new(name).map_err(Error::signing)?, target);
    }
    let at = work.join(format!("metadata/{}.targets.json", targets.version));
    unsigned(&at, targets)
}

fn hashes(file: &Digested) -> Result<Hashes, Error> {
    Ok(Hashes {
        sha256: serde_json::from_value(file.sha256.clone().into()).map_err(Error::signing)?,
        _extra: HashMap::new(),
    })
}

fn metafile(path: &Path, version: NonZeroU64) -> Result<Metafile, Error> {
    let file = digest("", "", path)?;
    Ok(Metafile {
        length: Some(file.bytes),
        hashes: Some(hashes(&file)?),
        version,
        _extra: HashMap::new(),
    })
}

fn unsigned<T: serde::Serialize>(path: &Path, signed: T) -> Result<(), Error> {
    let file = Signed {
        signed,
        signatures: Vec::new(),
    };
    write(path, &json(&file)?)
}

/// Every root of trust up to this one, so that a box that knows an older one finds its way.
fn copy_roots(plan: &Plan, metadata: &Path) -> Result<(), Error> {
    let folder = plan.root.parent().unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".root.json") {
            write(&metadata.join(&*name), &read(&path)?)?;
        }
    }
    Ok(())
}

/// Adds the signatures that can be given here, and tells whether they are enough.
fn signed<T>(root: &Root, path: &Path, role: Role, held: &[Held]) -> Result<(), Error>
where
    T: tough::schema::Role + serde::Serialize + serde::de::DeserializeOwned,
{
    if held.iter().any(|held| held.record.role == role) {
        sign::metadata(path, held)?;
    }
    let file: Signed<T> = serde_json::from_slice(&read(path)?).map_err(Error::signing)?;
    if root.verify_role(&file).is_ok() {
        return Ok(());
    }
    let of = role.of_update().and_then(|kind| root.roles.get(&kind));
    Err(Error::Unsigned {
        path: path.to_owned(),
        have: file.signatures.len(),
        want: of.map_or(0, |of| of.threshold.get()),
    })
}

/// Loads it as a box does.
async fn check(root: &[u8], work: &Path) -> Result<(), Error> {
    let url = |name: &str| {
        url::Url::from_directory_path(work.join(name))
            .map_err(|()| Error::signing("a path that is no URL"))
    };
    let loader = RepositoryLoader::new(&root, url("metadata")?, url("targets")?);
    let repository = loader
        .transport(FilesystemTransport)
        .load()
        .await
        .map_err(Error::signing)?;
    let held = repository.targets().signed.targets.len();
    if held == PARTS.len() + 1 {
        Ok(())
    } else {
        Err(Error::signing(format!("{held} targets in the bundle")))
    }
}

fn manifest(plan: &Plan) -> Result<Manifest, Error> {
    let part = |name: &str| -> Result<Artefact, Error> {
        let digested = digest(name, "", &plan.built.join(name))?;
        Ok(Artefact {
            bytes: digested.bytes,
            sha256: digested.sha256,
        })
    };
    let words = read(&plan.built.join(WORDS))?;
    let manifest = Manifest {
        schema: SCHEMA,
        machine: plan.machine.clone(),
        version: plan.version,
        min_version: plan.min_version,
        state_reads: STATE_READS,
        state_writes: STATE_WRITES,
        root_words: String::from_utf8_lossy(&words).into_owned(),
        root: part("root.img")?,
        kernel: part("kernel.efi")?,
    };
    for (what, have, most) in [
        ("the root", manifest.root.bytes, disk::SLOT_LEN),
        ("the kernel image", manifest.kernel.bytes, disk::KERNEL_MOST),
    ] {
        if have > most {
            return Err(Error::Size { what, have, most });
        }
    }
    Ok(manifest)
}

fn pack(work: &Path, out: &Path) -> Result<(), Error> {
    let mut tar = File::create(out).map_err(Error::file(out))?;
    let held = |path: &PathBuf| path.starts_with("metadata") || path.starts_with("targets");
    for path in below(work)?.into_iter().filter(held) {
        let content = read(&work.join(&path))?;
        let head = Head {
            path: path.to_string_lossy().into_owned(),
            bytes: content.len() as u64,
        };
        let padding = vec![0; usize::try_from(head.padding()).unwrap_or(BLOCK)];
        for piece in [&head.block()[..], &content, &padding] {
            tar.write_all(piece).map_err(Error::file(out))?;
        }
    }
    tar.write_all(&[0; 2 * BLOCK])
        .and_then(|()| tar.sync_all())
        .map_err(Error::file(out))
}
