//! One put as it is remembered: what was ordered, how many bytes are on the drive, how storing
//! went. A file of JSON each, replaced whole.
//!
//! Invariants: `received` counts bytes that were flushed before it was written; a row that says
//! `whole` or names an object has its hosts' receipts in the renter's journal.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use host_core::agreement::PayMode;
use host_core::{Amount, ObjectId};
use host_renter::PutRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault::{Fault, Trouble};

/// Longest name of an object, in bytes: what a file's name may have.
const NAME_LEN: usize = 255;
/// Longest body of one put.
pub(super) const LENGTH_MAX: u64 = 4 << 40;
/// Longest term.
pub(super) const DAYS_MAX: u64 = 3650;
/// An unfinished put is forgotten after so long without a byte.
pub(super) const UNFINISHED_MS: u64 = 2 * 86_400_000;
/// A stored one is remembered so long.
pub(super) const STORED_MS: u64 = 7 * 86_400_000;
/// Between two tries to place the shards that wait of an object that can be read.
pub(super) const AGAIN_MS: u64 = 10 * 60_000;

/// What is to be stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The object's name.
    pub(super) name: String,
    /// Bytes of the body.
    pub(super) length: u64,
    /// Term.
    #[serde(default = "days")]
    pub(super) days: u64,
    /// Data shards a segment.
    #[serde(default = "data")]
    pub(super) data: u16,
    /// Parity shards a segment.
    #[serde(default = "parity")]
    pub(super) parity: u16,
    /// Highest price, smallest units per GiB and epoch.
    #[serde(default)]
    pub(super) price_max: Option<Amount>,
    /// What the whole term may cost, smallest units.
    #[serde(default)]
    pub(super) cap: Option<Amount>,
    /// The stored object may not be deleted for so many days.
    #[serde(default)]
    pub(super) retain_days: Option<u64>,
    /// What the body's SHA-256 must be, in hex.
    #[serde(default)]
    pub(super) sha256: Option<String>,
}

const fn days() -> u64 {
    30
}

const fn data() -> u16 {
    10
}

const fn parity() -> u16 {
    20
}

/// Errors: request-wrong for what no term and no code is.
pub(super) fn check_shape(length: u64, days: u64, data: u16, parity: u16) -> Result<(), Fault> {
    if !(1..=LENGTH_MAX).contains(&length) {
        let words = format!("a body has 1 to {LENGTH_MAX} bytes, not {length}");
        return Err(Fault::odd(words));
    }
    check_days(days)?;
    host_renter::put_geometry(data, parity, length)?;
    Ok(())
}

/// Errors: request-wrong.
pub(super) fn check_days(days: u64) -> Result<(), Fault> {
    match (1..=DAYS_MAX).contains(&days) {
        true => Ok(()),
        false => Err(Fault::odd(format!("days are 1 to {DAYS_MAX}, not {days}"))),
    }
}

impl Order {
    /// Errors: request-wrong with what does not hold.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let plain = |name: &str| !name.contains('/') && !name.chars().any(char::is_control);
        if !(1..=NAME_LEN).contains(&self.name.len())
            || [".", ".."].contains(&self.name.as_str())
            || !plain(&self.name)
        {
            let words = format!("a name has 1 to {NAME_LEN} bytes, no `/` and no control");
            return Err(Fault::odd(words));
        }
        check_shape(self.length, self.days, self.data, self.parity)?;
        if let Some(days) = self.retain_days {
            check_days(days)?;
        }
        let hex = |text: &String| hex::decode(text).is_ok_and(|bytes| bytes.len() == 32);
        match self.sha256.as_ref().is_none_or(hex) {
            true => Ok(()),
            false => Err(Fault::odd("a SHA-256 is 64 hex digits")),
        }
    }

    /// The same for the renter, of the body in a file.
    pub(super) fn request(&self, path: &Path) -> PutRequest {
        PutRequest {
            path: path.to_path_buf(),
            data: self.data,
            parity: self.parity,
            days: self.days,
            public: false,
            price_max: self.price_max,
            pay: PayMode::Cheque,
        }
    }
}

/// A put.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Row {
    /// What was ordered.
    pub(super) order: Order,
    /// When, milliseconds since 1970.
    pub(super) begun_ms: u64,
    /// When something of it changed last.
    pub(super) changed_ms: u64,
    /// Bytes on the drive.
    pub(super) received: u64,
    /// Digest of the whole body, in hex.
    pub(super) sha256: Option<String>,
    /// Whether it is to be stored.
    pub(super) storing: bool,
    /// The renter's session of it.
    pub(super) session: Option<String>,
    /// The object, once it can be read.
    pub(super) object: Option<ObjectId>,
    /// Whether every shard has its host.
    pub(super) whole: bool,
    /// What stopped storing.
    pub(super) trouble: Option<Trouble>,
}

/// What the passing of time asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Forget it, and what it holds.
    Forget,
    /// Go on with storing.
    Store,
}

impl Row {
    /// A new one.
    pub(super) fn new(order: Order, now_ms: u64) -> Self {
        Self {
            order,
            begun_ms: now_ms,
            changed_ms: now_ms,
            received: 0,
            sha256: None,
            storing: false,
            session: None,
            object: None,
            whole: false,
            trouble: None,
        }
    }

    /// The one word of where it stands.
    pub(super) fn state(&self) -> &'static str {
        match (self.whole, &self.trouble, self.storing) {
            (true, ..) => "stored",
            (_, Some(_), _) => "failed",
            (_, None, true) => "storing",
            _ => "receiving",
        }
    }

    /// What is due at a time, of a put that nobody works on.
    pub(super) fn due(&self, now_ms: u64) -> Due {
        let since = now_ms.saturating_sub(self.changed_ms);
        match (self.whole, self.object.is_some()) {
            (true, _) if since >= STORED_MS => Due::Forget,
            (false, true) if since >= AGAIN_MS => Due::Store,
            (false, false) if since >= UNFINISHED_MS => Due::Forget,
            (false, false) if self.storing && self.trouble.is_none() => Due::Store,
            _ => Due::Nothing,
        }
    }

    /// As it is told.
    pub(super) fn to_json(&self, id: &str) -> Value {
        let order = &self.order;
        let at = if self.whole { STORED_MS } else { UNFINISHED_MS };
        json!({
            "session": id, "state": self.state(), "name": order.name, "length": order.length,
            "received": self.received, "sha256": self.sha256, "object": self.object,
            "readable": self.object.is_some(), "days": order.days, "data": order.data,
            "parity": order.parity, "begun_ms": self.begun_ms, "changed_ms": self.changed_ms,
            "forgotten_ms": self.changed_ms.saturating_add(at), "error": self.trouble,
        })
    }

    /// Reads one. Errors with what is wrong.
    pub(super) fn read(path: &Path) -> std::io::Result<Self> {
        let bytes = std::fs::read(path)?;
        serde_json::from_slice(&bytes).map_err(std::io::Error::other)
    }

    /// Writes it in the place of what was there. Durable when it returns.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self).map_err(std::io::Error::other)?)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        match path.parent() {
            Some(dir) => File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
