//! The log of actions: what was asked of a renter's home and its gateway, and how it ended
//! (docs/formats/actions.md). Lines of text; each is a hash and the entry it is of, each entry
//! names the hash before it, so that nothing is changed, taken out or put between without a check
//! seeing where.
//!
//! Entries enter from several processes, one at a time under the file's lock; they leave as they
//! stand. Invariants: what `write` answered for is flushed; bytes are only ever added; what a
//! power cut tore stays where it is, and the next entry says where and how much it is. What this
//! does not do: hide a change from whoever may write the whole file anew. A signed head that
//! somebody else keeps shows that.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Error, file};
use tape::{FileTape, Tape};

mod tape;

/// Parts the hash of an entry from every other.
const LABEL: &[u8] = b"holdfast.log.1";
/// Longest line with its end.
const LINE_LEN: usize = 64 << 10;
/// Hex digits of a hash.
const HASH_LEN: usize = 64;
/// What the first entry names as the hash before it.
const NONE_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What ends torn bytes.
const TORN_END: &[u8] = b"#\n";
/// The action of an entry that accounts for torn bytes.
const REPAIR: &str = "repair";

/// What an entry says of its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It is about to be done.
    Asked,
    /// It was done.
    Done,
    /// It was refused or broke.
    Failed,
}

/// What somebody writes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What: `publish`, `delete`, `make-key`.
    pub action: String,
    /// How far it is.
    pub turn: Turn,
    /// The number of the entry that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Through whom: `command`, `gateway`, `s3 ACCESS-KEY`.
    pub by: String,
    /// To what.
    pub subject: String,
    /// What else belongs to it; never a secret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 1, 2, 3.
    pub number: u64,
    /// The hash of the entry before it, in hex.
    pub before: String,
    /// When, milliseconds since 1970, as the machine believed.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: Action,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's number, 0 of an empty log.
    pub number: u64,
    /// Its hash, in hex.
    pub hash: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Where the chain ends.
    pub head: Head,
    /// Runs of torn bytes that the entry after them accounts for.
    pub repaired: u64,
    /// Bytes after the last entry that are no entry. A power cut leaves such; so does whoever
    /// damages the last one.
    pub torn: u64,
    /// What does not hold, if something does not; the head is the last entry before it.
    pub broken: Option<Broken>,
}

/// The first entry that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Which entry it is, or would be.
    pub number: u64,
    /// Where its line begins, in bytes.
    pub at: u64,
    /// What is wrong.
    pub why: String,
}

/// A log in a file; every call opens it anew.
#[derive(Debug, Clone)]
pub struct ActionLog {
    path: PathBuf,
}

fn hash_of(text: &[u8]) -> String {
    hex::encode(
        Sha256::new()
            .chain_update(LABEL)
            .chain_update(text)
            .finalize(),
    )
}

fn line_of(entry: &Entry) -> Result<(Vec<u8>, String), Error> {
    let text = serde_json::to_vec(entry).map_err(|err| Error::Unreadable {
        what: "a log entry",
        why: err.to_string(),
    })?;
    let hash = hash_of(&text);
    let line = [hash.as_bytes(), b" ", &text, b"\n"].concat();
    match line.len() <= LINE_LEN {
        true => Ok((line, hash)),
        false => Err(Error::LongEntry {
            len: line.len(),
            most: LINE_LEN,
        }),
    }
}

/// A line as the entry it holds; none when it is not one, whole and with its own hash.
fn entry_of(line: &[u8]) -> Option<(Entry, String)> {
    let line = line.strip_suffix(b"\n")?;
    let (hash, text) = line.split_at_checked(HASH_LEN)?;
    let text = text.strip_prefix(b" ")?;
    let own = hash_of(text);
    if own.as_bytes() != hash {
        return None;
    }
    Some((serde_json::from_slice(text).ok()?, own))
}

/// The last sound entry of a run of lines, and how many bytes lie behind it.
fn last_of(run: &[u8]) -> Option<(Head, usize)> {
    let mut end = run.len();
    while let Some(at) = run.get(..end)?.iter().rposition(|byte| *byte == b'\n') {
        let lines = run.get(..at)?;
        let begin = lines.iter().rposition(|byte| *byte == b'\n');
        let begin = begin.map_or(0, |newline| newline + 1);
        if let Some((entry, hash)) = entry_of(run.get(begin..=at)?) {
            let number = entry.number;
            return Some((Head { number, hash }, run.len() - at - 1));
        }
        end = at;
    }
    None
}

/// Where a log ends and the bytes behind its last entry. Costs a read of the end alone, however
/// long the log is, unless more than a line's length was torn.
fn end_of(tape: &mut dyn Tape) -> std::io::Result<(Head, Vec<u8>)> {
    let len = tape.size()?;
    let mut window = (2 * LINE_LEN) as u64;
    loop {
        let from = len.saturating_sub(window);
        let run = tape.read_from(from)?;
        match last_of(&run) {
            Some((head, behind)) => {
                let torn = run.get(run.len() - behind..).unwrap_or_default().to_vec();
                return Ok((head, torn));
            }
            None if from == 0 => return Ok((Head::default(), run)),
            None => window = window.saturating_mul(4),
        }
    }
}

