//! The guard of the chain: what the host relies on, kept across restarts, and the stop when it no
//! longer holds.
//!
//! Enters: readings of the contracts, at every look. Leaves: warnings and errors in the log (which
//! is what events and alerts are made of), a hold on new agreements, and an account of both.
//! Invariants: what stops is written down before it is told, and holds across restarts until
//! somebody acknowledges it, even when the chain goes back; a value that nobody listed counts as it
//! was first seen; agreements that run are served on, proven and paid. Does not: read the chain or
//! close the desk itself; `tasks` and `mode` do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use host_chain::{Assumption, Expected, Queued, Readings, judge};
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};
use utoipa::ToSchema;

use crate::config::layers;

/// Name of the guard's file in the data directory.
pub const GUARD_FILE: &str = "chain-guard.json";

/// One thing the chain says otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The name of the fact.
    pub what: String,
    /// What is expected.
    pub expected: String,
    /// What the chain said when it was last looked at.
    pub found: String,
    /// Block of the first look that found it.
    pub since_block: u64,
}

/// What is kept across restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// Values the operator has acknowledged.
    acknowledged: Expected,
    /// Values nobody listed, as they were first seen.
    first_seen: Expected,
    /// Queued changes that were told already: the fact, and what it would become.
    told: BTreeMap<String, String>,
    /// What stops new agreements.
    stopped: Vec<Difference>,
}

/// The guard.
#[derive(Debug)]
pub struct ChainGuard {
    path: PathBuf,
    listed: Expected,
    kept: Mutex<Kept>,
}

impl ChainGuard {
    /// Reads what an earlier run kept in `dir`. `listed` are the network file's values. Errors when
    /// the file does not read: removing it is the operator's decision.
    pub fn open(dir: &Path, listed: Expected) -> anyhow::Result<Self> {
        let path = dir.join(GUARD_FILE);
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!(
                    "{} does not read; compare the chain yourself before removing it",
                    path.display()
                )
            })?,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Kept::default(),
            Err(err) => return Err(err).with_context(|| format!("reading {}", path.display())),
        };
        Ok(Self {
            path,
            listed,
            kept: Mutex::new(kept),
        })
    }

    /// What stops new agreements now; empty when nothing does.
    #[must_use]
    pub fn stopped(&self) -> Vec<Difference> {
        self.kept().stopped.clone()
    }

    /// Judges one look, tells what is new, and returns whether new agreements may be taken.
    ///
    /// Errors when it cannot be written down; the difference is then told again at the next look,
    /// and until then the answer of before stands.
    pub fn look(&self, readings: &Readings) -> anyhow::Result<bool> {
        let mut kept = self.kept();
        let mut next = kept.clone();
        let judged = judge(readings, &self.expected(&kept));
        for one in judged.iter().filter(|one| one.expected.is_empty()) {
            next.first_seen.insert(one.what.clone(), one.found.clone());
        }
        let fresh = next.note(&judged, readings.block);
        let queued = next.note_queued(&readings.queued);
        if next != *kept {
            self.write(&next)?;
            *kept = next;
        }
        for one in &fresh {
            error!(
                name = one.what,
                expected = one.expected,
                found = one.found,
                "the chain is not what this host relies on; no new agreements until acknowledged"
            );
        }
        for one in &queued {
            warn!(
                name = one.key,
                next = one.next,
                block = one.ready_block,
                "the contracts' owner has queued a change"
            );
        }
        Ok(kept.stopped.is_empty())
    }

    /// Takes everything that stops as it was last found; returns what that was. New agreements may
    /// be taken again.
    ///
    /// Errors when it cannot be written down; nothing is acknowledged then.
    pub fn acknowledge(&self, caller: &str) -> anyhow::Result<Vec<Difference>> {
        let mut kept = self.kept();
        if kept.stopped.is_empty() {
            return Ok(Vec::new());
        }
        let mut next = kept.clone();
        let taken = std::mem::take(&mut next.stopped);
        for one in &taken {
            next.acknowledged
                .insert(one.what.clone(), one.found.clone());
        }
        self.write(&next)?;
        *kept = next;
        info!(
            caller,
            count = taken.len(),
            "differences of the chain acknowledged, taking new agreements again"
        );
        Ok(taken)
    }

    /// Judges readings without noting anything.
    #[must_use]
    pub fn judge(&self, readings: &Readings) -> Vec<Assumption> {
        judge(readings, &self.expected(&self.kept()))
    }

    /// The operator's word over the network file's over first sight.
    fn expected(&self, kept: &Kept) -> Expected {
        let mut expected = kept.first_seen.clone();
        expected.extend(self.listed.clone());
        expected.extend(kept.acknowledged.clone());
        expected
    }

    fn write(&self, kept: &Kept) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(kept)?;
        layers::write_atomic(&self.path, &text)?;
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Notes what does not hold; returns what was not known to differ, or differs anew.
    fn note(&mut self, judged: &[Assumption], block: u64) -> Vec<Difference> {
        let mut fresh = Vec::new();
        for one in judged.iter().filter(|one| !one.holds()) {
            let known = self.stopped.iter_mut().find(|known| known.what == one.what);
            match known {
                Some(known) if known.found == one.found => (),
                Some(known) => {
                    known.found.clone_from(&one.found);
                    fresh.push(known.clone());
                }
                None => {
                    let difference = Difference {
                        what: one.what.clone(),
                        expected: one.expected.clone(),
                        found: one.found.clone(),
                        since_block: block,
                    };
                    self.stopped.push(difference.clone());
                    fresh.push(difference);
                }
            }
        }
        fresh
    }

    /// Notes what is queued; returns what was not told yet.
    fn note_queued(&mut self, queued: &[Queued]) -> Vec<Queued> {
        let now: BTreeMap<String, String> = queued
            .iter()
            .map(|one| (one.key.clone(), one.next.clone()))
            .collect();
        let fresh = queued.iter();
        let fresh = fresh.filter(|one| self.told.get(&one.key) != Some(&one.next));
        let fresh = fresh.cloned().collect();
        self.told = now;
        fresh
    }
}

#[cfg(test)]
mod tests;
