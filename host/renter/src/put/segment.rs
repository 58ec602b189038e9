//! One segment on its way out: its shards side by side, each on a host of its own, the slow and
//! the dead replaced while the others go on.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use host_core::PeerId;
use host_core::announce::HostOffer;
use tokio::sync::OnceCell;

use super::Put;
use super::body::Body;
use super::tail::Pace;
use crate::error::Error;
use crate::fault::Fault;
use crate::session::Trial;

/// Between two looks at how a host is doing.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Times the same host is asked again when no other is left.
const REPEATS_MAX: u32 = 2;
/// Pause before that.
const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// What the shards of one segment share.
pub(super) struct Race {
    spare: Mutex<VecDeque<HostOffer>>,
    pace: Mutex<Pace>,
    /// Set once the vault was seen to cover this segment's cheques.
    pub(super) covered: OnceCell<()>,
}

/// How one host is doing with one shard. Times are the clock's, in milliseconds.
pub(super) struct Track {
    started: u64,
    moved: AtomicU64,
    /// A cheque may be under way: not to be cut.
    pub(super) paying: AtomicBool,
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Race {
    pub(super) fn new(spare: VecDeque<HostOffer>, enough: usize) -> Self {
        Self {
            spare: Mutex::new(spare),
            pace: Mutex::new(Pace::new(enough)),
            covered: OnceCell::new(),
        }
    }

    fn next(&self) -> Option<HostOffer> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.pop_front()
    }

    fn judge(&self, track: &Track, now: u64) -> Option<Fault> {
        if track.paying.load(Ordering::Acquire) {
            return None;
        }
        let elapsed = now.saturating_sub(track.started);
        let idle = now.saturating_sub(track.moved.load(Ordering::Relaxed));
        let spare = !{
            let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            spare.is_empty()
        };
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let of = Duration::from_millis;
        pace.judge(of(elapsed), of(idle), spare)
    }

    fn note(&self, span: Duration) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.note(span);
    }
}

