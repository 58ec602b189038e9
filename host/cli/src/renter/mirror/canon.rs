//! The canonical copy: a folder, or a bucket of an object store, behind one door (`object_store`).
//!
//! Enters: a URL or a folder; keys of a bucket come from the environment, by the names that the
//! AWS tools read. Leaves: names, bytes and what tells that a file changed. Does not: keep a key;
//! delete anything.

use std::path::Path as File;
use std::sync::Arc;

use anyhow::{Context, bail};
use futures::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

/// Bytes read from a file at a time.
const RUN: usize = 1 << 20;

/// A canonical copy that was opened.
pub(super) struct Canon {
    store: Arc<dyn ObjectStore>,
    base: Path,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// Its name below the copy's own, parts joined by `/`.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// What is another once the file is: the store's tag, or length and time.
    pub(super) mark: String,
}

/// A URL, or a folder's; the folder must be there.
fn url_of(place: &str) -> anyhow::Result<Url> {
    if place.contains("://") {
        return place
            .parse()
            .with_context(|| format!("{place} is not a URL"));
    }
    let folder = File::new(place).canonicalize();
    let folder = folder.with_context(|| format!("the folder {place}"))?;
    match Url::from_directory_path(&folder) {
        Ok(url) if folder.is_dir() => Ok(url),
        _ => bail!("{place} is not a folder"),
    }
}

/// What the environment says of a bucket.
fn options() -> Vec<(String, String)> {
    let all = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    let mut all: Vec<_> = all
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    // Who names an endpoint without TLS means it.
    let plain = all
        .iter()
        .any(|(name, value)| name.starts_with("aws_endpoint") && value.starts_with("http://"));
    if plain {
        all.push(("aws_allow_http".into(), "true".into()));
    }
    all
}

impl Canon {
    /// Opens a place. Errors when it is none of the kinds there are.
    pub(super) fn open(place: &str) -> anyhow::Result<Self> {
        let url = url_of(place)?;
        if !["file", "s3", "s3a"].contains(&url.scheme()) {
            bail!("{place}: a mirror is of a folder or of s3://BUCKET/PREFIX");
        }
        let (store, base) = object_store::parse_url_opts(&url, options())
            .with_context(|| format!("opening {place}"))?;
        Ok(Self {
            store: store.into(),
            base,
        })
    }

    /// Every file, by name.
    pub(super) async fn list(&self) -> anyhow::Result<Vec<Held>> {
        let all: Vec<ObjectMeta> = self
            .store
            .list(Some(&self.base))
            .try_collect()
            .await
            .context("listing the canonical copy")?;
        let mut held: Vec<Held> = all.iter().filter_map(|meta| self.held(meta)).collect();
        held.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(held)
    }

    fn held(&self, meta: &ObjectMeta) -> Option<Held> {
        let parts = meta.location.prefix_match(&self.base)?;
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        let mark = match &meta.e_tag {
            Some(tag) => tag.clone(),
            None => format!("{}-{}", meta.size, meta.last_modified.timestamp_micros()),
        };
        Some(Held {
            path: parts.join("/"),
            bytes: meta.size,
            mark,
        })
    }

    fn at(&self, path: &str) -> anyhow::Result<Path> {
        let below = Path::parse(path).with_context(|| format!("the name {path}"))?;
        Ok(self.base.parts().chain(below.parts()).collect())
    }

    /// Reads a file into `out`; its length and SHA-256. Nothing stays under `out` when it fails.
    pub(super) async fn fetch(&self, path: &str, out: &File) -> anyhow::Result<(u64, String)> {
        let read = self.read(path, out).await;
        if read.is_err() {
            let _ = std::fs::remove_file(out);
        }
        read.with_context(|| format!("reading {path} of the canonical copy"))
    }

    async fn read(&self, path: &str, out: &File) -> anyhow::Result<(u64, String)> {
        let mut bytes = self.store.get(&self.at(path)?).await?.into_stream();
        let mut file = tokio::fs::File::create(out).await?;
        let (mut len, mut hash) = (0, Sha256::new());
        while let Some(run) = bytes.try_next().await? {
            hash.update(&run);
            len += run.len() as u64;
            file.write_all(&run).await?;
        }
        file.sync_all().await?;
        Ok((len, hex::encode(hash.finalize())))
    }

    /// Writes a file, whole or not at all.
    pub(super) async fn give(&self, path: &str, from: &File) -> anyhow::Result<()> {
        let mut out = BufWriter::new(Arc::clone(&self.store), self.at(path)?);
        let copied = async {
            let mut file = tokio::fs::File::open(from).await?;
            let mut run = vec![0; RUN];
            loop {
                let len = file.read(&mut run).await?;
                let Some(bytes) = run.get(..len).filter(|bytes| !bytes.is_empty()) else {
                    break;
                };
                out.write_all(bytes).await?;
            }
            out.shutdown().await
        };
        let copied = copied.await;
        if copied.is_err() {
            let _ = out.abort().await;
        }
        copied.with_context(|| format!("writing {path}"))
    }
}
