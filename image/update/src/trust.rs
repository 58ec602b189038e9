//! Verifying: TUF metadata against the root of trust in the verified root, with what was known
//! before kept on the state partition, so that neither old nor frozen metadata is taken twice.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use image_bundle::Manifest;
use tough::{FilesystemTransport, Limits, Repository, RepositoryLoader, TargetName, Transport};
use url::Url;

use crate::error::Error;
use crate::mirror::Mirror;

/// The manifest's name among the targets.
const MANIFEST: &str = "bundle.json";
/// The root's name among the targets.
pub(crate) const ROOT: &str = "root.img";
/// The kernel image's name among the targets.
pub(crate) const KERNEL: &str = "kernel.efi";
/// Most bytes of a manifest.
const MANIFEST_MOST: usize = 64 << 10;

/// A bundle whose metadata holds.
pub(crate) struct Verified {
    repository: Repository,
    /// What it says of itself.
    pub(crate) manifest: Manifest,
}

fn refused(why: impl std::fmt::Display) -> Error {
    Error::Trust {
        why: why.to_string(),
    }
}

/// Loads the metadata of an unpacked bundle under `root` and reads the manifest.
///
/// # Errors
/// `Trust` when signatures, thresholds, times or versions do not hold; `Bundle`.
pub(crate) async fn verify_folder(
    root: &[u8],
    bundle: &Path,
    known: &Path,
) -> Result<Verified, Error> {
    let url = |name: &str| {
        Url::from_directory_path(bundle.join(name)).map_err(|()| refused("a path that is no URL"))
    };
    let (metadata, targets) = (url("metadata")?, url("targets")?);
    verify(root, metadata, targets, FilesystemTransport, known).await
}

/// The same of a mirror: the folders `metadata` and `targets` below an address.
///
/// # Errors
/// As `verify_folder`, and `Mirror` when it cannot be spoken to.
pub(crate) async fn verify_mirror(
    root: &[u8],
    mirror: &Url,
    ca: &Path,
    known: &Path,
) -> Result<Verified, Error> {
    let url = |name: &str| mirror.join(name).map_err(refused);
    let (metadata, targets) = (url("metadata/")?, url("targets/")?);
    let transport = Mirror::open(mirror, ca)?;
    verify(root, metadata, targets, transport, known).await
}

async fn verify(
    root: &[u8],
    metadata: Url,
    targets: Url,
    transport: impl Transport + 'static,
    known: &Path,
) -> Result<Verified, Error> {
    let repository = RepositoryLoader::new(&root, metadata, targets)
        .transport(transport)
        .limits(Limits {
            max_root_size: 256 << 10,
            max_targets_size: 1 << 20,
            max_timestamp_size: 64 << 10,
            max_snapshot_size: 64 << 10,
            max_root_updates: 64,
        })
        .datastore(known)
        .load()
        .await
        .map_err(refused)?;
    let text = manifest(&repository).await?;
    Ok(Verified {
        manifest: Manifest::parse(&text)?,
        repository,
    })
}

async fn manifest(repository: &Repository) -> Result<Vec<u8>, Error> {
    let name = TargetName::new(MANIFEST).map_err(refused)?;
    let mut stream = repository
        .read_target(&name)
        .await
        .map_err(refused)?
        .ok_or_else(|| refused("the bundle has no manifest"))?;
    let mut text = Vec::new();
    while let Some(piece) = stream.next().await {
        text.extend_from_slice(&piece.map_err(refused)?);
        if text.len() > MANIFEST_MOST {
            return Err(refused("the manifest is too long"));
        }
    }
    Ok(text)
}

impl Verified {
    /// Copies a part out of the bundle, checked against the signed metadata on the way.
    pub(crate) async fn save(&self, name: &str, into: &Path) -> Result<PathBuf, Error> {
        let target = TargetName::new(name).map_err(refused)?;
        self.repository
            .save_target(&target, into, tough::Prefix::None)
            .await
            .map_err(refused)?;
        Ok(into.join(name))
    }
}

#[cfg(test)]
mod tests;
