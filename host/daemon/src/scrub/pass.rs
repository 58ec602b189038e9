//! Where a scrub pass stands, and its file. Enters: shards looked at and the time of day. Leaves:
//! the same after a restart. Invariant: a clock that goes back makes a pass neither endless nor
//! due at once again; a file that does not read is a pass that never was.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use host_core::{ShardId, VolumeId};
use host_store::pace::PASS_WITHIN;
use serde::{Deserialize, Serialize};

use crate::config::layers;

/// Name of the file in the data directory.
pub const PASS_FILE: &str = "scrub.json";

/// A pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pass {
    /// When it began, seconds since 1970; 0 for never.
    pub begun: u64,
    /// When the last one ended.
    pub ended: u64,
    /// The last shard looked at, hex; empty at the beginning.
    after: String,
    /// Shards looked at.
    pub checked: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Volumes something bad was found on, hex.
    bad_on: BTreeSet<String>,
    /// What was bad.
    bad: u64,
    /// Whether somebody waits for it.
    pub hurried: bool,
}

impl Pass {
    /// The pass of a data directory.
    #[must_use]
    pub fn read(dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join(PASS_FILE)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes it down. Durable when it returns.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string(self)?;
        Ok(layers::write_atomic(&dir.join(PASS_FILE), &text)?)
    }

    /// Whether it has begun and not ended.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        self.begun > 0 && self.ended < self.begun
    }

    /// Whether the next one is to begin.
    #[must_use]
    pub const fn is_due(&self, now: u64) -> bool {
        let rest = PASS_WITHIN.as_secs() / 4 * 3;
        // A clock that went back waits for a whole rest, not until it is there again.
        self.begun == 0 || now.abs_diff(self.begun) >= rest
    }

    /// Begins a new one.
    pub fn begin(&mut self, now: u64, hurried: bool) {
        *self = Self {
            begun: now.max(self.ended.saturating_add(1)),
            ended: self.ended,
            hurried,
            ..Self::default()
        };
    }

    /// Ends it.
    pub fn end(&mut self, now: u64) {
        self.ended = now.max(self.begun);
        self.hurried = false;
    }

    /// Since it began.
    #[must_use]
    pub const fn elapsed(&self, now: u64) -> Duration {
        Duration::from_secs(now.saturating_sub(self.begun))
    }

    /// The last shard looked at.
    #[must_use]
    pub fn after(&self) -> Option<ShardId> {
        self.after.parse().ok()
    }

    /// A shard was looked at.
    pub fn checked(&mut self, shard: ShardId, bytes: u64) {
        self.passed_over(shard);
        self.checked += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// A shard was left out.
    pub fn passed_over(&mut self, shard: ShardId) {
        self.after = shard.to_string();
    }

    /// Something bad was found on a volume.
    pub fn bad(&mut self, volume: VolumeId) {
        self.bad += 1;
        self.bad_on.insert(volume.to_string());
    }

    /// How much was bad.
    #[must_use]
    pub const fn bad_count(&self) -> u64 {
        self.bad
    }

    /// Whether anything on a volume was.
    #[must_use]
    pub fn was_bad(&self, volume: &VolumeId) -> bool {
        self.bad_on.contains(&volume.to_string())
    }
}
