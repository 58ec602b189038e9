//! Reading the daemon's log back: JSON lines of the current file and of those rotated away, oldest
//! first, as parsed entries.
//!
//! Enters: the directory `telemetry` writes to and what to leave out. Leaves: entries one by one;
//! the order is that of writing, so two threads' lines may differ from their times by microseconds.
//! Invariants: memory is bounded by one line of at most 64 KiB; a rotation while reading loses and
//! doubles nothing, because the open file is followed by its inode, never by its name; a line that
//! is no entry is counted, never fatal. A line without its end is not read before the end comes.
//! What this file does not do: sleep (who follows decides how to wait) or write for people
//! (`print`).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use humantime_serde::re::humantime;

mod entry;
mod files;
mod print;

pub use entry::{Entry, Level};
pub use print::{Form, Summary, print};

use files::Aged;

/// Bytes of the longest line that is read; a longer one is skipped and counted.
pub const LINE_LEN_MAX: usize = 64 * 1024;
/// Looks at a directory that is being rotated, before the reader waits for the next call.
const LOOKS_MAX: usize = 8;

/// What to leave out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Entries before this moment are left out; files that end before it are not opened.
    pub since: Option<SystemTime>,
    /// Entries less severe than this are left out.
    pub level: Option<Level>,
}

/// Reads `--since`: a span before `now` (`90s`, `2h 30m`) or a moment in UTC
/// (`2026-01-31 12:00:00`, RFC 3339). Errors when it is neither, or before 1970.
pub fn parse_since(text: &str, now: SystemTime) -> anyhow::Result<SystemTime> {
    if let Ok(span) = humantime::parse_duration(text) {
        return now
            .checked_sub(span)
            .with_context(|| format!("`{text}` is too long ago"));
    }
    humantime::parse_rfc3339_weak(text)
        .with_context(|| format!("`{text}` is neither a span (90s, 2h) nor a UTC date and time"))
}

/// Starts reading the log in `dir`. Errors when there is no such directory; a directory without a
/// log reads as an empty one.
pub fn read(dir: &Path, options: Options) -> anyhow::Result<Reader> {
    if !dir.is_dir() {
        bail!(
            "{} holds no log: the daemon has not run with this directory",
            dir.display()
        );
    }
    Ok(Reader {
        dir: dir.to_owned(),
        options,
        open: None,
        line: Vec::new(),
        overlong: false,
        rotated: false,
        skipped: 0,
    })
}

/// Where reading stands.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    options: Options,
    open: Option<Open>,
    /// The line being read; kept while its end has not been written yet.
    line: Vec<u8>,
    overlong: bool,
    /// Whether the open file was seen rotated away, so that its next end is its last.
    rotated: bool,
    skipped: u64,
}

#[derive(Debug)]
struct Open {
    bytes: BufReader<File>,
    inode: (u64, u64),
}

/// What stands at the reader's place.
enum Step {
    Line,
    Overlong,
    End,
}

impl Reader {
    /// The next entry, or `None` when all that is written so far has been read; a later call goes
    /// on with what was written since. Errors when a file cannot be read.
    pub fn next_entry(&mut self) -> anyhow::Result<Option<Entry>> {
        loop {
            if self.open.is_none() && !self.open_oldest()? {
                return Ok(None);
            }
            match self.step()? {
                Step::Line => {
                    let line = std::mem::take(&mut self.line);
                    let entry = self.parse(&line);
                    if entry
                        .as_ref()
                        .is_some_and(|entry| self.options.wants(entry))
                    {
                        return Ok(entry);
                    }
                }
                Step::Overlong => self.skipped += 1,
                Step::End if self.advance()? => {}
                Step::End => return Ok(None),
            }
        }
    }

    /// Lines that were no entries so far.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether the last line has no end: it is being written, or the daemon died in it.
    #[must_use]
    pub const fn is_torn(&self) -> bool {
        !self.line.is_empty() || self.overlong
    }

    /// Reads a line. A daemon that died in a line leaves a torn one that the next daemon writes
    /// on, so what follows the last begin of an entry is tried too.
    fn parse(&mut self, line: &[u8]) -> Option<Entry> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        if let Some(entry) = Entry::parse(line) {
            return Some(entry);
        }
        self.skipped += 1;
        let begin = line
            .windows(entry::BEGIN.len())
            .rposition(|part| part == entry::BEGIN)?;
        Entry::parse(line.get(begin..)?)
    }

    fn step(&mut self) -> anyhow::Result<Step> {
        let Some(open) = &mut self.open else {
            return Ok(Step::End);
        };
        loop {
            let ready = open
                .bytes
                .fill_buf()
                .with_context(|| format!("reading the log in {}", self.dir.display()))?;
            if ready.is_empty() {
                return Ok(Step::End);
            }
            let end = ready.iter().position(|byte| *byte == b'\n');
            let part = ready.get(..end.unwrap_or(ready.len())).unwrap_or_default();
            self.overlong |= self.line.len() + part.len() > LINE_LEN_MAX;
            if self.overlong {
                self.line.clear();
            } else {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            open.bytes.consume(used);
            if end.is_some() {
                let overlong = std::mem::take(&mut self.overlong);
                return Ok(if overlong { Step::Overlong } else { Step::Line });
            }
        }
    }

    /// Opens the oldest file that may hold an entry worth reading.
    fn open_oldest(&mut self) -> anyhow::Result<bool> {
        for _ in 0..LOOKS_MAX {
            let aged = files::list(&self.dir)?;
            let since = self.options.since;
            let first = aged
                .iter()
                .find(|file| file.age == 0 || since.is_none_or(|since| file.written >= since));
            let Some(first) = first else {
                return Ok(false);
            };
            if self.open_file(first)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Opens `file`; false when the name stands for another one by now.
    fn open_file(&mut self, file: &Aged) -> anyhow::Result<bool> {
        let Some((bytes, inode)) = files::open(&file.path)? else {
            return Ok(false);
        };
        if inode != file.inode {
            return Ok(false);
        }
        self.open = Some(Open {
            bytes: BufReader::new(bytes),
            inode,
        });
        Ok(true)
    }

    /// At the end of the open file: true when there is more to read, in it or in a younger one.
    fn advance(&mut self) -> anyhow::Result<bool> {
        let Some(mine) = self.open.as_ref().map(|open| open.inode) else {
            return Ok(false);
        };
        for _ in 0..LOOKS_MAX {
            let aged = files::list(&self.dir)?;
            let place = aged.iter().position(|file| file.inode == mine);
            // Removed while it was read: the oldest that is left comes next.
            let Some(next) = place.map_or(aged.first(), |place| aged.get(place + 1)) else {
                return Ok(false);
            };
            if !self.rotated {
                // Lines may have come between the end seen and the rotation: read them first.
                self.rotated = true;
                return Ok(true);
            }
            if self.open_file(next)? {
                self.rotated = false;
                self.skipped += u64::from(self.is_torn());
                self.line.clear();
                self.overlong = false;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Options {
    fn wants(&self, entry: &Entry) -> bool {
        self.since.is_none_or(|since| entry.time >= since)
            && self.level.is_none_or(|level| entry.level <= level)
    }
}

#[cfg(test)]
mod tests;
