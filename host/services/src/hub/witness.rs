//! What a hub counted: heartbeats of hosts and speeds renters measured. Pure: told the time.
//!
//! Enters: announcements the directory has taken (so: signed, brought by their host, within the
//! clock's bound) and measurements. Leaves: counts, and statements signed with the hub's key.
//! Invariants: at most one heartbeat a slot counts, by this hub's clock, so that a host gains
//! nothing by speaking often or by dating its words; a window is thirty parts, the oldest falls
//! out; hosts, measurements and pages are bounded. Does not: make scores.

use std::collections::BTreeMap;
use std::ops::Bound;

use host_core::identity::SecretKey;
use host_core::neighbourhood::Neighbourhood;
use host_core::witness::{ScoreRules, SpeedWord, Statement, StatementBody, Watched};
use host_core::{NetworkId, PeerId, limits};
use host_score::Line;
use minicbor::{Decode, Encode};

use crate::error::Error;

/// Parts of the window; the oldest is forgotten as one.
const WINDOW_PARTS: u64 = 30;
/// Measurements kept of one host, newest each renter's; all of them fit one answer.
const SPEEDS_MAX: usize = 64;
/// How old a measurement may be when it is told.
const SPEED_AGE_MAX_MS: u64 = 24 * 3_600_000;

/// Who speaks, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub peer: PeerId,
    /// Where its connection comes from; none over a relay.
    pub near: Option<Neighbourhood>,
}

impl From<PeerId> for Caller {
    fn from(peer: PeerId) -> Self {
        Self { peer, near: None }
    }
}

/// The counts of one hub.
#[derive(Debug)]
pub struct Witness {
    network: NetworkId,
    chain_id: u64,
    key: SecretKey,
    rules: ScoreRules,
    hosts: BTreeMap<PeerId, Seen>,
    hosts_max: usize,
}

/// What was counted of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Seen {
    #[n(0)]
    first_ms: u64,
    #[n(1)]
    last_ms: u64,
    /// Number of the newest slot that counted, since 1970.
    #[n(2)]
    slot: u64,
    #[n(3)]
    beats: u64,
    /// Number of the newest part of the window, and counts from it backwards.
    #[n(4)]
    part: u64,
    #[n(5)]
    counts: Vec<u32>,
    #[n(6)]
    version: String,
    /// Where its newest heartbeat came from.
    #[n(8)]
    near: Option<Neighbourhood>,
    #[n(9)]
    #[cbor(default)]
    voices: Vec<Voice>,
}

/// A measurement, and where it was told from; the address itself stays in this hub's file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Voice {
    #[n(0)]
    word: SpeedWord,
    #[n(1)]
    near: Option<Neighbourhood>,
}

/// A host and what was counted of it, as the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Row {
    #[n(0)]
    host: PeerId,
    #[n(1)]
    seen: Seen,
}

impl Witness {
    /// Nothing counted yet. `hosts_max` bounds who is counted.
    #[must_use]
    pub const fn new(
        network: NetworkId,
        chain_id: u64,
        key: SecretKey,
        rules: ScoreRules,
        hosts_max: usize,
    ) -> Self {
        Self {
            network,
            chain_id,
            key,
            rules,
            hosts: BTreeMap::new(),
            hosts_max,
        }
    }

    /// The network whose hosts are counted.
    #[must_use]
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Hosts counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether nobody is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The rules it counts by.
    #[must_use]
    pub const fn rules(&self) -> &ScoreRules {
        &self.rules
    }

    /// What was counted of everybody.
    #[must_use]
    pub fn everybody(&self, now_ms: u64) -> Vec<Watched> {
        let all = self.hosts.iter();
        all.map(|(host, seen)| self.told(host, seen, now_ms))
            .collect()
    }

    const fn part_ms(&self) -> u64 {
        let part = self.rules.window_ms() / WINDOW_PARTS;
        if part < self.rules.slot_ms() {
            self.rules.slot_ms()
        } else {
            part
        }
    }

