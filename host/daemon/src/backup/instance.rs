//! Which copy of a host this directory is, and whether it may serve.
//!
//! A key can be copied, so peer id and address do not tell two copies apart; the instance does.
//! `instance.json` holds a random id that never travels in a backup, a generation that every
//! restore raises, and where the directory stood. Enters: that file, and what hubs last heard of
//! this peer. Leaves: a verdict. Invariants: a directory that was copied or restored serves only
//! after a claim that witnesses could have contradicted; a copy that sees a later generation never
//! serves again. What this file does not do: ask the hubs, wait, or stop the daemon.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use host_core::limits::{ANNOUNCE_EVERY, ANNOUNCE_TTL};
use host_core::seams::Entropy;
use ring::digest;
use serde::{Deserialize, Serialize};

use super::{Head, beside, sync_folder, write_file};

/// Name of the file in a data directory.
pub const FILE: &str = "instance.json";
/// How long a claim stands announced before it counts: every running copy has announced once more
/// and its hub has had time to answer.
pub const CLAIM_WAIT: Duration = ANNOUNCE_EVERY.saturating_mul(2);
/// Backups a directory remembers.
const BACKUPS_MAX: usize = 16;

const _: () = assert!(CLAIM_WAIT.as_secs() < ANNOUNCE_TTL.as_secs());

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random number that names an instance or a backup; prints as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark(pub [u8; 16]);

impl Mark {
    /// Draws a mark.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.to_string()
    }
}

impl FromStr for Mark {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(number) if digits => Ok(Self(number.to_be_bytes())),
            _ => bail!("a mark is 32 hex digits"),
        }
    }
}

impl TryFrom<String> for Mark {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        text.parse()
    }
}

/// What names this machine, for example its machine id; empty when nothing does. Only a hash of
/// it is written down.
#[derive(Debug, Clone, Default)]
pub struct Machine(pub Vec<u8>);

/// Where a directory stands; a copy stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    machine: String,
    inode: u64,
}

impl Place {
    /// Where `dir` stands on `machine`.
    fn of(dir: &Path, machine: &Machine) -> anyhow::Result<Self> {
        let facts = std::fs::metadata(dir).with_context(|| dir.display().to_string())?;
        let named = [b"holdfast.place.1".as_slice(), &machine.0].concat();
        let hash = digest::digest(&digest::SHA256, &named);
        let short = hash.as_ref().get(..16).unwrap_or_default();
        Ok(Self {
            machine: hex(short),
            inode: facts.ino(),
        })
    }
}

/// Whether this copy holds the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Restored or copied: must claim first.
    Restored,
    /// Holds the identity.
    Claimed,
    /// Another copy of a later generation holds it; this one never serves again.
    Superseded,
}

/// Where a restored copy comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The backup; absent when the directory itself was copied.
    pub backup: Option<Mark>,
    /// The instance before.
    pub instance: Mark,
}

/// A backup that was taken of this copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// The backup's mark.
    pub backup: Mark,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// The content of `instance.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// The name of this copy.
    pub instance: Mark,
    /// How many restores and copies lie between it and the first one.
    pub generation: u64,
    /// Whether it holds the identity.
    pub state: State,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// Where it comes from, unless it is the first.
    pub restored_from: Option<Origin>,
    /// Where the directory stands.
    pub place: Place,
    /// The newest backups of it, oldest first.
    pub backups: Vec<Noted>,
}

/// What a hub last heard of this peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Which copy announced itself.
    pub instance: Mark,
    /// Its generation.
    pub generation: u64,
    /// How long ago the hub took the announcement, by the hub's own clock.
    pub age: Duration,
    /// Whether it said with it that it stops; then it is not alive, however young the word is.
    pub leaving: bool,
}

impl Sighting {
    fn is_alive(&self) -> bool {
        !self.leaving && self.age < ANNOUNCE_TTL
    }
}

/// What a copy does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Serve.
    Serve,
    /// Announce the claim, wait `CLAIM_WAIT`, ask again, then `confirm`.
    Claim,
    /// Do not serve, or stop serving.
    Refuse(Refusal),
}

/// Why a copy may not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another copy is alive.
    #[error(
        "another copy of this host ({instance}) announced itself {age_s} s ago; stop it and wait \
         until it is silent for {ttl_s} s",
        ttl_s = ANNOUNCE_TTL.as_secs()
    )]
    Alive {
        /// The other copy.
        instance: Mark,
        /// Seconds since it was heard.
        age_s: u64,
    },
    /// A copy made later holds the identity.
    #[error(
        "copy {instance} of generation {generation} took over this host's identity; this one is \
         retired"
    )]
    Superseded {
        /// The other copy.
        instance: Mark,
        /// Its generation.
        generation: u64,
    },
    /// Nobody can tell whether another copy is alive.
    #[error(
        "this host was restored or copied and no hub answers to say whether the other copy is \
         alive; when it is gone for good, start once with --claim"
    )]
    Unwitnessed,
}

