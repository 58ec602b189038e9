//! Backup and restore of a real host: which files are saved, and the ledger as where facts come
//! from and go to. The file itself is `backup`'s.
//!
//! Enters: a data directory, its configuration, its ledger; or a backup's file. Leaves: a file, or
//! a directory and a list of what lies outside it and must be looked after by the operator.
//! Invariants: no backup is written over a file that is none; the passphrase file is never read.
//! What this file does not do: shards, which stay on their volumes.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use host_keystore::SealedKey;
use host_ledger::{Dump, Ledger, Loading};
use serde::{Deserialize, Serialize};

use crate::backup::{self, FactSink, FactSource};
use crate::clock::{SystemEntropy, now_ms};
use crate::config::Config;
use crate::config::layers::Layered;
use crate::init::CONFIG_FILE;
use crate::standing;

/// Bytes of rows in one batch, about; a row more fits below the bound of a batch.
const BATCH_LEN: usize = 1024 * 1024;
/// First bytes of every backup.
const MAGIC: &[u8; 8] = b"HFBACKUP";

/// A backup that was taken.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Kept {
    /// The file.
    #[schema(value_type = String)]
    pub file: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of everything before the digest, as hex.
    pub digest: String,
    /// The backup's mark.
    pub backup: String,
    /// Whether the key in it is plain: whoever reads the file has the identity.
    pub plain_key: bool,
}

/// A path the configuration names outside the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// The configuration key.
    pub key: String,
    /// What it names.
    pub path: PathBuf,
    /// Whether something is there.
    pub found: bool,
    /// Where what belongs there is now, when the backup held it.
    pub saved: Option<PathBuf>,
}

/// A host that was brought back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Brought {
    /// The data directory.
    pub dir: PathBuf,
    /// The name of this copy.
    pub instance: String,
    /// How many restores lie between it and the first copy.
    pub generation: u64,
    /// Milliseconds since 1970 when the backup was taken.
    pub backup_at_ms: u64,
    /// Volumes inside the directory that are not there yet and must be moved in.
    pub missing: Vec<PathBuf>,
    /// What lies outside the directory.
    pub outside: Vec<Outside>,
}

struct Facts(Dump);

impl FactSource for Facts {
    fn next_batch(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.0.next_batch(BATCH_LEN)?)
    }
}

/// Takes a backup of the host in `dir` into `out`. Errors when `out` is a file that is no backup,
/// or as `backup::backup` does. Cost: blocks while the ledger is read and the file flushed.
pub fn take(dir: &Path, config: &Config, ledger: &Ledger, out: &Path) -> anyhow::Result<Kept> {
    refuse_other(out)?;
    let key = config.identity.key_file.clone();
    let files = [PathBuf::from(CONFIG_FILE), config.network.clone(), key];
    let plan = backup::Plan {
        dir,
        files: &files,
        program: concat!("holdfastd/", env!("CARGO_PKG_VERSION")),
        now_ms: now_ms(),
    };
    let mut facts = Facts(ledger.read()?.dump());
    let taken = backup::backup(&plan, out, &mut facts, &SystemEntropy)?;
    let bytes = std::fs::read(Config::resolve(dir, &config.identity.key_file))?;
    Ok(Kept {
        file: out.to_path_buf(),
        size: taken.size,
        digest: taken.digest,
        backup: taken.head.backup.to_string(),
        plain_key: SealedKey::from_bytes(&bytes)?.is_plain(),
    })
}

/// Takes a backup of a host that does not run; none when it runs, and must be asked itself.
pub fn take_at_rest(dir: &Path, out: &Path) -> anyhow::Result<Option<Kept>> {
    let config = Layered::read(&dir.join(CONFIG_FILE), &[])?.config;
    let _lock = match host_uring::DirLock::acquire(dir) {
        Err(host_uring::LockError::Held { .. }) => return Ok(None),
        held => held?,
    };
    let state = Config::resolve(dir, &config.storage.state);
    let ledger = Ledger::open(&state, host_ledger::Options::default())?;
    take(dir, &config, &ledger, out).map(Some)
}

fn refuse_other(out: &Path) -> anyhow::Result<()> {
    let mut file = match std::fs::File::open(out) {
        Ok(file) => file,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err).with_context(|| format!("looking at {}", out.display())),
    };
    let mut head = [0; 8];
    if file.read_exact(&mut head).is_err() || head != *MAGIC {
        bail!("{} is there and is no backup", out.display());
    }
    Ok(())
}

/// The ledger of the directory being made.
#[derive(Default)]
struct Sink(Option<Loading>);

impl FactSink for Sink {
    fn open(&mut self, dir: &Path) -> anyhow::Result<()> {
        let config = Layered::read(&dir.join(CONFIG_FILE), &[])?.config;
        self.0 = Some(Loading::begin(&state_within(dir, &config))?);
        Ok(())
    }

    fn put_batch(&mut self, batch: &[u8]) -> anyhow::Result<()> {
        let loading = self.0.as_mut().context("the ledger is not open")?;
        Ok(loading.put_batch(batch)?)
    }

    fn close(&mut self) -> anyhow::Result<()> {
        // Every batch was durable when it was taken.
        self.0 = None;
        Ok(())
    }
}

/// Where a restore puts the ledger: where the configuration says, but never outside the directory,
/// which must be whole or not there.
fn state_within(dir: &Path, config: &Config) -> PathBuf {
    if config.storage.state.is_absolute() {
        return dir.join("state");
    }
    dir.join(&config.storage.state)
}

/// Makes the data directory `dir` from the backup `file`. Errors as `backup::restore` does.
pub fn bring(file: &Path, dir: &Path) -> anyhow::Result<Brought> {
    let (machine, entropy) = (standing::machine(), SystemEntropy);
    let dir = std::path::absolute(dir).with_context(|| dir.display().to_string())?;
    let mut sink = Sink::default();
    let restored = backup::restore(file, &dir, &mut sink, &machine, &entropy, now_ms())?;
    let config = Layered::read(&dir.join(CONFIG_FILE), &[])?.config;
    let (mut missing, mut outside) = (Vec::new(), Vec::new());
    let mut tell = |key: String, path: &Path, saved: Option<PathBuf>| {
        let full = Config::resolve(&dir, path);
        let found = full.exists();
        if path.is_absolute() {
            let path = full;
            outside.push(Outside {
                key,
                path,
                found,
                saved,
            });
        } else if !found && !path.as_os_str().is_empty() {
            missing.push(full);
        }
    };
    let saved = |path: &Path| {
        let from = |(origin, _): &&(String, PathBuf)| Path::new(origin) == path;
        restored.outside.iter().find(from).map(|at| at.1.clone())
    };
    let state = state_within(&dir, &config);
    tell("network".into(), &config.network, saved(&config.network));
    let key = &config.identity.key_file;
    tell("identity.key_file".into(), key, saved(key));
    let words = &config.identity.passphrase_file;
    tell("identity.passphrase_file".into(), words, None);
    tell("storage.state".into(), &config.storage.state, Some(state));
    for (index, volume) in config.storage.volumes.iter().enumerate() {
        tell(format!("storage.volumes[{index}]"), &volume.path, None);
    }
    Ok(Brought {
        dir,
        instance: restored.instance.instance.to_string(),
        generation: restored.instance.generation,
        backup_at_ms: restored.head.created_at_ms,
        missing,
        outside,
    })
}

#[cfg(test)]
mod tests;