    /// Counts a heartbeat that was taken at `now_ms`; true when it is the first of its slot.
    pub fn beat(&mut self, from: impl Into<Caller>, version: &str, now_ms: u64) -> bool {
        let Caller { peer: host, near } = from.into();
        let (slot, part) = (now_ms / self.rules.slot_ms(), now_ms / self.part_ms());
        if !self.hosts.contains_key(&host) && self.hosts.len() >= self.hosts_max {
            self.forget_oldest(now_ms);
            if self.hosts.len() >= self.hosts_max {
                return false;
            }
        }
        let seen = self.hosts.entry(host).or_insert_with(|| Seen {
            first_ms: now_ms,
            part,
            ..Seen::default()
        });
        seen.last_ms = seen.last_ms.max(now_ms);
        seen.near = near.or(seen.near);
        if seen.version != version {
            version.clone_into(&mut seen.version);
        }
        if seen.beats > 0 && slot <= seen.slot {
            return false;
        }
        seen.slot = slot;
        seen.beats += 1;
        seen.advance(part);
        if let Some(count) = seen.counts.first_mut() {
            *count += 1;
        }
        true
    }

    /// Makes room: hosts not heard for a whole window go.
    fn forget_oldest(&mut self, now_ms: u64) {
        let window = self.rules.window_ms();
        self.hosts
            .retain(|_, seen| seen.last_ms.saturating_add(window) > now_ms);
    }

    /// Takes a measurement that was told from `near`. Errors when it is old, of a host nobody
    /// counted, of a renter that is the host's own, or not signed by the renter of an agreement the
    /// host gave a receipt for.
    pub fn speed(
        &mut self,
        word: SpeedWord,
        near: Option<Neighbourhood>,
        now_ms: u64,
    ) -> Result<(), Error> {
        let off_ms = now_ms.abs_diff(word.body.at_ms);
        if off_ms > SPEED_AGE_MAX_MS {
            return Err(Error::Clock {
                off_ms,
                bound_ms: SPEED_AGE_MAX_MS,
            });
        }
        word.check(&self.network, self.chain_id)?;
        let seen = self
            .hosts
            .get_mut(&word.body.host)
            .ok_or(Error::Uncounted {
                peer: word.body.host,
            })?;
        let (renter, up) = (word.body.agreement.renter, word.body.up);
        let same = |old: &SpeedWord| old.body.agreement.renter == renter && old.body.up == up;
        let newer = |old: &Voice| same(&old.word) && old.word.body.at_ms >= word.body.at_ms;
        if seen.voices.iter().any(newer) {
            return Ok(());
        }
        seen.voices.retain(|old| !same(&old.word));
        seen.voices.push(Voice { word, near });
        if seen.voices.len() > SPEEDS_MAX {
            seen.drop_one();
        }
        Ok(())
    }

    /// What was counted of one host up to `now_ms`.
    #[must_use]
    pub fn watched(&self, host: &PeerId, now_ms: u64) -> Option<Watched> {
        Some(self.told(host, self.hosts.get(host)?, now_ms))
    }

    fn told(&self, host: &PeerId, seen: &Seen, now_ms: u64) -> Watched {
        let part = now_ms / self.part_ms();
        let oldest = (part + 1).saturating_sub(WINDOW_PARTS);
        let mut now = seen.clone_counts();
        now.advance(part);
        let groups = seen.groups();
        let rate = |up: bool| {
            let voices = seen.voices.iter().zip(&groups);
            let voices = voices.filter(|(voice, _)| voice.word.body.up == up);
            host_score::middle(voices.map(|(voice, group)| Line::of(&voice.word, *group)))
        };
        Watched {
            host: *host,
            first_ms: seen.first_ms,
            last_ms: seen.last_ms,
            from_ms: (oldest * self.part_ms()).max(seen.first_ms),
            seen: now.counts.iter().sum(),
            beats: seen.beats,
            version: seen.version.clone(),
            down: rate(false),
            up: rate(true),
        }
    }

