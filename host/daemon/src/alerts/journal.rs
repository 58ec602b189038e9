//! The journal of notices: what is to be told, to whom, and whether it was. One file that is only
//! appended to, so that a notice outlives the daemon and the machine.
//!
//! Enters: a notice with the routes it goes, and deliveries. Leaves: what waits. Invariant: a
//! notice counts as kept when its record was flushed; a delivery is written after it was made, so a
//! crash between them tells a thing twice and never not at all. A torn end is cut off at the next
//! start. The file is written anew when most of it is done with. Layout: docs/formats/alerts.md.

use std::collections::{BTreeMap, BTreeSet};

use host_api::Notice;
use host_api::alerts::Turn;
use ring::digest;
use serde::{Deserialize, Serialize};

use super::paper::Paper;
use super::trouble::Trouble;

/// First bytes of the file.
const MAGIC: &[u8; 8] = b"HFALRT01";
/// Bytes of length and checksum before each record.
const HEAD: usize = 12;
/// Bytes of a record at most.
const RECORD_MAX: usize = 64 << 10;
/// Notices that wait at most; beyond that the oldest of the least urgent goes.
const WAITING_MAX: usize = 512;
/// The file is written anew when it is larger than this and most of it is done with.
const FILE_MAX: u64 = 256 << 10;

/// One record, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "lowercase")]
enum Record {
    /// A notice that is to be told.
    Notice {
        number: u64,
        notice: Notice,
        routes: BTreeSet<String>,
    },
    /// It went one of its routes, or was given up there.
    Done { number: u64, route: String },
}

/// A notice and the routes it has not gone yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) number: u64,
    pub(crate) notice: Notice,
    routes: BTreeSet<String>,
}

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal<P> {
    paper: P,
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// The last notice of every alert that stands, so that a restart remembers it.
    standing: BTreeMap<(String, String), (u64, Notice)>,
}

impl<P: Paper> Journal<P> {
    /// Reads what the paper holds and cuts a torn end off. Returns the journal and how many bytes
    /// were cut off.
    pub(crate) fn open(mut paper: P) -> Result<(Self, usize), Trouble> {
        let bytes = paper.read()?;
        let (records, good) = parse(&bytes);
        let mut journal = Self {
            next: 1,
            waiting: BTreeMap::new(),
            standing: BTreeMap::new(),
            paper,
        };
        for record in records {
            journal.take(record);
        }
        let cut = bytes.len() - good;
        if cut > 0 || bytes.is_empty() {
            journal.rewrite()?;
        }
        Ok((journal, cut))
    }

