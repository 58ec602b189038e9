//! The fleet file: who the boxes are, in which ring each is, and what the operator shows them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

use crate::operator::watch::pin::{Fingerprint, Identity};

/// A fleet.
#[derive(Debug)]
pub(super) struct Fleet {
    /// Its boxes, by ring and then as they stand in the file.
    pub(super) boxes: Vec<One>,
    /// What the operator shows.
    pub(super) identity: Identity,
    pause: PathBuf,
}

/// A box.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    /// What the operator calls it.
    pub(super) name: String,
    /// Where its remote API listens.
    pub(super) address: SocketAddr,
    /// SHA-256 of its certificate.
    pub(super) pin: String,
    /// The lower, the earlier.
    #[serde(default)]
    pub(super) ring: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default, rename = "box")]
    boxes: Vec<One>,
}

impl Fleet {
    /// Reads the file; paths in it are relative to it. Errors name what is wrong.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("reading the fleet file {}", path.display()))?;
        let text: Text = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut boxes = text.boxes;
        boxes.sort_by_key(|one| one.ring);
        for (at, one) in boxes.iter().enumerate() {
            one.fingerprint()?;
            if boxes
                .iter()
                .skip(at + 1)
                .any(|other| other.name == one.name)
            {
                bail!("{} names the box {} twice", path.display(), one.name);
            }
        }
        Ok(Self {
            boxes,
            identity: identity(&folder.join(text.certificate), &folder.join(text.key))?,
            pause: path.with_extension("paused"),
        })
    }

    /// The boxes with these names; all of them when none is given.
    pub(super) fn named(&self, names: &[String]) -> anyhow::Result<Vec<&One>> {
        if names.is_empty() {
            return Ok(self.boxes.iter().collect());
        }
        let find = |name: &String| {
            let found = self.boxes.iter().find(|one| one.name == *name);
            found.with_context(|| format!("the fleet file names no box {name}"))
        };
        names.iter().map(find).collect()
    }

    /// Stops rollouts, or lets them go on.
    pub(super) fn pause(&self, paused: bool) -> anyhow::Result<()> {
        let done = if paused {
            std::fs::write(
                &self.pause,
                "remove this file, or `holdfast fleet resume`\n",
            )
        } else {
            match std::fs::remove_file(&self.pause) {
                Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why),
                _ => Ok(()),
            }
        };
        done.with_context(|| self.pause.display().to_string())
    }

    /// Whether rollouts are stopped.
    pub(super) fn paused(&self) -> bool {
        self.pause.exists()
    }
}

impl One {
    /// The fingerprint of its certificate.
    pub(super) fn fingerprint(&self) -> anyhow::Result<Fingerprint> {
        let parsed = self.pin.parse();
        parsed.map_err(|why: String| anyhow::anyhow!("box {}: {why}", self.name))
    }
}

fn identity(certificate: &Path, key: &Path) -> anyhow::Result<Identity> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("reading the certificate {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("reading the key {}", key.display()))?;
    Ok(Identity { chain, key })
}
