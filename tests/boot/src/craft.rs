//! Bundles that a box must refuse, and good ones with odd contents: a manifest, its parts and how
//! they are signed, packed into the tar that a stick carries.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use board_slot::cmdline::hex;
use image_bundle::tar::{BLOCK, Head};
use image_bundle::{Artefact, Manifest, SCHEMA, Version};
use sha2::{Digest, Sha256};

use crate::release::{Keys, Signing};

/// What is put into a bundle.
pub(crate) struct Craft {
    /// The manifest; digests are filled in.
    pub(crate) manifest: Manifest,
    /// Root with its tree.
    pub(crate) root: Vec<u8>,
    /// Kernel image.
    pub(crate) kernel: Vec<u8>,
    /// How it is signed.
    pub(crate) signing: Signing,
}

impl Craft {
    /// What a build made, as `version`.
    pub(crate) fn of(built: &Path, version: Version) -> anyhow::Result<Self> {
        let read = |name: &str| {
            std::fs::read(built.join(name)).with_context(|| format!("{}/{name}", built.display()))
        };
        let words = String::from_utf8(read("root-words")?)?;
        Ok(Self {
            root: read("root.img")?,
            kernel: read("kernel.efi")?,
            ..Self::new(version, words)
        })
    }

    /// Words alone: what is refused before its parts are looked at.
    pub(crate) fn small(version: Version) -> Self {
        let root = "0".repeat(64);
        let words = format!(
            "holdfast.root={root} holdfast.blocks=1 holdfast.salt=00 holdfast.version={version}"
        );
        Self::new(version, words)
    }

    fn new(version: Version, root_words: String) -> Self {
        let Version(major, minor, patch) = version;
        Self {
            manifest: Manifest {
                schema: SCHEMA,
                machine: "qemu".to_owned(),
                version,
                min_version: Version(0, 0, 0),
                state_reads: 1,
                state_writes: 1,
                root_words,
                root: Artefact::of(&[]),
                kernel: Artefact::of(&[]),
            },
            root: b"no root".to_vec(),
            kernel: b"no kernel".to_vec(),
            signing: Signing {
                number: u64::from(major * 1_000_000 + minor * 1_000 + patch),
                ..Signing::default()
            },
        }
    }

    /// Signs with a set of keys and writes the tar to `out`.
    pub(crate) fn write(mut self, keys: &Keys, out: &Path) -> anyhow::Result<PathBuf> {
        self.manifest.root = Artefact::of(&self.root);
        self.manifest.kernel = Artefact::of(&self.kernel);
        let work = out.with_extension("work");
        let _ = std::fs::remove_dir_all(&work);
        let text = serde_json::to_vec_pretty(&self.manifest)?;
        let targets: [(&str, &[u8]); 3] = [
            ("bundle.json", &text),
            ("root.img", &self.root),
            ("kernel.efi", &self.kernel),
        ];
        let signed = self.signing.write(keys, &targets, &work);
        wait_for(signed)?.map_err(|why| anyhow!(why))?;
        pack(&work, out)?;
        std::fs::remove_dir_all(&work)?;
        Ok(out.to_owned())
    }
}

/// A set of test keys in `folder`.
pub(crate) fn keys(folder: &Path) -> anyhow::Result<Keys> {
    wait_for(Keys::at(folder))?.map_err(|why| anyhow!(why))
}

fn wait_for<T>(what: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(what))
}

/// A part's entry in the manifest.
trait Described {
    fn of(bytes: &[u8]) -> Self;
}

impl Described for Artefact {
    fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(bytes)),
        }
    }
}

fn pack(work: &Path, out: &Path) -> anyhow::Result<()> {
    let mut tar = Vec::new();
    for folder in ["metadata", "targets"] {
        let mut names: Vec<_> = std::fs::read_dir(work.join(folder))?
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        for name in names {
            let content = std::fs::read(work.join(folder).join(&name))?;
            let head = Head {
                path: format!("{folder}/{name}"),
                bytes: content.len() as u64,
            };
            tar.extend_from_slice(&head.block());
            tar.extend_from_slice(&content);
            tar.resize(tar.len().next_multiple_of(BLOCK), 0);
        }
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    std::fs::write(out, tar)?;
    Ok(())
}
