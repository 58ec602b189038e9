//! Layers of the configuration: which value comes from where, one value read or written, two
//! configurations compared. A write is validated whole before the file is replaced atomically, so
//! a bad value never reaches the disk.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use toml::Value;

use super::{Config, ConfigError};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Built in.
    Default,
    /// Written in `host.toml`.
    File,
    /// Given on the command line.
    CommandLine,
}

/// One key with its value and origin.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// Dotted key.
    pub key: String,
    /// Its value, as TOML writes it.
    pub value: String,
    /// Where it comes from.
    pub layer: Layer,
    /// Whether a running host takes a change at once.
    pub live: bool,
}

/// A configuration with the origin of each value.
#[derive(Debug, Clone)]
pub struct Layered {
    /// The values.
    pub config: Config,
    file: Value,
    overrides: Value,
}

/// Keys a running host takes without a restart.
const LIVE: [&str; 14] = [
    "offer.price",
    "offer.egress_price",
    "offer.epochs_max",
    "offer.open",
    "offer.escrow",
    "settle.auto_cash",
    "settle.cash_above",
    "settle.cash_every",
    "settle.cash_within",
    "settle.cover_percent",
    "settle.exposure_max",
    "settle.at_once",
    "settle.batch",
    "settle.release_epochs",
];

impl Layered {
    /// Reads `path` (a missing file is an empty one) and applies `KEY=VALUE` overrides.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => {
                return Err(ConfigError::File {
                    path: path.into(),
                    source,
                });
            }
        };
        let form = |why: String| ConfigError::Form {
            path: path.into(),
            why,
        };
        let file: Value = toml::from_str::<toml::Table>(&text)
            .map_err(|e| form(e.to_string()))?
            .into();
        let mut given = Value::Table(toml::Table::new());
        for pair in overrides {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| ConfigError::Key { key: pair.clone() })?;
            put(&mut given, key, parse(value));
        }
        let mut merged = defaults();
        merge(&mut merged, &file);
        merge(&mut merged, &given);
        let config: Config = merged
            .try_into()
            .map_err(|e: toml::de::Error| form(e.to_string()))?;
        config.check()?;
        Ok(Self {
            config,
            file,
            overrides: given,
        })
    }

    /// Every key in order, with value and origin.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let all =
            Value::try_from(&self.config).unwrap_or_else(|_| Value::Table(toml::Table::new()));
        walk("", &all, &mut |key, value| {
            entries.push(Entry {
                key: key.to_owned(),
                value: value.to_string(),
                layer: self.layer(key),
                live: LIVE.contains(&key),
            });
        });
        entries
    }

    /// One key's value and origin.
    pub fn entry(&self, key: &str) -> Result<Entry, ConfigError> {
        self.entries()
            .into_iter()
            .find(|entry| entry.key == key)
            .ok_or_else(|| ConfigError::Key {
                key: key.to_owned(),
            })
    }

    fn layer(&self, key: &str) -> Layer {
        if look(&self.overrides, key).is_some() {
            Layer::CommandLine
        } else if look(&self.file, key).is_some() {
            Layer::File
        } else {
            Layer::Default
        }
    }

    /// The file's text with `key` set to `value`, validated whole. Returns the text and whether a
    /// running host takes the change at once.
    pub fn with(&self, key: &str, value: &str) -> Result<(String, bool), ConfigError> {
        let known = key.starts_with("storage.volumes")
            || key == "offer.payout"
            || self.entries().iter().any(|entry| entry.key == key);
        if !known {
            return Err(ConfigError::Key {
                key: key.to_owned(),
            });
        }
        let mut file = self.file.clone();
        put(&mut file, key, parse(value));
        let form = |why: String| ConfigError::Form {
            path: "host.toml".into(),
            why,
        };
        let text = toml::to_string_pretty(&file).map_err(|e| form(e.to_string()))?;
        let mut merged = defaults();
        merge(&mut merged, &file);
        let config: Config = merged
            .try_into()
            .map_err(|e: toml::de::Error| form(e.to_string()))?;
        config.check()?;
        Ok((text, LIVE.contains(&key)))
    }
}

/// Replaces a file whole: new content, flushed, renamed over the old, directory flushed.
pub fn write_atomic(path: &Path, text: &str) -> Result<(), ConfigError> {
    let failed = |source| ConfigError::File {
        path: path.into(),
        source,
    };
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    let fresh = path.with_extension("toml.new");
    let mut file = std::fs::File::create(&fresh).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)?;
    std::fs::File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

/// Where the version before the last change is kept.
fn previous(path: &Path) -> std::path::PathBuf {
    path.with_extension("toml.previous")
}

/// Replaces a configuration and keeps the version before it.
pub fn replace(path: &Path, text: &str) -> Result<(), ConfigError> {
    let before = match std::fs::read_to_string(path) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(ConfigError::File {
                path: path.into(),
                source,
            });
        }
    };
    write_atomic(&previous(path), &before)?;
    write_atomic(path, text)
}

/// Puts the version before the last change back, and keeps the one it replaces. Errors when there
/// is none or it can no longer be used; then nothing changes.
pub fn roll_back(path: &Path) -> Result<(), ConfigError> {
    let kept = previous(path);
    let text = std::fs::read_to_string(&kept).map_err(|source| ConfigError::File {
        path: kept.clone(),
        source,
    })?;
    Layered::read(&kept, &[])?;
    replace(path, &text)
}

/// The lowest layer: what is built in.
fn defaults() -> Value {
    Value::try_from(Config::default()).expect("the default configuration is plain TOML")
}

/// Reads a value as TOML writes it, or as a bare string when it is none.
fn parse(text: &str) -> Value {
    let line = format!("value = {text}");
    let parsed = toml::from_str::<toml::Table>(&line)
        .ok()
        .and_then(|mut t| t.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn look<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(value, |at, part| at.get(part))
}

fn put(target: &mut Value, key: &str, value: Value) {
    let mut at = target;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let Value::Table(table) = at else { return };
        if parts.peek().is_none() {
            table.insert(part.to_owned(), value);
            return;
        }
        at = table
            .entry(part.to_owned())
            .or_insert_with(|| Value::Table(toml::Table::new()));
    }
}

fn merge(target: &mut Value, over: &Value) {
    walk("", over, &mut |key, value| put(target, key, value.clone()));
}

fn walk(prefix: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Table(table) => {
            for (name, inner) in table {
                let key = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                walk(&key, inner, visit);
            }
        }
        leaf => visit(prefix, leaf),
    }
}