impl Put<'_> {
    /// A host begins to work on a shard.
    fn track(&self) -> Track {
        let now = ms(self.inner.clock.monotonic());
        Track {
            started: now,
            moved: AtomicU64::new(now),
            paying: AtomicBool::new(false),
        }
    }

    /// Something moved.
    pub(super) fn moved(&self, track: &Track) {
        let now = ms(self.inner.clock.monotonic());
        track.moved.store(now, Ordering::Relaxed);
    }

    /// Sends all shards of a segment at once and lets go of each when it is placed. `plain` is
    /// where the object's plaintext is once the segment is stored. Errors when fewer shards than
    /// the segment must have can find a host, and by faults of this side.
    pub(super) async fn send_segment(&self, body: Body, plain: u64) -> Result<(), Error> {
        let total = self.geometry.total();
        let shards = u64::from(total);
        self.progress.send_modify(|p| p.shards_total += shards);
        let now = self.epoch_now().await?;
        let race = Race::new(
            self.candidates(body.segment),
            usize::from(self.geometry.data),
        );
        let mut sends = FuturesUnordered::new();
        for index in 0..total {
            if self.is_placed(body.segment, index) {
                self.progress.send_modify(|p| p.shards_paid += 1);
                self.let_go(&body, index);
                continue;
            }
            sends.push(self.place_shard(&body, &race, index, now));
        }
        // Shards that have a host, and those that may still find one.
        let mut placed = total - u16::try_from(sends.len()).unwrap_or(total);
        let (mut hoped, mut is_enough) = (total, false);
        loop {
            if placed >= self.least && !is_enough {
                is_enough = true;
                self.enough.send_modify(|count| *count += 1);
            }
            match sends.next().await {
                None => break,
                Some(Ok(index)) => {
                    placed += 1;
                    self.let_go(&body, index);
                }
                Some(Err(error)) => {
                    hoped -= 1;
                    self.do_without(&body, hoped, error)?;
                }
            }
        }
        drop(sends);
        self.progress
            .send_modify(|p| p.bytes_done = p.bytes_done.max(plain));
        Ok(())
    }

    /// A shard found no host while `hoped` others have one or may find one: errors when that is
    /// too few, else lets go of its bytes and keeps the reason.
    fn do_without(&self, body: &Body, hoped: u16, error: Error) -> Result<(), Error> {
        match &error {
            Error::NoHostForShard { index, .. } if hoped >= self.least => {
                self.let_go(body, *index);
            }
            _ => return Err(error),
        }
        let mut lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        lacking.get_or_insert(error);
        Ok(())
    }

    /// Hosts that hold nothing of this segment yet, in the order they were chosen.
    pub(super) fn candidates(&self, segment: u32) -> VecDeque<HostOffer> {
        let mut taken: BTreeSet<PeerId> = BTreeSet::new();
        {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let placed = places.iter().filter(|place| place.segment == segment);
            taken.extend(placed.map(|place| place.host));
            let earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            let trials = earlier.iter().filter(|((of, _), _)| *of == segment);
            taken.extend(trials.map(|(_, trial)| trial.place.host));
        }
        let of_reuse = self.keepers.iter().filter(|((of, _), _)| *of == segment);
        taken.extend(of_reuse.flat_map(|(_, offers)| offers.iter().map(|offer| offer.peer)));
        let free = self.hosts.iter().map(|host| &host.offer);
        free.filter(|offer| !taken.contains(&offer.peer))
            .cloned()
            .collect()
    }

    /// Places one shard: where an earlier run left off, then with the host that keeps it already,
    /// then with whoever is next. Returns its index.
    pub(super) async fn place_shard(
        &self,
        body: &Body,
        race: &Race,
        index: u16,
        now: u64,
    ) -> Result<u16, Error> {
        let segment = body.segment;
        let mut last = "no host was left to ask".to_owned();
        let mut again = None;
        if let Some(trial) = self.take_earlier(segment, index) {
            let of = &trial;
            let work = |track: Arc<Track>| async move { self.go_on(body, race, of, &track).await };
            match self.watched(race, work).await {
                Ok(()) => return Ok(index),
                Err(fault) => last = self.give_up(&trial, fault, false)?,
            }
            // Its terms may have grown too old; with nobody else left it is asked for new ones.
            let mut offers = self.hosts.iter().map(|host| &host.offer);
            again = offers.find(|offer| offer.peer == trial.place.host).cloned();
        }
        let mut keepers = VecDeque::from(
            self.keepers
                .get(&(segment, index))
                .cloned()
                .unwrap_or_default(),
        );
        let mut repeats = 0;
        let mut before: Option<Trial> = None;
        loop {
            let next = keepers.pop_front().or_else(|| race.next());
            let next = next.or_else(|| again.take());
            let (trial, fresh) = match (next, before.take()) {
                (Some(offer), _) => (self.propose(&offer, body, index, now)?, true),
                // With no host to spare, one passing fault must not end the put: the same terms
                // again are the same agreement.
                (None, Some(again)) if repeats < REPEATS_MAX => {
                    repeats += 1;
                    self.inner.clock.sleep(REPEAT_AFTER).await;
                    (again, false)
                }
                _ => {
                    return Err(Error::NoHostForShard {
                        segment,
                        index,
                        last,
                    });
                }
            };
            let of = &trial;
            let work =
                |track: Arc<Track>| async move { self.try_host(body, race, of, &track).await };
            match self.watched(race, work).await {
                Ok(()) => return Ok(index),
                Err(fault) => {
                    tracing::debug!(segment, index, err = %fault, "host gives its place up");
                    last = self.give_up(&trial, fault, fresh)?;
                }
            }
            before = Some(trial);
        }
    }

    /// Runs one host's part, and ends it when the rule says so.
    async fn watched<F, W>(&self, race: &Race, work: W) -> Result<(), Fault>
    where
        W: FnOnce(Arc<Track>) -> F,
        F: Future<Output = Result<(), Fault>>,
    {
        let track = Arc::new(self.track());
        let mut work = pin!(work(Arc::clone(&track)));
        loop {
            let tick = self.inner.clock.sleep(LOOK_EVERY);
            match select(work.as_mut(), tick).await {
                Either::Left((ended, _)) => {
                    if ended.is_ok() {
                        let now = ms(self.inner.clock.monotonic());
                        race.note(Duration::from_millis(now.saturating_sub(track.started)));
                    }
                    return ended;
                }
                Either::Right(_) => {
                    let now = ms(self.inner.clock.monotonic());
                    if let Some(fault) = race.judge(&track, now) {
                        return Err(fault);
                    }
                }
            }
        }
    }

    /// Whether an earlier run of this session stored and paid the shard.
    pub(super) fn is_placed(&self, segment: u32, index: u16) -> bool {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .iter()
            .any(|place| place.segment == segment && place.index == index)
    }

    fn take_earlier(&self, segment: u32, index: u16) -> Option<Trial> {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        earlier.remove(&(segment, index))
    }
}
