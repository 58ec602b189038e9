//! The identity key of a host under words that a machine keeps: plain becomes sealed, and a phrase
//! brings a key back that its machine no longer opens.
//!
//! Enters: a data directory of a host that does not run, and a file with words drawn by a machine
//! (64 hexadecimal digits). Leaves: a key file those words open, `identity.passphrase_file` that
//! names them, and the peer's name beside the key. Invariants: at every moment one file on the disk
//! holds the key, so a power cut anywhere loses nothing; the plain bytes are overwritten only after
//! the sealed file was flushed, read back and opened. What this file does not do: keep the words,
//! which is the business of whoever drew them (a TPM, on a box).

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use host_core::identity::SecretKey;
use host_keystore::{Phrase, Role, SealedKey};
use zeroize::Zeroizing;

use crate::clock::SystemEntropy;
use crate::config::Config;
use crate::config::layers::{self, Layered};
use crate::init::CONFIG_FILE;

/// The key that passphrases stand in for, in the configuration.
const WORDS_KEY: &str = "identity.passphrase_file";

/// What sealing found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// The key was plain and is sealed now.
    Now,
    /// These words opened it already.
    Before,
}

/// Seals the identity key of `dir` under the words in a file, once; again changes nothing.
/// Errors when the key is sealed under other words, and when the words were not drawn.
pub fn seal(dir: &Path, words: &Path) -> anyhow::Result<Sealed> {
    let place = Place::of(dir, words)?;
    let before = read(&place.key)?;
    let done = if before.is_plain() {
        let key = before.open(&[])?;
        place.write(&key)?;
        Sealed::Now
    } else {
        before.open(&place.words).with_context(|| {
            format!(
                "{} is sealed under other words; bring it back with its recovery phrase",
                place.key.display()
            )
        })?;
        place.name_words()?;
        Sealed::Before
    };
    place.forget_plain()?;
    Ok(done)
}

/// Makes the key of `dir` anew from its recovery phrase, sealed under the words in a file.
/// Errors when the phrase is that of somebody else.
pub fn recover(dir: &Path, phrase: &Phrase, words: &Path) -> anyhow::Result<()> {
    let place = Place::of(dir, words)?;
    let key = phrase.key(Role::Identity);
    let peer = std::fs::read_to_string(place.beside("peer"))
        .with_context(|| format!("reading whose key {} is", place.key.display()))?;
    ensure!(
        peer.trim() == key.peer_id().to_string(),
        "this is the phrase of {}, and the key is that of {}",
        key.peer_id(),
        peer.trim()
    );
    place.write(&key)?;
    place.forget_plain()
}

/// The files around one key.
struct Place {
    dir: PathBuf,
    key: PathBuf,
    words_file: PathBuf,
    words: Zeroizing<Vec<u8>>,
}

impl Place {
    fn of(dir: &Path, words_file: &Path) -> anyhow::Result<Self> {
        let layered = Layered::read(&dir.join(CONFIG_FILE), &[])?;
        ensure!(
            words_file.is_absolute(),
            "{} is to be named by its whole path",
            words_file.display()
        );
        let words = std::fs::read(words_file)
            .with_context(|| format!("reading the words {}", words_file.display()))?;
        let mut words = Zeroizing::new(words);
        if words.last() == Some(&b'\n') {
            words.pop();
        }
        Ok(Self {
            dir: dir.to_owned(),
            key: Config::resolve(dir, &layered.config.identity.key_file),
            words_file: words_file.to_owned(),
            words,
        })
    }

    fn beside(&self, what: &str) -> PathBuf {
        let mut name = self.key.clone().into_os_string();
        name.push(".");
        name.push(what);
        name.into()
    }

    /// Puts the sealed key in the key file's place; the file before keeps a second name until it
    /// was wiped.
    fn write(&self, key: &SecretKey) -> anyhow::Result<()> {
        let sealed = SealedKey::seal_drawn(key, &self.words, &SystemEntropy)?;
        let peer = format!("{}\n", key.peer_id());
        self.flushed(&self.beside("peer"), peer.as_bytes())?;
        let fresh = self.beside("new");
        self.flushed(&fresh, &sealed.to_bytes())?;
        let opened = read(&fresh)?.open(&self.words)?;
        ensure!(
            opened.peer_id() == key.peer_id(),
            "{} does not read back as it was written",
            fresh.display()
        );
        // Named before the key changes: a plain key is read without it.
        self.name_words()?;
        let plain = self.beside("plain");
        let was_plain = read(&self.key).is_ok_and(|before| before.is_plain());
        if was_plain && !plain.exists() {
            std::fs::hard_link(&self.key, &plain)
                .with_context(|| format!("naming {}", plain.display()))?;
        }
        std::fs::rename(&fresh, &self.key)
            .with_context(|| format!("writing {}", self.key.display()))?;
        self.flush_folder()
    }

    /// Overwrites what stood in the file before, now that another one holds the key. A cut on the
    /// way leaves its name, and the next start goes on here.
    fn forget_plain(&self) -> anyhow::Result<()> {
        let plain = self.beside("plain");
        let Ok(bytes) = std::fs::metadata(&plain).map(|about| about.len()) else {
            return Ok(());
        };
        if read(&self.key)?.is_plain() {
            bail!("{} is still plain", self.key.display());
        }
        let len = usize::try_from(bytes).unwrap_or_default();
        let wipe = || {
            let file = File::options().write(true).open(&plain)?;
            file.write_all_at(&vec![0; len], 0)?;
            file.sync_all()?;
            std::fs::remove_file(&plain)
        };
        wipe().with_context(|| format!("wiping {}", plain.display()))?;
        self.flush_folder()
    }

    /// Has the configuration name the words, where it does not.
    fn name_words(&self) -> anyhow::Result<()> {
        let path = self.dir.join(CONFIG_FILE);
        let layered = Layered::read(&path, &[])?;
        if layered.config.identity.passphrase_file == self.words_file {
            return Ok(());
        }
        let named = toml::Value::String(self.words_file.to_string_lossy().into_owned());
        let (text, _) = layered.with(WORDS_KEY, &named.to_string())?;
        Ok(layers::write_atomic(&path, &text)?)
    }

    fn flushed(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let write = || {
            let mut file = File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))
    }

    fn flush_folder(&self) -> anyhow::Result<()> {
        let folder = self.key.parent().unwrap_or(&self.dir);
        let flush = || File::open(folder)?.sync_all();
        flush().with_context(|| format!("flushing {}", folder.display()))
    }
}

fn read(path: &Path) -> anyhow::Result<SealedKey> {
    let bytes =
        std::fs::read(path).with_context(|| format!("reading the key {}", path.display()))?;
    SealedKey::from_bytes(&bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests;
