//! Days of heartbeats: what each host said in a day, and the signed root over all hosts that
//! stands for it. Told the time; touches the disk only to close a day.
//!
//! Enters: heartbeats that were taken. Leaves: a root a day and each host's way to it. Invariants:
//! one heartbeat a slot counts; a day's file is durable before its root is told, and a closed day
//! never changes, so that two roots of one day would show a lie. Does not: keep heartbeats
//! themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use host_core::identity::SecretKey;
use host_core::witness::{DayLeaf, DayProof, DayRoot, ScoreRules, SignedDayRoot, day_node};
use host_core::{Digest32, NetworkId, PeerId, codec};
use minicbor::{Decode, Encode};

use crate::error::Error;
use crate::hub::snapshot;

/// First bytes of a day's file.
const DAY_MAGIC: &[u8] = b"holdfast.day.1";
/// First bytes of the file of the day that runs.
const TODAY_MAGIC: &[u8] = b"holdfast.today.1";
/// Closed days whose summary is held.
const DAYS_MAX: usize = 400;

/// The days a status server keeps.
#[derive(Debug)]
pub struct Days {
    network: NetworkId,
    key: SecretKey,
    rules: ScoreRules,
    folder: PathBuf,
    day: u64,
    today: BTreeMap<PeerId, Row>,
    closed: BTreeMap<u64, Closed>,
}

/// One host's running day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Row {
    #[n(0)]
    slot: u64,
    #[n(1)]
    leaf: DayLeaf,
}

/// A closed day, as its file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Kept {
    #[n(0)]
    root: SignedDayRoot,
    #[n(1)]
    leaves: Vec<DayLeaf>,
}

/// What is told of a closed day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Its root.
    pub root: SignedDayRoot,
    /// Heartbeats of all hosts.
    pub beats: u64,
}

impl Days {
    /// Opens the days in `folder`, made when missing. Errors when a file is damaged or of another
    /// network.
    pub fn open(
        folder: PathBuf,
        network: NetworkId,
        key: SecretKey,
        rules: ScoreRules,
        now_ms: u64,
    ) -> Result<Self, Error> {
        let file = |op| {
            let path = folder.clone();
            move |source| Error::File { op, path, source }
        };
        std::fs::create_dir_all(&folder).map_err(file("make"))?;
        let mut days = Self {
            day: rules.day_of(now_ms),
            network,
            key,
            rules,
            folder: folder.clone(),
            today: BTreeMap::new(),
            closed: BTreeMap::new(),
        };
        let entries = std::fs::read_dir(&folder).map_err(file("read"))?;
        for entry in entries {
            let name = entry.map_err(file("read"))?.file_name();
            if let Some(day) = name.to_str().and_then(|name| name.parse().ok()) {
                let kept = days.read(day)?;
                days.hold(kept);
            }
        }
        days.resume()?;
        Ok(days)
    }

    /// Takes back the day that ran when the server stopped.
    fn resume(&mut self) -> Result<(), Error> {
        let path = self.folder.join("today");
        let Some(bytes) = snapshot::read(&path)? else {
            return Ok(());
        };
        let (network, rows) = snapshot::open(TODAY_MAGIC, &bytes)?;
        if network != self.network {
            return Err(Error::OtherNetwork { path });
        }
        let rows: Vec<Row> = codec::from_bytes("running day", rows)?;
        let Some(day) = rows.first().map(|row| row.leaf.day) else {
            return Ok(());
        };
        if self.closed.contains_key(&day) {
            return Ok(());
        }
        self.day = day;
        self.today = rows.into_iter().map(|row| (row.leaf.host, row)).collect();
        Ok(())
    }

    fn read(&self, day: u64) -> Result<Kept, Error> {
        let path = self.folder.join(day.to_string());
        let bytes = snapshot::read(&path)?.ok_or(Error::NotKept { what: "such day" })?;
        let (network, kept) = snapshot::open(DAY_MAGIC, &bytes)?;
        if network != self.network {
            return Err(Error::OtherNetwork { path });
        }
        Ok(codec::from_bytes("day", kept)?)
    }

    fn hold(&mut self, kept: Kept) {
        let beats = kept.leaves.iter().map(|leaf| u64::from(leaf.beats)).sum();
        let closed = Closed {
            beats,
            root: kept.root,
        };
        self.closed.insert(closed.root.body.day, closed);
        while self.closed.len() > DAYS_MAX {
            self.closed.pop_first();
        }
    }