impl Instance {
    /// The first copy of a new host.
    pub fn first(
        dir: &Path,
        machine: &Machine,
        entropy: &dyn Entropy,
        now_ms: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            instance: Mark::draw(entropy),
            generation: 0,
            state: State::Claimed,
            created_at_ms: now_ms,
            restored_from: None,
            place: Place::of(dir, machine)?,
            backups: Vec::new(),
        })
    }

    /// The copy a backup becomes in `dir`.
    pub(super) fn restored(
        head: &Head,
        dir: &Path,
        machine: &Machine,
        entropy: &dyn Entropy,
        now_ms: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            generation: head.generation.saturating_add(1),
            state: State::Restored,
            restored_from: Some(Origin {
                backup: Some(head.backup),
                instance: head.instance,
            }),
            ..Self::first(dir, machine, entropy, now_ms)?
        })
    }

    /// Reads the file of `dir`; `None` when there is none. Errors when it is damaged.
    pub fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("{} is damaged", path.display())),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(err) => Err(err).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes the file of `dir`. Durability: flushed, then renamed over the old one.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let path = dir.join(FILE);
        let partial = beside(&path, "partial")?;
        let _ = std::fs::remove_file(&partial);
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        write_file(&partial, &text, 0o600)?;
        std::fs::rename(&partial, &path).with_context(|| format!("naming {}", path.display()))?;
        sync_folder(dir)
    }

    /// Reads the file at a start, under the directory's lock. A directory that stands elsewhere
    /// than its file says was copied: it becomes another copy, which is written before it is
    /// returned. Errors when there is no file (a host of an older format calls `first`).
    pub fn at_start(
        dir: &Path,
        machine: &Machine,
        entropy: &dyn Entropy,
        now_ms: u64,
    ) -> anyhow::Result<Self> {
        let known = Self::read(dir)?.with_context(|| format!("{} has no {FILE}", dir.display()))?;
        if known.place == Place::of(dir, machine)? || known.state == State::Superseded {
            return Ok(known);
        }
        let copied = Self {
            generation: known.generation.saturating_add(1),
            state: State::Restored,
            restored_from: Some(Origin {
                backup: None,
                instance: known.instance,
            }),
            ..Self::first(dir, machine, entropy, now_ms)?
        };
        copied.write(dir)?;
        Ok(copied)
    }

    /// Notes a backup; the oldest note goes when there are too many.
    pub(super) fn note_backup(&mut self, backup: Mark, at_ms: u64) {
        self.backups.push(Noted { backup, at_ms });
        let extra = self.backups.len().saturating_sub(BACKUPS_MAX);
        self.backups.drain(..extra);
    }

    /// Whether this copy may serve, given what hubs last heard of this peer and how many of them
    /// answered. The same rule holds at the start, after a claim and at each announcement.
    #[must_use]
    pub fn judge(&self, seen: &[Sighting], answered: usize) -> Verdict {
        let others = || seen.iter().filter(|other| other.instance != self.instance);
        if let Some(later) = others().find(|other| other.generation > self.generation) {
            let Sighting {
                instance,
                generation,
                ..
            } = *later;
            return Verdict::Refuse(Refusal::Superseded {
                instance,
                generation,
            });
        }
        let claimed = self.state == State::Claimed;
        // An older copy that is still heard stops by itself; a claim waits until it has.
        let counts = |other: &&Sighting| !claimed || other.generation == self.generation;
        if let Some(alive) = others().filter(counts).find(|other| other.is_alive()) {
            let (instance, age_s) = (alive.instance, alive.age.as_secs());
            return Verdict::Refuse(Refusal::Alive { instance, age_s });
        }
        match self.state {
            State::Claimed => Verdict::Serve,
            State::Superseded => Verdict::Refuse(Refusal::Superseded {
                instance: self.instance,
                generation: self.generation,
            }),
            State::Restored if answered == 0 => Verdict::Refuse(Refusal::Unwitnessed),
            State::Restored => Verdict::Claim,
        }
    }

    /// After `CLAIM_WAIT`: turns the claim into a fact when nobody contradicted it. `forced` is the
    /// operator's word that every other copy is gone; it stands in for missing witnesses, never
    /// against one that speaks. Returns what `judge` says then; the caller writes the file.
    pub fn confirm(&mut self, seen: &[Sighting], answered: usize, forced: bool) -> Verdict {
        let witnesses = if forced { answered.max(1) } else { answered };
        match self.judge(seen, witnesses) {
            Verdict::Claim | Verdict::Serve => {
                self.state = State::Claimed;
                Verdict::Serve
            }
            refused => {
                self.retire(refused);
                refused
            }
        }
    }

    /// Remembers that a later copy took over, so that this one refuses without asking anybody.
    /// Returns whether the file must be written.
    pub fn retire(&mut self, verdict: Verdict) -> bool {
        let superseded = matches!(verdict, Verdict::Refuse(Refusal::Superseded { .. }));
        let changes = superseded && self.state != State::Superseded;
        if changes {
            self.state = State::Superseded;
        }
        changes
    }
}

#[cfg(test)]
mod tests;
