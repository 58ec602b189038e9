//! The runs a part needs, from the hosts that give them soonest. Asks go out side by side to the
//! fastest known holders; one that is late gets a spare and may still win; one that failed is
//! replaced, one that lied is never asked again in this get.
//!
//! Invariants: answers and asks under way are at most twice as many as shards needed, so that one
//! part never holds more than two segments' bytes; every byte kept was verified against the
//! shard's name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use futures::future::{AbortHandle, Abortable, Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use host_core::object::{Descriptor, Place};
use host_core::seams::{BoxFuture, PeerAddr};
use host_core::{PeerId, ShardId};
use tokio::sync::watch;

use super::ask::{Answer, Fault, ask};
use super::join::Runs;
use super::pace::Pace;
use super::plan::{self, Need, Part};
use crate::Inner;
use crate::error::Error;
use crate::hosts;
use crate::progress::Progress;

/// How much sooner a parity shard must be expected to be asked before a data shard: rebuilding
/// costs time too.
const PARITY_HANDICAP: f64 = 1.25;

/// Asks under way and answers held for each shard needed, late ones included.
const ASKED_PER_NEED: usize = 2;

/// Fetches parts of one object, one after the other.
pub(super) struct Fetcher<'a> {
    inner: &'a Inner,
    descriptor: &'a Descriptor,
    progress: &'a watch::Sender<Progress>,
    places: BTreeMap<u32, Vec<Place>>,
    pace: Pace,
    /// Where hosts are now, once the hubs were asked.
    moved: Option<BTreeMap<PeerId, Vec<String>>>,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        descriptor: &'a Descriptor,
        places: &[Place],
        progress: &'a watch::Sender<Progress>,
    ) -> Self {
        let mut by_segment: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
        for place in places {
            let held = by_segment.entry(place.segment).or_default();
            held.push(place.clone());
        }
        Self {
            inner,
            descriptor,
            progress,
            places: by_segment,
            pace: Pace::default(),
            moved: None,
        }
    }

    /// The runs that give a part's bytes back. Errors: `TooFewShards`, after the hubs were asked
    /// once where the silent hosts are now.
    pub(super) async fn fetch(&mut self, part: &Part) -> Result<Runs, Error> {
        let need = plan::need(&self.descriptor.geometry, part.segment_len, &part.sealed)?;
        let first = self.round(part, need.clone()).await;
        if !matches!(first, Err(Error::TooFewShards { .. })) || self.moved.is_some() {
            return first;
        }
        let places = self.places.get(&part.number);
        let mut silent: Vec<PeerId> = places.into_iter().flatten().map(|p| p.host).collect();
        silent.sort_unstable();
        silent.dedup();
        self.moved = Some(hosts::whereabouts(self.inner, &silent).await);
        self.pace.pardon();
        self.round(part, need).await
    }

    async fn round(&mut self, part: &Part, need: Need) -> Result<Runs, Error> {
        let places = self.places.get(&part.number).cloned().unwrap_or_default();
        let geometry = &self.descriptor.geometry;
        let index = usize::try_from(part.number).unwrap_or(usize::MAX);
        let shards = self.descriptor.segments.get(index);
        let mut round = Round {
            inner: self.inner,
            progress: self.progress,
            moved: self.moved.as_ref(),
            pace: &mut self.pace,
            shards: shards.map(|s| s.shards.as_slice()).unwrap_or_default(),
            shard_len: geometry.shard_len(part.segment_len),
            data: geometry.data.into(),
            places: &places,
            need,
            runs: Runs::default(),
            spent: BTreeSet::new(),
            asked: Vec::new(),
            times: Vec::new(),
            last: "no host is left".to_owned(),
        };
        match round.run().await {
            true => Ok(round.runs),
            false => Err(Error::TooFewShards {
                segment: part.number,
                need: round.need.enough,
                have: round.have(),
                last: round.last,
            }),
        }
    }
}

/// An ask under way.
struct Asked {
    index: usize,
    host: PeerId,
    run: Range<u64>,
    since: Duration,
    late: bool,
    abort: AbortHandle,
}

