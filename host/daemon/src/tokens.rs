//! The host's access tokens: their table in a file of the data directory, digests only.
//!
//! The file is read again whenever it changed, so that `holdfast token` works on a running host
//! and on one at rest alike. A table that does not read opens nothing.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use host_api::{Scope, TokenRow, TokenSecret, TokenTable};
use host_core::seams::Entropy;

use crate::config::layers;

/// Name of the table's file in the data directory.
pub const TOKENS_FILE: &str = "tokens.json";

/// The tokens of a running host.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    known: Mutex<(Option<SystemTime>, TokenTable)>,
}

impl Tokens {
    /// The tokens of a data directory.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self {
            path: dir.join(TOKENS_FILE),
            known: Mutex::default(),
        }
    }

    /// The token a text stands for at `now` (seconds since 1970), when it opens anything.
    #[must_use]
    pub fn find(&self, text: &str, now: u64) -> Option<TokenRow> {
        let changed = std::fs::metadata(&self.path).and_then(|meta| meta.modified());
        let changed = changed.ok();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != changed || changed.is_none() {
            let table = read(&self.path).unwrap_or_else(|err| {
                tracing::warn!(err = format!("{err:#}"), "no access token opens anything");
                TokenTable::default()
            });
            *known = (changed, table);
        }
        known.1.find(text, now).cloned()
    }
}

/// The table of a data directory; an absent file is an empty one.
pub fn table(dir: &Path) -> anyhow::Result<TokenTable> {
    read(&dir.join(TOKENS_FILE))
}

/// Makes a token; its text is returned and stands nowhere else.
pub fn create(
    dir: &Path,
    entropy: &dyn Entropy,
    name: &str,
    scope: Scope,
    now: u64,
    expires: Option<u64>,
) -> anyhow::Result<TokenSecret> {
    let mut random = [0; 36];
    entropy.fill(&mut random);
    let mut table = table(dir)?;
    let secret = table.issue(&random, name, scope, now, expires)?;
    layers::write_atomic(&dir.join(TOKENS_FILE), &table.text())?;
    Ok(secret)
}

/// Revokes a token by its id.
pub fn revoke(dir: &Path, id: &str) -> anyhow::Result<TokenRow> {
    let mut table = table(dir)?;
    let row = table.revoke(id)?;
    layers::write_atomic(&dir.join(TOKENS_FILE), &table.text())?;
    Ok(row)
}

fn read(path: &Path) -> anyhow::Result<TokenTable> {
    match std::fs::read_to_string(path) {
        Ok(text) => TokenTable::parse(&text).with_context(|| format!("reading {}", path.display())),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(TokenTable::default()),
        Err(err) => Err(err).with_context(|| format!("reading {}", path.display())),
    }
}
