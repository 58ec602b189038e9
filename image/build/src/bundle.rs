//! The bundle of an update: manifest, root and kernel image as TUF targets, the metadata that signs
//! them, all in one tar. Layout: docs/formats/bundle.md.

use std::fs::File;
use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use image_bundle::tar::{BLOCK, Head};
use image_bundle::{Artefact, Manifest, SCHEMA, Version};
use tough::editor::RepositoryEditor;
use tough::editor::signed::PathExists;

use crate::error::Error;
use crate::keys;
use crate::manifest::digest;
use crate::place::{self, below, read, write};

/// Format of the state partition that images of this source write and read.
const STATE_FORMAT: u32 = 1;
/// What a bundle holds beside its manifest.
const PARTS: [&str; 2] = ["root.img", "kernel.efi"];
/// What `build` leaves of the command line's words.
pub(crate) const WORDS: &str = "root-words";

/// What a bundle is made of.
pub(crate) struct Plan {
    /// The folder of a build.
    pub(crate) built: PathBuf,
    /// The machine.
    pub(crate) machine: String,
    /// Version of the image.
    pub(crate) version: Version,
    /// The floor it asks for.
    pub(crate) min_version: Version,
    /// Folder of the keys that sign.
    pub(crate) keys: PathBuf,
}

fn signing(why: impl std::fmt::Display) -> Error {
    Error::Signing {
        why: why.to_string(),
    }
}

/// Makes `bundle.tar` in the folder of the build.
///
/// # Errors
/// `Signing` when the keys are not those of their root; `File`.
pub(crate) async fn make(plan: &Plan) -> Result<PathBuf, Error> {
    let work = plan.built.join("work/bundle");
    place::clear(&work)?;
    let input = work.join("input");
    std::fs::create_dir_all(&input).map_err(Error::file(&input))?;
    for part in PARTS {
        std::fs::copy(plan.built.join(part), input.join(part)).map_err(Error::file(part))?;
    }
    let text = serde_json::to_vec_pretty(&manifest(plan)?).map_err(signing)?;
    write(&input.join("bundle.json"), &text)?;
    let metadata = work.join("metadata");
    let targets = work.join("targets");
    sign(plan, &input, &metadata, &targets).await?;
    place::clear(&input)?;
    let out = plan.built.join("bundle.tar");
    pack(&work, &out)?;
    place::clear(&work)?;
    Ok(out)
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
    Ok(Manifest {
        schema: SCHEMA,
        machine: plan.machine.clone(),
        version: plan.version,
        min_version: plan.min_version,
        state_reads: STATE_FORMAT,
        state_writes: STATE_FORMAT,
        root_words: String::from_utf8_lossy(&words).into_owned(),
        root: part("root.img")?,
        kernel: part("kernel.efi")?,
    })
}

async fn sign(plan: &Plan, input: &Path, metadata: &Path, targets: &Path) -> Result<(), Error> {
    let Version(major, minor, patch) = plan.version;
    let number = u64::from(major) * 1_000_000 + u64::from(minor) * 1_000 + u64::from(patch);
    let number = NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN);
    let expires = || keys::EXPIRES.parse().map_err(signing);
    let root = plan.keys.join(keys::ROOT);
    let mut editor = RepositoryEditor::new(&root).await.map_err(signing)?;
    editor
        .targets_version(number)
        .map_err(signing)?
        .targets_expires(expires()?)
        .map_err(signing)?
        .snapshot_version(number)
        .snapshot_expires(expires()?)
        .timestamp_version(number)
        .timestamp_expires(expires()?);
    let names = ["bundle.json", "root.img", "kernel.efi"];
    let paths = names.iter().map(|name| input.join(name)).collect();
    editor.add_target_paths(paths).await.map_err(signing)?;
    let signed = editor
        .sign(&keys::sources(&plan.keys))
        .await
        .map_err(signing)?;
    signed.write(metadata).await.map_err(signing)?;
    signed
        .copy_targets(input, targets, PathExists::Fail)
        .await
        .map_err(signing)
}

fn pack(work: &Path, out: &Path) -> Result<(), Error> {
    let mut tar = File::create(out).map_err(Error::file(out))?;
    for path in below(work)? {
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
