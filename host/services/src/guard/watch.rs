//! One watched object: where its shards are, what was found of each last, when each is asked next.
//! Pure; time enters as a value.
//!
//! A shard is held for lost after one wrong proof, or after several misses in a row; an answer that
//! holds brings it back. Shards a guard moved are watched under their new place like the others.
//! Invariant: a shard that was not asked yet counts as alive, so that nothing is repaired on a
//! guess. Does not: ask anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use host_core::challenge::{Finding, SignedVerdict};
use host_core::object::{Descriptor, Place};
use host_core::repair::{GuardOrder, SignedRepair, shard_of};
use host_core::{AgreementDigest, ShardId};

/// Misses in a row after which a shard is held for lost.
const MISSES_MAX: u32 = 3;
/// A shard that was missed is asked again after this part of a round.
const AGAIN: u32 = 8;

/// One shard at one place.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) shard: ShardId,
    pub(super) len: u64,
    pub(super) due: Duration,
    misses: u32,
    /// The host said that it leaves: it serves the shard, and asks that it be moved.
    pub(super) leaving: bool,
    /// The newest verdict.
    pub(super) last: Option<SignedVerdict>,
}

impl Spot {
    pub(super) const fn is_lost(&self) -> bool {
        self.misses >= MISSES_MAX
    }
}

/// An object as a guard sees it.
#[derive(Debug, Clone)]
pub struct Watched {
    pub(super) order: GuardOrder,
    pub(super) descriptor: Descriptor,
    pub(super) spots: BTreeMap<AgreementDigest, Spot>,
    /// What this guard repaired of the placement it watches.
    pub(super) repair: Option<SignedRepair>,
    /// When a repair was first due, and when it may be tried next.
    pub(super) danger: Option<Duration>,
    pub(super) retry: Duration,
}

/// How many shards of one segment are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Danger {
    pub(super) segment: u32,
    pub(super) alive: usize,
    /// Places of this segment that are lost and whose shard is nowhere else.
    pub(super) lost: Vec<Place>,
}

impl Watched {
    /// Nothing of it was asked yet; the first questions are spread over one round.
    pub(super) fn new(
        order: GuardOrder,
        descriptor: Descriptor,
        repair: Option<SignedRepair>,
        now: Duration,
    ) -> Self {
        let version = order.placement.placement.version;
        let repair = repair.filter(|signed| signed.repair.base == version);
        let mut fresh = Self {
            descriptor,
            spots: BTreeMap::new(),
            repair,
            danger: None,
            retry: now,
            order,
        };
        let moved = fresh.repair.iter().flat_map(|signed| &signed.repair.moved);
        let moved = moved.map(|moved| moved.new.clone());
        let places = fresh.order.placement.placement.places.iter().cloned();
        let places: Vec<Place> = places.chain(moved).collect();
        places.into_iter().for_each(|place| fresh.add(place, now));
        fresh
    }

    /// Watches one more place.
    pub(super) fn add(&mut self, place: Place, now: Duration) {
        let Some((shard, len)) = shard_of(&self.descriptor, &place) else {
            return;
        };
        let round = self.round();
        let spread = u32::from_be_bytes(place.agreement.0.first_chunk().copied().unwrap_or([0; 4]));
        let wait = round.mul_f64(f64::from(spread) / f64::from(u32::MAX));
        let spot = Spot {
            shard,
            len,
            due: now + wait,
            misses: 0,
            leaving: false,
            last: None,
            place,
        };
        self.spots.entry(spot.place.agreement).or_insert(spot);
    }

    /// Takes over what was found under an older order.
    pub(super) fn inherit(&mut self, old: Self) {
        for (agreement, spot) in old.spots {
            if let Some(own) = self.spots.get_mut(&agreement) {
                (own.misses, own.last, own.due) = (spot.misses, spot.last, spot.due);
                own.leaving = spot.leaving;
            }
        }
    }

    /// The time in which every shard is asked once.
    pub(super) fn round(&self) -> Duration {
        Duration::from_secs(self.order.round_s)
    }

