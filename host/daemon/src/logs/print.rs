//! Entries for people and for programs.
//!
//! Enters: a reader and where to write. Leaves: a line an entry. What peers wrote into a field can
//! not command the terminal: control characters are escaped.

use std::fmt::Write as _;
use std::io::Write;

use humantime_serde::re::humantime;
use serde_json::Value;

use super::{Entry, Reader};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Time, level, phrase, fields.
    Human,
    /// The line as it stands in the file.
    Json,
}

/// What was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Entries written out.
    pub printed: u64,
    /// Lines that were no entries.
    pub skipped: u64,
    /// Whether the log ends in a line without its end.
    pub torn: bool,
}

/// Writes every entry to `out`. When all is written, `wait` is asked: true means that some time
/// has passed and the log is looked at again (to follow it), false ends the run. The output is
/// flushed before `wait`, so that a follower's reader sees what there is.
/// Errors when the log cannot be read or `out` is closed.
pub fn print(
    reader: &mut Reader,
    form: Form,
    out: &mut dyn Write,
    mut wait: impl FnMut() -> bool,
) -> anyhow::Result<Summary> {
    let mut printed = 0;
    loop {
        while let Some(entry) = reader.next_entry()? {
            match form {
                Form::Human => writeln!(out, "{}", human(&entry))?,
                Form::Json => writeln!(out, "{}", entry.line)?,
            }
            printed += 1;
        }
        out.flush()?;
        if !wait() {
            return Ok(Summary {
                printed,
                skipped: reader.skipped(),
                torn: reader.is_torn(),
            });
        }
    }
}

fn human(entry: &Entry) -> String {
    let mut line = format!(
        "{} {:5} {}",
        humantime::format_rfc3339_millis(entry.time),
        entry.level,
        escape(&entry.phrase)
    );
    for (key, value) in &entry.fields {
        // Writing to a String does not fail.
        let _ = write!(line, " {}={}", escape(key), shown(value));
    }
    line
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => return escape(&other.to_string()),
    };
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || c == '"' || c == '=');
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("\"{}\"", escape(&text).replace('"', "\\\""))
}

/// The text with control characters, and those that turn the direction of writing, written out.
fn escape(text: &str) -> String {
    const TURNS: [char; 12] = [
        '\u{061c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
        '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
    ];
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || TURNS.contains(&c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}