    /// Counts a heartbeat taken at `now_ms`; closes the days before first. Errors when a closed
    /// day cannot be written; then the heartbeat is not counted.
    pub fn beat(&mut self, host: PeerId, now_ms: u64) -> Result<(), Error> {
        self.close(now_ms)?;
        let (day, slot) = (self.day, now_ms / self.rules.slot_ms());
        let row = self.today.entry(host).or_insert_with(|| Row {
            slot: 0,
            leaf: DayLeaf {
                host,
                day,
                beats: 0,
                first_ms: now_ms,
                last_ms: now_ms,
            },
        });
        row.leaf.last_ms = row.leaf.last_ms.max(now_ms);
        if slot > row.slot {
            row.slot = slot;
            row.leaf.beats += 1;
        }
        Ok(())
    }

    /// Closes the running day when it is over. Durable when it returns.
    pub fn close(&mut self, now_ms: u64) -> Result<(), Error> {
        let now = self.rules.day_of(now_ms);
        if now <= self.day {
            return Ok(());
        }
        if !self.today.is_empty() {
            let leaves: Vec<DayLeaf> = self.today.values().map(|row| row.leaf.clone()).collect();
            let body = DayRoot {
                observer: self.key.peer_id(),
                day: self.day,
                hosts: u64::try_from(leaves.len()).unwrap_or(u64::MAX),
                root: root(&leaves),
            };
            let kept = Kept {
                root: SignedDayRoot::sign(body, &self.network, &self.key),
                leaves,
            };
            let bytes = snapshot::seal(DAY_MAGIC, &self.network, &codec::to_bytes(&kept));
            snapshot::save(&self.folder.join(self.day.to_string()), &bytes)?;
            self.hold(kept);
        }
        self.today.clear();
        self.day = now;
        Ok(())
    }

    /// Writes the running day down, so that a restart goes on with it.
    pub fn save(&mut self, now_ms: u64) -> Result<(), Error> {
        self.close(now_ms)?;
        let rows: Vec<&Row> = self.today.values().collect();
        let bytes = snapshot::seal(TODAY_MAGIC, &self.network, &codec::to_bytes(&rows));
        snapshot::save(&self.folder.join("today"), &bytes)
    }

    /// A host's place in the root of a closed day. Errors when the day is not over, not kept, or
    /// the host said nothing in it. Cost: the day's file is read.
    pub fn proof(&mut self, host: &PeerId, day: u64, now_ms: u64) -> Result<DayProof, Error> {
        self.close(now_ms)?;
        if !self.closed.contains_key(&day) {
            return Err(Error::NotKept { what: "such day" });
        }
        let kept = self.read(day)?;
        let index = kept.leaves.binary_search_by(|leaf| leaf.host.cmp(host));
        let index = index.map_err(|_| Error::Uncounted { peer: *host })?;
        let leaf = kept.leaves.get(index).cloned();
        Ok(DayProof {
            leaf: leaf.ok_or(Error::Uncounted { peer: *host })?,
            index: u64::try_from(index).unwrap_or(u64::MAX),
            path: path(&kept.leaves, index),
            root: kept.root,
        })
    }

    /// Closed days, oldest first.
    #[must_use]
    pub const fn closed(&self) -> &BTreeMap<u64, Closed> {
        &self.closed
    }
}

fn rows(leaves: &[DayLeaf]) -> Vec<Vec<Digest32>> {
    let mut rows = vec![leaves.iter().map(DayLeaf::hash).collect::<Vec<_>>()];
    while let Some(row) = rows.last().filter(|row| row.len() > 1) {
        let pair = |pair: &[Digest32]| match pair {
            [left, right] => day_node(left, right),
            [alone] => *alone,
            _ => Digest32([0; 32]),
        };
        let above = row.chunks(2).map(pair).collect();
        rows.push(above);
    }
    rows
}

/// The root of a day's tree.
fn root(leaves: &[DayLeaf]) -> Digest32 {
    let rows = rows(leaves);
    let top = rows.last().and_then(|row| row.first().copied());
    top.unwrap_or(Digest32([0; 32]))
}

/// The neighbours of a leaf, upwards.
fn path(leaves: &[DayLeaf], index: usize) -> Vec<Digest32> {
    let mut at = index;
    let mut path = Vec::new();
    for row in rows(leaves) {
        path.extend(row.get(at ^ 1).copied());
        at /= 2;
    }
    path
}

#[cfg(test)]
mod tests;