/// Adds entries behind what is there; returns their numbers. Durable when it returns. Each is
/// flushed before the next one is written: of two that wait together a drive may keep the second
/// alone, and the chain would have a hole.
fn add(tape: &mut dyn Tape, at_ms: u64, what: &[Action], path: &Path) -> Result<Vec<u64>, Error> {
    let (mut head, mut torn) = end_of(tape).map_err(file(path))?;
    if !torn.is_empty() {
        let at = tape.size().map_err(file(path))? - torn.len() as u64;
        let mut begin = Vec::new();
        if !torn.ends_with(b"\n") {
            // An end alone would make an entry of one that only its end was missing of.
            begin.extend_from_slice(TORN_END);
            torn.extend_from_slice(TORN_END);
        }
        let repair = repair(at, &torn);
        head = add_one(tape, &begin, head, at_ms, repair, path)?;
    }
    let mut numbers = Vec::new();
    for what in what {
        head = add_one(tape, &[], head, at_ms, what.clone(), path)?;
        numbers.push(head.number);
    }
    Ok(numbers)
}

fn add_one(
    tape: &mut dyn Tape,
    begin: &[u8],
    head: Head,
    at_ms: u64,
    what: Action,
    path: &Path,
) -> Result<Head, Error> {
    let number = head.number + 1;
    let before = head.hash;
    let (line, hash) = line_of(&Entry {
        number,
        before,
        at_ms,
        what,
    })?;
    tape.append(&[begin, &line].concat())
        .and_then(|()| tape.flush())
        .map_err(file(path))?;
    Ok(Head { number, hash })
}

fn repair(at: u64, torn: &[u8]) -> Action {
    Action {
        action: REPAIR.to_owned(),
        turn: Turn::Done,
        of: None,
        by: "log".to_owned(),
        subject: "bytes that are no entry".to_owned(),
        detail: json!({
            "at": at, "bytes": torn.len(), "sha256": hex::encode(Sha256::digest(torn)),
        }),
    }
}

impl Default for Head {
    /// Of an empty log.
    fn default() -> Self {
        Self {
            number: 0,
            hash: NONE_BEFORE.to_owned(),
        }
    }
}

/// Bytes between entries while a check reads over them.
struct Torn {
    at: u64,
    bytes: u64,
    hash: Sha256,
}

impl Torn {
    /// Whether an entry accounts for exactly these bytes.
    fn is_told_by(&self, entry: &Entry) -> bool {
        let told = entry.what.action == REPAIR;
        let sum = hex::encode(self.hash.clone().finalize());
        let detail = json!({ "at": self.at, "bytes": self.bytes, "sha256": sum });
        told && entry.what.detail == detail
    }
}

/// Why an entry does not follow another; none when it does.
fn misfit(head: &Head, entry: &Entry, torn: Option<Torn>) -> Option<&'static str> {
    if torn.is_some_and(|torn| !torn.is_told_by(entry)) {
        return Some("its bytes are not those its hash is of");
    }
    if entry.before != head.hash {
        return Some("it follows another entry than the one before it");
    }
    (entry.number != head.number + 1).then_some("its number does not follow")
}

/// Reads a log from its beginning; hands each entry with its hash on while it holds.
fn check(mut from: impl BufRead, mut each: impl FnMut(&Entry, &str)) -> std::io::Result<Checked> {
    let (mut head, mut repaired, mut at) = (Head::default(), 0, 0_u64);
    let mut torn: Option<Torn> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = from.by_ref().take(LINE_LEN as u64);
        let read = bounded.read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        let Some((entry, hash)) = entry_of(&line) else {
            let run = torn.get_or_insert_with(|| Torn {
                at,
                bytes: 0,
                hash: Sha256::new(),
            });
            run.bytes += read;
            run.hash.update(&line);
            at += read;
            continue;
        };
        let (begun, was_torn) = (torn.as_ref().map_or(at, |torn| torn.at), torn.is_some());
        if let Some(why) = misfit(&head, &entry, torn.take()) {
            let broken = Broken {
                number: head.number + 1,
                at: begun,
                why: why.to_owned(),
            };
            return Ok(Checked {
                head,
                repaired,
                torn: 0,
                broken: Some(broken),
            });
        }
        each(&entry, &hash);
        repaired += u64::from(was_torn);
        let number = entry.number;
        (head, at) = (Head { number, hash }, at + read);
    }
    Ok(Checked {
        head,
        repaired,
        torn: torn.map_or(0, |torn| torn.bytes),
        broken: None,
    })
}

impl ActionLog {
    /// The log in a file, which need not be there yet.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Bytes it has, 0 before anything was written. Errors: `File`.
    pub fn size(&self) -> Result<u64, Error> {
        match std::fs::metadata(&self.path) {
            Ok(about) => Ok(about.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(file(&self.path)(error)),
        }
    }

    /// Writes some actions down, in order; returns their entries' numbers. Durable when it
    /// returns. Errors: `File`, `LongEntry`.
    pub fn write(&self, at_ms: u64, what: &[Action]) -> Result<Vec<u64>, Error> {
        let mut tape = FileTape::open(&self.path).map_err(file(&self.path))?;
        add(&mut tape, at_ms, what, &self.path)
    }

    /// Reads the whole log and hands each entry on, with its hash. Errors: `File`.
    pub fn check(&self, each: impl FnMut(&Entry, &str)) -> Result<Checked, Error> {
        let from = std::fs::File::open(&self.path).map_err(file(&self.path))?;
        check(BufReader::new(from), each).map_err(file(&self.path))
    }
}

#[cfg(test)]
mod tests;
