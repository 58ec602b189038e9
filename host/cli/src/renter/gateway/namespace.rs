//! What several gateways share: the database their catalogue is in, and the key of their namespace.
//!
//! Secrets come from files that only their owner reads, never from the command line.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use host_core::seams::Entropy;
use host_daemon::clock::SystemEntropy;
use host_gateway::{Catalogue, Postgres, PostgresAt, Rows};
use zeroize::Zeroizing;

use crate::print;

/// Bytes of catalogue pages kept in memory.
const CATALOGUE_CACHE: usize = 32 << 20;
/// Longest secret file.
const SECRET_LEN: u64 = 4096;

#[derive(Debug, Args)]
pub(super) struct NamespaceArgs {
    /// Keep the catalogue in this database, `postgres://USER@HOST/DATABASE`, with other gateways
    #[arg(long, value_name = "URL", requires = "namespace_key")]
    postgres: Option<String>,
    /// The database role's password
    #[arg(long, value_name = "FILE", requires = "postgres")]
    postgres_password: Option<PathBuf>,
    /// Who signed the database server's certificate, PEM; asked for beyond this machine
    #[arg(long, value_name = "FILE", requires = "postgres")]
    postgres_authority: Option<PathBuf>,
    /// The key all gateways of the catalogue have, as `make-namespace-key` makes it
    #[arg(long, value_name = "FILE", requires = "postgres")]
    namespace_key: Option<PathBuf>,
}

/// An open catalogue.
pub(super) struct Opened {
    pub(super) rows: Arc<dyn Rows>,
    /// The namespace's key, where gateways share it.
    pub(super) key: Option<[u8; 32]>,
    /// Keeps a second gateway of this home away.
    _lock: Option<std::fs::File>,
}

/// Opens the catalogue of the gateway in `dir`.
pub(super) fn open(dir: &Path, args: &NamespaceArgs) -> anyhow::Result<Opened> {
    let (Some(url), Some(key)) = (&args.postgres, &args.namespace_key) else {
        // Its lock keeps a second gateway away before anything is swept.
        let rows = Catalogue::open(&dir.join("catalogue.redb"), CATALOGUE_CACHE)?;
        return Ok(Opened {
            rows: Arc::new(rows),
            key: None,
            _lock: None,
        });
    };
    let lock = lock(&dir.join("lock"))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(secret(key)?.as_bytes(), &mut bytes)
        .with_context(|| format!("{} is no namespace key: 64 hex digits", key.display()))?;
    let password = args.postgres_password.as_deref().map(secret).transpose()?;
    let rows = Postgres::open(&PostgresAt {
        url: url.clone(),
        password: password.map(|password| password.to_string()),
        authority: args.postgres_authority.clone(),
    })?;
    Ok(Opened {
        rows: Arc::new(rows),
        key: Some(bytes),
        _lock: Some(lock),
    })
}

fn lock(path: &Path) -> anyhow::Result<std::fs::File> {
    let what = || format!("locking {}", path.display());
    let file = std::fs::File::create(path).with_context(what)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => bail!(
            "{} is locked: a gateway of this home runs already",
            path.display()
        ),
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(what),
    }
}

/// A secret's text, from a file that only its owner reads.
fn secret(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let what = || format!("reading {}", path.display());
    let about = std::fs::metadata(path).with_context(what)?;
    let mode = about.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} may be read by others (mode {:o}): `chmod 600` it",
            path.display(),
            mode & 0o777
        );
    }
    if about.len() > SECRET_LEN {
        bail!("{} is too long for a secret", path.display());
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(what)?);
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Makes the key of a namespace; never over a file that is there.
pub(super) fn make_key(path: &Path) -> anyhow::Result<()> {
    let mut key = Zeroizing::new([0; 32]);
    SystemEntropy.fill(key.as_mut());
    let text = Zeroizing::new(format!("{}\n", hex::encode(*key)));
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("writing {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    print::line(&format!(
        "{} holds the key of a namespace: give every gateway of the catalogue the same, by a way \
         that keeps it secret",
        path.display()
    ))
}
