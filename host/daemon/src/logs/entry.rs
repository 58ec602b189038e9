//! One line of the log as values: when, how severe, the phrase, the fields.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use humantime_serde::re::humantime;
use serde_json::{Map, Value};

/// How every entry begins, as the JSON layer writes it.
pub(super) const BEGIN: &[u8] = b"{\"timestamp\":";

/// How severe an entry is; the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A person must act.
    Error,
    /// Something is wrong and was coped with.
    Warn,
    /// Something changed.
    Info,
    /// A step of a session.
    Debug,
    /// A frame.
    Trace,
}

impl FromStr for Level {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let levels = [
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ];
        levels
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| anyhow::anyhow!("`{text}` is not error, warn, info, debug or trace"))
    }
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was written.
    pub time: SystemTime,
    /// How severe it is.
    pub level: Level,
    /// The constant phrase.
    pub phrase: String,
    /// The module that wrote it.
    pub target: String,
    /// The fields, those of the spans around it first, as `span.field`.
    pub fields: Vec<(String, Value)>,
    /// The line as it stands in the file, without its end.
    pub line: String,
}

impl Entry {
    /// Reads a line; `None` when it is not an entry of this log.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let mut values: Map<String, Value> = serde_json::from_str(line).ok()?;
        let time = humantime::parse_rfc3339(values.remove("timestamp")?.as_str()?).ok()?;
        let level = values.remove("level")?.as_str()?.parse().ok()?;
        let mut text = |key| match values.remove(key) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (phrase, target) = (text("message"), text("target"));
        // The innermost span stands in `spans` again.
        values.remove("span");
        let mut fields = match values.remove("spans") {
            Some(Value::Array(spans)) => spans.into_iter().flat_map(span_fields).collect(),
            _ => Vec::new(),
        };
        fields.extend(values);
        Some(Self {
            time,
            level,
            phrase,
            target,
            fields,
            line: line.to_owned(),
        })
    }
}

fn span_fields(span: Value) -> Vec<(String, Value)> {
    let Value::Object(mut values) = span else {
        return Vec::new();
    };
    let name = match values.remove("name") {
        Some(Value::String(name)) => name,
        _ => "span".to_owned(),
    };
    values
        .into_iter()
        .map(|(key, value)| (format!("{name}.{key}"), value))
        .collect()
}