    /// What was told of alerts that still stand, oldest first.
    pub(crate) fn standing(&self) -> Vec<Notice> {
        let mut all: Vec<&(u64, Notice)> = self.standing.values().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, notice)| notice.clone()).collect()
    }

    /// Keeps a notice for routes. Durable when it returns well. When the drive refuses, the notice
    /// is kept in memory and delivered all the same; the error says so.
    pub(crate) fn keep(&mut self, notice: Notice, routes: &[String]) -> Result<(), Trouble> {
        let record = Record::Notice {
            number: self.next,
            notice,
            routes: routes.iter().cloned().collect(),
        };
        let written = self.write(&record);
        self.take(record);
        self.bound();
        written
    }

    /// The oldest notice that waits for a route.
    pub(crate) fn next_for(&self, route: &str) -> Option<Waiting> {
        let mut all = self.waiting.values();
        all.find(|one| one.routes.contains(route)).cloned()
    }

    /// Notices that wait for a route.
    pub(crate) fn count_for(&self, route: &str) -> usize {
        let all = self.waiting.values();
        all.filter(|one| one.routes.contains(route)).count()
    }

    /// Notices that wait, over all routes.
    pub(crate) fn count(&self) -> usize {
        self.waiting.values().map(|one| one.routes.len()).sum()
    }

    /// Forgets routes that are not configured any more.
    pub(crate) fn only(&mut self, routes: &[String]) {
        self.waiting.retain(|_, one| {
            one.routes.retain(|route| routes.contains(route));
            !one.routes.is_empty()
        });
    }

    /// Notes that a notice went its route, or was given up. Durable when it returns well; otherwise
    /// it may be told once more after a restart.
    pub(crate) fn done(&mut self, number: u64, route: &str) -> Result<(), Trouble> {
        let route = route.to_owned();
        let record = Record::Done { number, route };
        let written = self.write(&record);
        self.take(record);
        if self.paper.len() > FILE_MAX && self.is_mostly_done() {
            return self.rewrite();
        }
        written
    }

    fn is_mostly_done(&self) -> bool {
        let kept = u64::try_from(self.image().len()).unwrap_or(u64::MAX);
        kept.saturating_mul(2) < self.paper.len()
    }

    fn write(&mut self, record: &Record) -> Result<(), Trouble> {
        self.paper.append(&framed(record))?;
        self.paper.flush()
    }

    /// What the file would be without what is done with.
    fn image(&self) -> Vec<u8> {
        let mut records: BTreeMap<u64, Record> = BTreeMap::new();
        for (number, notice) in self.standing.values() {
            let (notice, routes) = (notice.clone(), BTreeSet::new());
            let number = *number;
            records.insert(
                number,
                Record::Notice {
                    number,
                    notice,
                    routes,
                },
            );
        }
        for one in self.waiting.values() {
            let (number, routes) = (one.number, one.routes.clone());
            let notice = one.notice.clone();
            records.insert(
                number,
                Record::Notice {
                    number,
                    notice,
                    routes,
                },
            );
        }
        let frames = records.values().flat_map(framed);
        MAGIC.iter().copied().chain(frames).collect()
    }

    fn rewrite(&mut self) -> Result<(), Trouble> {
        let image = self.image();
        self.paper.replace(&image)
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Notice {
                number,
                notice,
                routes,
            } => {
                self.next = self.next.max(number.saturating_add(1));
                let key = (notice.alert.rule.clone(), notice.alert.subject.clone());
                match notice.turn {
                    Turn::Test => {}
                    Turn::Cleared => {
                        self.standing.remove(&key);
                    }
                    Turn::Raised | Turn::Repeated => {
                        self.standing.insert(key, (number, notice.clone()));
                    }
                }
                if !routes.is_empty() {
                    let waits = Waiting {
                        number,
                        notice,
                        routes,
                    };
                    self.waiting.insert(number, waits);
                }
            }
            Record::Done { number, route } => {
                let Some(one) = self.waiting.get_mut(&number) else {
                    return;
                };
                one.routes.remove(&route);
                if one.routes.is_empty() {
                    self.waiting.remove(&number);
                }
            }
        }
    }

    fn bound(&mut self) {
        while self.waiting.len() > WAITING_MAX {
            let least = self.waiting.values();
            let least = least.min_by_key(|one| (one.notice.alert.urgency, one.number));
            let Some(number) = least.map(|one| one.number) else {
                return;
            };
            tracing::warn!(number, "too many alerts wait; the least urgent is given up");
            self.waiting.remove(&number);
        }
    }
}

/// Length, checksum and text of a record.
fn framed(record: &Record) -> Vec<u8> {
    let text = serde_json::to_vec(record).unwrap_or_default();
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEAD + text.len());
    bytes.extend(len.to_le_bytes());
    bytes.extend(checksum(&text));
    bytes.extend(text);
    bytes
}

fn checksum(text: &[u8]) -> [u8; 8] {
    let whole = digest::digest(&digest::SHA256, text);
    let mut short = [0; 8];
    for (to, from) in short.iter_mut().zip(whole.as_ref()) {
        *to = *from;
    }
    short
}

/// The records of a file up to the first that does not read, and how many bytes they take.
fn parse(bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = Vec::new();
    let Some(mut rest) = bytes.strip_prefix(MAGIC.as_slice()) else {
        return (records, 0);
    };
    while let Some((record, after)) = next_record(rest) {
        records.push(record);
        rest = after;
    }
    (records, bytes.len() - rest.len())
}

fn next_record(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    if len > RECORD_MAX {
        return None;
    }
    let (text, after) = rest.split_at_checked(len)?;
    if checksum(text) != *sum {
        return None;
    }
    Some((serde_json::from_slice(text).ok()?, after))
}

#[cfg(test)]
mod tests;