    /// A signed page of counts after `after`: at most `limit`, at most a page.
    #[must_use]
    pub fn page(&self, after: Option<PeerId>, limit: u32, now_ms: u64) -> Statement {
        let most = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .clamp(1, limits::HUB_PAGE_MAX);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.hosts.range((from, Bound::Unbounded));
        let page = rest.by_ref().take(most);
        let hosts = page
            .map(|(host, seen)| self.told(host, seen, now_ms))
            .collect();
        self.state(hosts, rest.next().is_some(), now_ms)
    }

    /// A signed statement of one host, or of none, its measurements and the neighbourhood each was
    /// told from.
    #[must_use]
    pub fn look(&self, host: &PeerId, now_ms: u64) -> (Statement, Vec<SpeedWord>, Vec<u32>) {
        let hosts = self.watched(host, now_ms).into_iter().collect();
        let (words, groups) = self.hosts.get(host).map_or_else(Default::default, |seen| {
            let words = seen.voices.iter().map(|voice| voice.word.clone());
            (words.collect(), seen.groups())
        });
        (self.state(hosts, false, now_ms), words, groups)
    }

    fn state(&self, hosts: Vec<Watched>, more: bool, now_ms: u64) -> Statement {
        let body = StatementBody {
            observer: self.key.peer_id(),
            at_ms: now_ms,
            hosts,
            more,
        };
        Statement::sign(body, &self.network, &self.key)
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let row = |(host, seen): (&PeerId, &Seen)| Row {
            host: *host,
            seen: seen.clone(),
        };
        self.hosts.iter().map(row).collect()
    }

    pub(crate) fn restore(&mut self, rows: Vec<Row>) {
        let rows = rows.into_iter().take(self.hosts_max);
        self.hosts = rows.map(|row| (row.host, row.seen)).collect();
    }
}

impl Seen {
    /// The neighbourhood of each voice, numbered as they come: 0 for the host's own. Voices over a
    /// relay, of which nobody knows where they stand, are one together.
    fn groups(&self) -> Vec<u32> {
        let mut known: Vec<Option<Neighbourhood>> = vec![self.near];
        let mut number = |near: Option<Neighbourhood>| {
            let own = near.is_some() && near == self.near;
            let others = known.iter().skip(1).position(|one| *one == near);
            match (own, others) {
                (true, _) => Some(0),
                (_, Some(at)) => Some(at + 1),
                _ => {
                    known.push(near);
                    Some(known.len() - 1)
                }
            }
        };
        let numbers = self.voices.iter().map(|voice| number(voice.near));
        numbers
            .map(|at| at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default())
            .collect()
    }

    /// Makes room: the oldest voice of the neighbourhood with the most goes, so that a crowd does
    /// not push others out.
    fn drop_one(&mut self) {
        let groups = self.groups();
        let size = |group: u32| groups.iter().filter(|one| **one == group).count();
        let most = groups.iter().copied().max_by_key(|group| size(*group));
        let oldest = groups.iter().position(|group| Some(*group) == most);
        if let Some(oldest) = oldest {
            self.voices.remove(oldest);
        }
    }

    fn clone_counts(&self) -> Self {
        Self {
            part: self.part,
            counts: self.counts.clone(),
            ..Self::default()
        }
    }

    /// Begins parts up to `part`; what is older than the window falls out.
    fn advance(&mut self, part: u64) {
        let steps = part.saturating_sub(self.part).min(WINDOW_PARTS);
        for _ in 0..steps {
            self.counts.insert(0, 0);
        }
        if self.counts.is_empty() {
            self.counts.push(0);
        }
        let most = usize::try_from(WINDOW_PARTS).unwrap_or(usize::MAX);
        self.counts.truncate(most);
        self.part = self.part.max(part);
    }
}

#[cfg(test)]
mod tests;
