//! A bundle for whoever helps: what a host says of itself, as one tar file, without its secrets.
//!
//! Enters: a data directory and more members from the caller. Leaves: the bytes of a tar (ustar).
//! Two rules keep secrets out. Files that hold one are never members. And everything that is a
//! member is gone through before it is written: the content of every file the configuration names
//! as one (keys that end in `_file`) and of every key, token and certificate key in the data
//! directory is taken out wherever it stands, with access tokens, bearer words, and all of an
//! address but its scheme and host, since addresses of endpoints often carry a key. What this file
//! does not do: decide who may have it (`api::diagnose`) or send it anywhere.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::config::Config;
use crate::init::CONFIG_FILE;

/// What stands where something was taken out.
pub const TAKEN_OUT: &str = "(taken out)";
/// Bytes of a log's or the black box's end that are told.
const TAIL: u64 = 512 << 10;
/// Secrets shorter than this would take out ordinary words.
const SECRET_MIN: usize = 4;
/// Bytes of a file that is searched for secrets.
const SECRET_FILE_MAX: u64 = 64 << 10;
const BLOCK: usize = 512;

/// Takes secrets out of bytes.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    secrets: Vec<Vec<u8>>,
}

impl Redactor {
    /// Knows the secrets of a data directory and of the files its configuration names.
    #[must_use]
    pub fn of(dir: &Path, config: &Config) -> Self {
        let mut redactor = Self::default();
        if let Ok(value) = toml::Value::try_from(config) {
            redactor.walk(dir, &value);
        }
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let ending = path.extension().and_then(|e| e.to_str());
            if matches!(ending, Some("key" | "pem" | "token" | "secret" | "book")) {
                redactor.file(&path);
            }
        }
        // The longest first, so that no part of one is left behind.
        redactor
            .secrets
            .sort_by_key(|one| std::cmp::Reverse(one.len()));
        redactor.secrets.dedup();
        redactor
    }

    fn walk(&mut self, dir: &Path, value: &toml::Value) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    match value {
                        toml::Value::String(path) if key.ends_with("_file") && !path.is_empty() => {
                            self.file(&Config::resolve(dir, Path::new(path)));
                        }
                        other => self.walk(dir, other),
                    }
                }
            }
            toml::Value::Array(rows) => rows.iter().for_each(|row| self.walk(dir, row)),
            _ => (),
        }
    }

    fn file(&mut self, path: &Path) {
        let Ok(file) = std::fs::File::open(path) else {
            return;
        };
        let mut bytes = Vec::new();
        if file.take(SECRET_FILE_MAX).read_to_end(&mut bytes).is_err() {
            return;
        }
        self.know(&bytes);
        for line in bytes.split(|byte| *byte == b'\n') {
            self.know(line.trim_ascii());
        }
    }

    /// One more secret, also as hexadecimal digits.
    pub fn know(&mut self, secret: &[u8]) {
        if secret.len() < SECRET_MIN || secret.starts_with(b"-----") {
            return;
        }
        let digits = |upper: bool| -> Vec<u8> {
            let digit = |byte: &u8| {
                if upper {
                    format!("{byte:02X}")
                } else {
                    format!("{byte:02x}")
                }
            };
            secret.iter().map(digit).collect::<String>().into_bytes()
        };
        self.secrets.push(secret.to_vec());
        self.secrets.push(digits(false));
        self.secrets.push(digits(true));
    }

    /// The bytes without secrets.
    #[must_use]
    pub fn clean(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = bytes.to_vec();
        for secret in &self.secrets {
            clean = replace(&clean, secret);
        }
        match String::from_utf8(clean) {
            Ok(text) => words(&text).into_bytes(),
            Err(raw) => raw.into_bytes(),
        }
    }
}