    /// Takes a verdict of this guard in.
    pub(super) fn learn(&mut self, signed: &SignedVerdict, now: Duration) {
        let round = self.round();
        let Some(spot) = self.spots.get_mut(&signed.verdict.challenge.agreement) else {
            return;
        };
        let mut wait = round;
        spot.leaving &= signed.verdict.finding == Finding::Missed;
        spot.misses = match signed.verdict.finding {
            Finding::Kept => 0,
            Finding::Wrong => MISSES_MAX,
            Finding::Missed if spot.leaving => MISSES_MAX,
            Finding::Missed => {
                if spot.misses < MISSES_MAX {
                    wait = round / AGAIN;
                }
                (spot.misses + 1).min(MISSES_MAX)
            }
        };
        spot.due = now + wait;
        spot.last = Some(signed.clone());
    }

    /// Another guard found the shard there now: one round's doubt.
    pub(super) fn doubt(&mut self, agreement: &AgreementDigest) {
        if let Some(spot) = self.spots.get_mut(agreement) {
            spot.misses = 0;
        }
    }

    /// Those that are to be asked now, the longest waiting first.
    pub(super) fn due(&self, now: Duration) -> Vec<(Duration, AgreementDigest)> {
        let due = self.spots.values().filter(|spot| spot.due <= now);
        due.map(|spot| (spot.due, spot.place.agreement)).collect()
    }

    /// Shards alive, lost, and alive only because nobody asked yet; each counted once.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let (mut alive, mut unasked, mut all) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for spot in self.spots.values() {
            let at = (spot.place.segment, spot.place.index);
            all.insert(at);
            if !spot.is_lost() {
                alive.insert(at);
                if spot.last.is_none() {
                    unasked.insert(at);
                }
            }
        }
        let count = |set: &BTreeSet<_>| u64::try_from(set.len()).unwrap_or(u64::MAX);
        let unasked: BTreeSet<_> = unasked
            .into_iter()
            .filter(|at| {
                let mut here = self.spots.values();
                let same = |s: &Spot| (s.place.segment, s.place.index) == *at;
                !here.any(|s| same(s) && s.last.is_some() && !s.is_lost())
            })
            .collect();
        (count(&alive), count(&all) - count(&alive), count(&unasked))
    }

    /// Places whose shards can be read.
    pub(super) fn alive(&self) -> Vec<Place> {
        let alive = self.spots.values().filter(|spot| !spot.is_lost());
        alive.map(|spot| spot.place.clone()).collect()
    }

    /// The host of this place said that it leaves.
    pub(super) fn leaves(&mut self, agreement: &AgreementDigest) {
        if let Some(spot) = self.spots.get_mut(agreement) {
            spot.leaving = true;
        }
    }

    /// Places that are to be moved and can be read meanwhile.
    pub(super) fn leaving(&self) -> Vec<Place> {
        let leaving = self.spots.values().filter(|spot| spot.leaving);
        leaving.map(|spot| spot.place.clone()).collect()
    }

    /// Segments of which fewer than `data` and the margin are alive (all that lack a shard when
    /// `urgent`), the most endangered first; and what leaving hosts keep, however many others are
    /// alive.
    pub(super) fn dangers(&self, urgent: bool) -> Vec<Danger> {
        let mut by_segment: BTreeMap<u32, Vec<&Spot>> = BTreeMap::new();
        for spot in self.spots.values() {
            by_segment.entry(spot.place.segment).or_default().push(spot);
        }
        let wanted = usize::from(self.descriptor.geometry.data) + usize::from(self.order.margin);
        let mut dangers: Vec<Danger> = by_segment
            .into_iter()
            .filter_map(|(segment, spots)| {
                let alive = spots.iter().filter(|spot| !spot.is_lost());
                let alive: BTreeSet<u16> = alive.map(|spot| spot.place.index).collect();
                // The owner's own place is named, also where a moved one was lost again.
                let places = self.order.placement.placement.places.iter();
                let mut lost: Vec<Place> = places
                    .filter(|place| place.segment == segment && !alive.contains(&place.index))
                    .cloned()
                    .collect();
                lost.sort_by_key(|place| place.index);
                lost.dedup_by_key(|place| place.index);
                if alive.len() >= wanted && !urgent {
                    let leaving = spots.iter().filter(|spot| spot.leaving);
                    let leaving: BTreeSet<u16> = leaving.map(|spot| spot.place.index).collect();
                    lost.retain(|place| leaving.contains(&place.index));
                }
                (!lost.is_empty()).then_some(Danger {
                    segment,
                    alive: alive.len(),
                    lost,
                })
            })
            .collect();
        dangers.sort_by_key(|danger| (danger.alive, danger.segment));
        dangers
    }
}

#[cfg(test)]
mod tests;
