//! Events: what an entry of the log of actions means to somebody outside (docs/formats/events.md).
//! The log is their store, so an event is as durable and as ordered as its entry, and its id is the
//! entry's hash.
//!
//! Enters: entries, in order. Leaves: events, a feed. What this does not do: deliver.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::log::{Entry, Turn};

/// 9999-12-31T23:59:59Z.
const LATEST: u64 = 253_402_300_799;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A release was stored: every shard has its host's receipt.
    Published,
    /// Every shard of a release was read at its host, and every named place serves its manifest.
    Propagated,
    /// A copy of a release was held to its manifest; `ok` says with what result.
    Verified,
    /// A channel points at another release.
    ChannelMoved,
    /// A restore was rehearsed; `ok` says with what result.
    DrillDone,
    /// An object's term ends soon.
    ExpiryNear,
    /// A mirror and its canonical copy were found to differ.
    DriftFound,
    /// An object's key was destroyed and its hosts were asked to let go.
    Deleted,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The hash of the entry it is of: the same at every delivery.
    pub id: String,
    /// The number of that entry; later events have higher ones.
    pub number: u64,
    /// What happened.
    pub kind: Kind,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// To what: `NAME VERSION`, `NAME CHANNEL`, an object.
    pub subject: String,
    /// What else belongs to it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
}

impl Kind {
    fn of(action: &str) -> Option<Self> {
        Some(match action {
            "publish" => Self::Published,
            "propagate" => Self::Propagated,
            "verify" => Self::Verified,
            "channel" => Self::ChannelMoved,
            "drill" => Self::DrillDone,
            "expiry" => Self::ExpiryNear,
            "drift" => Self::DriftFound,
            "delete" => Self::Deleted,
            _ => return None,
        })
    }

    /// The word it is written as.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Propagated => "propagated",
            Self::Verified => "verified",
            Self::ChannelMoved => "channel-moved",
            Self::DrillDone => "drill-done",
            Self::ExpiryNear => "expiry-near",
            Self::DriftFound => "drift-found",
            Self::Deleted => "deleted",
        }
    }
}

/// Makes events of entries, which it must be shown from the first on and in order.
#[derive(Debug, Default)]
pub struct Teller {
    /// What was asked for and has not ended, by number.
    asked: BTreeMap<u64, Entry>,
}

impl Teller {
    /// The event of an entry, if it is one: what was done, with what was said when it was asked
    /// for.
    pub fn tell(&mut self, entry: &Entry, hash: &str) -> Option<Event> {
        let kind = Kind::of(&entry.what.action)?;
        let asked = entry.what.of.and_then(|number| self.asked.remove(&number));
        match entry.what.turn {
            Turn::Asked => {
                self.asked.insert(entry.number, entry.clone());
                return None;
            }
            Turn::Failed => return None,
            Turn::Done => (),
        }
        let details = [
            asked.map(|asked| asked.what.detail),
            Some(entry.what.detail.clone()),
        ];
        let mut detail = Map::new();
        for said in details.into_iter().flatten() {
            if let Value::Object(said) = said {
                detail.extend(said);
            }
        }
        Some(Event {
            id: hash.to_owned(),
            number: entry.number,
            kind,
            at_ms: entry.at_ms,
            subject: entry.what.subject.clone(),
            detail,
        })
    }
}

/// The feed of a channel: an Atom document (RFC 4287) of its moves among `events`, the newest
/// first. `base` is where the reader finds the publication; entries link to
/// `BASE/VERSION/manifest.json`.
#[must_use]
pub fn atom(name: &str, channel: &str, base: Option<&str>, events: &[Event]) -> String {
    let subject = format!("{name} {channel}");
    let moves = events
        .iter()
        .filter(|event| event.kind == Kind::ChannelMoved && event.subject == subject);
    let mut moves: Vec<&Event> = moves.collect();
    moves.sort_by_key(|event| std::cmp::Reverse(event.number));
    let updated = moves.first().map_or(0, |event| event.at_ms);
    let mut feed = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>urn:holdfast:channel:{id}</id>\n<title>{title}</title>\n\
         <updated>{updated}</updated>\n<author><name>{author}</name></author>\n",
        id = word_of(&subject),
        title = text(&subject),
        updated = date(updated),
        author = text(name),
    );
    for event in moves {
        feed.push_str(&entry_of(name, channel, base, event));
    }
    feed + "</feed>\n"
}

fn entry_of(name: &str, channel: &str, base: Option<&str>, event: &Event) -> String {
    let said = |what: &str| match event.detail.get(what) {
        Some(Value::String(said)) => said.clone(),
        Some(said) => said.to_string(),
        None => String::new(),
    };
    let version = said("version");
    let link = base.map_or_else(String::new, |base| {
        let base = text(base.trim_end_matches('/'));
        let version = word_of(&version);
        format!("<link href=\"{base}/{version}/manifest.json\"/>\n")
    });
    format!(
        "<entry>\n<id>urn:sha256:{id}</id>\n<title>{name} {version}</title>\n\
         <updated>{at}</updated>\n{link}\
         <summary>{channel} stands at {version}, number {number}, manifest sha256 {manifest}\
         </summary>\n</entry>\n",
        id = event.id,
        name = text(name),
        channel = text(channel),
        version = text(&version),
        at = date(event.at_ms),
        number = text(&said("number")),
        manifest = text(&said("manifest")),
    )
}

/// Characters as XML takes them; what XML cannot say is left out.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for one in plain.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(one),
            _ if one < ' ' || matches!(one, '\u{fffe}' | '\u{ffff}') => (),
            _ => out.push(one),
        }
    }
    out
}

/// A word as a URI takes it.
fn word_of(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for byte in plain.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A moment as RFC 3339 writes it, in UTC; at the latest the last one that has four digits of year.
fn date(at_ms: u64) -> String {
    let seconds = (at_ms / 1000).min(LATEST);
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(moment).to_string()
}

#[cfg(test)]
mod tests;