fn replace(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(secret.len()).position(|run| run == secret) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(TAKEN_OUT.as_bytes());
        rest = rest.get(at + secret.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Takes out what shows by its form alone: access tokens, bearer words, the rest of addresses.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let ends = |c: char| c.is_whitespace() || "\"'<>,;)]}`|\\".contains(c);
    loop {
        let marks = ["hft_", "Bearer ", "://"];
        let found = marks
            .iter()
            .filter_map(|mark| Some((rest.find(mark)?, *mark)));
        let Some((at, mark)) = found.min_by_key(|(at, _)| *at) else {
            out.push_str(rest);
            return out;
        };
        let (before, after) = rest.split_at(at + mark.len());
        out.push_str(before);
        let end = after.find(ends).unwrap_or(after.len());
        let (word, later) = after.split_at(end);
        if mark == "://" {
            out.push_str(&host_of(word));
        } else if !word.is_empty() {
            out.push_str(TAKEN_OUT);
        }
        rest = later;
    }
}

/// Host and port of what follows `://`; a name before `@` and everything after the host goes.
fn host_of(word: &str) -> String {
    let (host, path) = word.split_at(word.find(['/', '?', '#']).unwrap_or(word.len()));
    let host = host.rsplit('@').next().unwrap_or(host);
    if path.len() > 1 {
        format!("{host}/{TAKEN_OUT}")
    } else {
        format!("{host}{path}")
    }
}

/// What a data directory tells, whether its host runs or not: names and bytes, not yet clean.
#[must_use]
pub fn files(dir: &Path, config: &Config) -> Vec<(String, Vec<u8>)> {
    let mut members = vec![("versions.txt".to_owned(), versions().into_bytes())];
    let logs = Config::resolve(dir, &config.log.dir);
    let log = logs.join(crate::telemetry::LOG_FILE);
    let board = dir.join(crate::machine::BOARD_DIR);
    let network = Config::resolve(dir, &config.network);
    let named = [
        ("config.toml", dir.join(CONFIG_FILE)),
        ("network.toml", network),
        ("scrub.json", dir.join(crate::scrub::PASS_FILE)),
        ("mode.json", dir.join("mode.json")),
        ("audit.jsonl", dir.join(crate::api::audit::AUDIT_FILE)),
        ("log.jsonl", log),
        ("blackbox.txt", board.join("blackbox")),
    ];
    for (name, path) in named {
        if let Some(bytes) = tail(&path) {
            members.push((name.to_owned(), bytes));
        }
    }
    members
}

/// The program, the kernel, the machine.
fn versions() -> String {
    let machine = board_watch::machine::Machine::read();
    format!(
        "holdfast {}\nkernel {}\nsystem {}\ncores {}\nmemory {}\nswap {}\n",
        env!("CARGO_PKG_VERSION"),
        machine.kernel.as_deref().unwrap_or("unknown"),
        machine.system.as_deref().unwrap_or("unknown"),
        machine.cores,
        machine.memory,
        machine.swap
    )
}

fn tail(path: &Path) -> Option<Vec<u8>> {
    let mut file = std::fs::File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    let cut = len > TAIL;
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    if cut && let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        // A secret cut in half would not be known: the half line goes.
        bytes.drain(..=end);
    }
    Some(bytes)
}

/// Writes members, each clean, as a tar.
#[must_use]
pub fn bundle(redactor: &Redactor, members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, bytes) in members {
        let clean = redactor.clean(bytes);
        tar.extend_from_slice(&header(name, clean.len()));
        tar.extend_from_slice(&clean);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

/// A header of the ustar form: a file of mode 0600 without owner and time.
fn header(name: &str, len: usize) -> [u8; BLOCK] {
    let mut block = [0u8; BLOCK];
    let mut put = |at: usize, text: &str| {
        let to = block.iter_mut().skip(at);
        to.zip(text.bytes()).for_each(|(to, from)| *to = from);
    };
    let short: String = name.chars().take(99).collect();
    put(0, &short);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{len:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    let to = block.iter_mut().skip(148);
    to.zip(sum.bytes()).for_each(|(to, from)| *to = from);
    block
}

#[cfg(test)]
mod tests;