/// The asking for one part.
struct Round<'a, 'p> {
    inner: &'a Inner,
    progress: &'a watch::Sender<Progress>,
    moved: Option<&'p BTreeMap<PeerId, Vec<String>>>,
    pace: &'p mut Pace,
    shards: &'a [ShardId],
    shard_len: u64,
    data: usize,
    places: &'p [Place],
    need: Need,
    runs: Runs,
    /// Places that were asked and will not be again.
    spent: BTreeSet<(usize, PeerId)>,
    asked: Vec<Asked>,
    times: Vec<Duration>,
    last: String,
}

fn len(run: &Range<u64>) -> u64 {
    run.end.saturating_sub(run.start)
}

fn covers(run: &Range<u64>, wanted: &Range<u64>) -> bool {
    run.start <= wanted.start && run.end >= wanted.end
}

/// An ask's future: which shard, whom, what came.
type Asking<'a> = BoxFuture<'a, (usize, PeerId, Result<Answer, Fault>)>;

impl<'a> Round<'a, '_> {
    /// Asks until the need is met; false when nobody is left to ask.
    async fn run(&mut self) -> bool {
        let mut answers = FuturesUnordered::new();
        loop {
            if self.is_met() {
                return true;
            }
            for (place, run) in self.due() {
                answers.extend(self.start(&place, run));
            }
            if self.asked.is_empty() {
                return false;
            }
            let now = self.inner.clock.monotonic();
            let timer = match self.next_late(now) {
                Some(span) => self.inner.clock.sleep(span),
                None => Box::pin(std::future::pending()),
            };
            let answer = match select(answers.next(), timer).await {
                Either::Left((Some(answer), _)) => Some(answer),
                Either::Left((None, _)) => return false,
                Either::Right(_) => None,
            };
            match answer {
                Some((index, host, answer)) => self.note(index, host, answer),
                None => self.mark_late(),
            }
        }
    }

    fn is_met(&self) -> bool {
        let mut each = self.need.each.iter();
        let whole = !self.need.each.is_empty();
        let has = |(index, run): (&usize, &Range<u64>)| self.runs.get(*index, run).is_some();
        (whole && each.all(has)) || self.have() >= self.need.enough
    }

    /// Shards that count towards `enough`.
    fn have(&self) -> usize {
        match &self.need.any {
            Some(any) => self.runs.count(any),
            None => 0,
        }
    }

    /// Whom to ask what, now: the missing runs of `each`, and when that will not do, as many of
    /// the others as are missing.
    fn due(&mut self) -> Vec<(Place, Range<u64>)> {
        let mut due = Vec::new();
        for (index, run) in self.need.each.clone() {
            if self.runs.get(index, &run).is_some() || self.is_coming(index, &run) {
                continue;
            }
            let holds = |place: &Place| usize::from(place.index) == index;
            match self.candidates(&run, holds).into_iter().next() {
                Some(place) if !self.is_late_at(index) => due.push((place, run)),
                _ => {
                    let runs = &self.runs;
                    self.need
                        .allow_any(|index, run| runs.get(index, run).is_some());
                }
            }
        }
        if let Some(any) = self.need.any.clone() {
            let coming = |place: &Place| self.is_coming(place.index.into(), &any);
            let mut missing = self.need.enough.saturating_sub(self.have());
            let sure = self
                .asked
                .iter()
                .filter(|a| !a.late && covers(&a.run, &any));
            missing = missing.saturating_sub(sure.count());
            let fresh = |place: &Place| {
                let index = usize::from(place.index);
                let zeros = self.need.zeros.contains(&index);
                let due = due
                    .iter()
                    .any(|(p, _): &(Place, _)| usize::from(p.index) == index);
                !zeros && !due && !coming(place) && self.runs.get(index, &any).is_none()
            };
            let mut seen = BTreeSet::new();
            let places = self.candidates(&any, fresh).into_iter();
            let places = places
                .filter(|place| seen.insert(place.index))
                .take(missing);
            due.extend(places.map(|place| (place, any.clone())));
        }
        due
    }

    /// Whether an ask that is not late will bring a run of a shard.
    fn is_coming(&self, index: usize, run: &Range<u64>) -> bool {
        let mut asked = self.asked.iter();
        asked.any(|a| a.index == index && !a.late && covers(&a.run, run))
    }

    fn is_late_at(&self, index: usize) -> bool {
        self.asked.iter().any(|a| a.index == index && a.late)
    }

    /// Places that may be asked, soonest expected first; data shards first where nothing speaks
    /// against them.
    fn candidates(&self, run: &Range<u64>, fits: impl Fn(&Place) -> bool) -> Vec<Place> {
        let free = |place: &&Place| {
            let index = usize::from(place.index);
            self.pace.trusts(&place.host)
                && !self.spent.contains(&(index, place.host))
                && index < self.shards.len()
                && fits(place)
        };
        let expected = |place: &Place| {
            let handicap = match usize::from(place.index) < self.data {
                true => 1.0,
                false => PARITY_HANDICAP,
            };
            self.pace.expects(&place.host, len(run)) * handicap
        };
        let mut places: Vec<&Place> = self.places.iter().filter(free).collect();
        places.sort_by(|a, b| {
            let soonest = expected(a).total_cmp(&expected(b));
            soonest.then(a.index.cmp(&b.index))
        });
        places.into_iter().cloned().collect()
    }

    /// Notes an ask as under way and makes its future. When too many are, the oldest late one is
    /// given up.
    fn start(&mut self, place: &Place, run: Range<u64>) -> Option<Asking<'a>> {
        let index = usize::from(place.index);
        let shard = *self.shards.get(index)?;
        let most = ASKED_PER_NEED * self.need.enough.max(self.need.each.len());
        while self.asked.len() + self.have() >= most {
            let at = self.asked.iter().position(|asked| asked.late)?;
            self.asked.remove(at).abort.abort();
        }
        let mut addrs = place.addrs.clone();
        let moved = self.moved.and_then(|moved| moved.get(&place.host));
        addrs.splice(0..0, moved.into_iter().flatten().cloned());
        let to = PeerAddr {
            peer: place.host,
            addrs,
        };
        let (abort, registration) = AbortHandle::new_pair();
        self.spent.insert((index, place.host));
        self.asked.push(Asked {
            index,
            host: place.host,
            run: run.clone(),
            since: self.inner.clock.monotonic(),
            late: false,
            abort,
        });
        let (inner, progress, shard_len) = (self.inner, self.progress, self.shard_len);
        let host = place.host;
        Some(Box::pin(async move {
            let asking = ask(inner, progress, to, shard, shard_len, run);
            let answer = Abortable::new(asking, registration).await;
            (index, host, answer.unwrap_or(Err(Fault::Dropped)))
        }))
    }

    /// Takes an answer in.
    fn note(&mut self, index: usize, host: PeerId, answer: Result<Answer, Fault>) {
        let same = |asked: &Asked| asked.index == index && asked.host == host;
        let asked = self.asked.iter().position(same);
        let asked = asked.map(|at| self.asked.remove(at));
        let why = match (answer, asked) {
            (Ok(answer), Some(asked)) => {
                let run = asked.run;
                self.pace.gave(host, len(&run), answer.first, answer.total);
                let speeds = &self.inner.speeds;
                speeds.came(host, len(&run), answer.total);
                self.times.push(answer.total);
                self.spent.remove(&(index, host));
                self.runs.add(index, run.start, answer.bytes);
                return;
            }
            (Ok(_), None) | (Err(Fault::Dropped), _) => return,
            (Err(Fault::Lied(why)), _) => {
                self.pace.lied(host);
                why
            }
            (Err(Fault::Failed(why)), _) => {
                self.pace.failed(host);
                why
            }
            (Err(Fault::Refused(why)), _) => why,
        };
        tracing::debug!(peer = %host, index, err = %why, "shard is not to be had here");
        self.last = why;
    }

    fn patience(&self, asked: &Asked) -> Duration {
        let wanted = self.need.enough.max(self.need.each.len());
        self.pace.patience(&self.times, wanted, len(&asked.run))
    }

    /// How long until the next ask is late; none when all are.
    fn next_late(&self, now: Duration) -> Option<Duration> {
        let coming = self.asked.iter().filter(|asked| !asked.late);
        let left = coming.map(|asked| (asked.since + self.patience(asked)).saturating_sub(now));
        left.min()
    }

    fn mark_late(&mut self) {
        let now = self.inner.clock.monotonic();
        let is_late = |asked: &Asked| !asked.late && asked.since + self.patience(asked) <= now;
        let late: Vec<bool> = self.asked.iter().map(is_late).collect();
        for (asked, _) in self.asked.iter_mut().zip(late).filter(|(_, late)| *late) {
            asked.late = true;
            let passed = now.saturating_sub(asked.since);
            self.pace.is_late(asked.host, passed);
        }
    }
}
