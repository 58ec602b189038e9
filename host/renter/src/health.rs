//! How an object is: each shard's keeper is asked for one random unit of it, which is checked
//! against the shard's name; what answers so is alive, whatever else it claims.
//!
//! Invariants: asking is bounded in number, at once and in time; what was not asked or did not
//! answer is never counted as alive. What this file does not do: repair.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{StreamExt, iter};
use host_core::object::{Descriptor, Place};
use host_core::seams::PeerAddr;
use host_core::{PeerId, ShardId, limits};
use host_transfer::download;
use serde::Serialize;

use crate::error::Error;
use crate::get;
use crate::hosts;
use crate::lease;
use crate::record;
use crate::verify;
use crate::{Inner, ObjectRow, Renter};

/// Shards asked for at most; of a longer object, as many whole segments drawn at random.
const ASKED_MAX: usize = 4096;
/// Asks at the same time.
const AT_ONCE: usize = 32;
/// Longest wait for one shard's unit.
const ASK_PATIENCE: Duration = Duration::from_secs(10);
/// Longest time for all of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found out about one shard on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The host gave a random unit of it that verifies.
    Alive,
    /// The host says that it has not got it, or that it is damaged.
    Missing,
    /// The host gave bytes that are not the shard's.
    Lied,
    /// The host did not answer, or would not now.
    Unreachable,
    /// The host leaves the network, serves the shard still and asks that it be moved.
    Leaving,
    /// Nobody asked: the object is long, or time was up.
    Unasked,
}

/// One shard on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardHealth {
    /// Where it should be.
    pub place: Place,
    /// How it is.
    pub condition: Condition,
    /// The unit of 64 KiB that was asked for.
    pub unit: Option<u64>,
    /// How long the answer took, in milliseconds.
    pub took_ms: Option<u64>,
    /// What the host or the link said instead.
    pub why: Option<String>,
}

/// An object's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The object.
    pub row: ObjectRow,
    /// Every shard, in the order of segments and indexes.
    pub shards: Vec<ShardHealth>,
    /// How many more hosts may die, whichever they are, before bytes are lost; none when no
    /// segment was asked for.
    pub may_die: Option<usize>,
    /// Segments that were asked for and cannot be read now.
    pub segments_lost: usize,
    /// Segments that were asked for, and all.
    pub segments_asked: usize,
    /// Segments of the object.
    pub segments: usize,
    /// Epochs until the first agreement ends; none when the chain does not answer.
    pub epochs_left: Option<u64>,
    /// Days until bytes may be lost when nobody repairs or renews: until the first agreement ends,
    /// or more hosts than may die have gone at the pace seen so far, whichever comes first; none
    /// when nothing was asked for.
    pub days_to_danger: Option<u32>,
}

impl Health {
    /// Shards in one condition.
    #[must_use]
    pub fn count(&self, condition: Condition) -> usize {
        let same = self.shards.iter().filter(|s| s.condition == condition);
        same.count()
    }
}

/// One question and what came of it.
struct Ask<'a> {
    at: usize,
    place: &'a Place,
    shard: ShardId,
    shard_len: u64,
    unit: u64,
}

/// Asks for an object's health.
pub(crate) async fn check(renter: &Renter, row: ObjectRow) -> Result<Health, Error> {
    let inner = &renter.inner;
    let record = inner.book.object(&row.id)?;
    let descriptor = record.descriptor()?;
    let mut places = row.places.clone();
    places.sort_by_key(|place| (place.segment, place.index));
    let unasked = |place: &Place| ShardHealth {
        place: place.clone(),
        condition: Condition::Unasked,
        unit: None,
        took_ms: None,
        why: None,
    };
    let shards = Mutex::new(places.iter().map(unasked).collect::<Vec<_>>());
    let asks = draw(inner, &descriptor, &places);
    let asking = ask_all(inner, &asks, &shards);
    let timer = inner.clock.sleep(PATIENCE);
    // What did not come in time stays unasked.
    if let Either::Right(_) = select(std::pin::pin!(asking), timer).await {
        tracing::debug!("not every shard was asked in time");
    }
    let shards = shards.into_inner().unwrap_or_else(PoisonError::into_inner);
    let head = inner.chain.head().await.ok();
    let now = head.map(|head| inner.network.epoch.epoch_of(head.block));
    let margins = margins(&descriptor, &shards)?;
    // The earliest end counts; a record of an older program knows the placement's alone.
    let terms = lease::read(inner, &record)?;
    let ends = terms.values().map(|terms| terms.end_epoch);
    let end_epoch = ends.min().unwrap_or(row.end_epoch);
    let may_die = margins.iter().map(|margin| margin.unwrap_or(0)).min();
    let lost = margins.iter().any(Option::is_none);
    let epochs_left = now.map(|now| end_epoch.saturating_sub(now));
    let stored_ms = record::secret(&inner.seal, &record.secret)?.stored_ms;
    let rule = &inner.network.epoch;
    let pace = Pace {
        gone: gone(&shards),
        age_s: inner.clock.wall_ms().saturating_sub(stored_ms) / 1000,
        term_s: epochs_left.map(|epochs| {
            let blocks = epochs.saturating_mul(rule.epoch_blocks);
            blocks.saturating_mul(rule.block_seconds)
        }),
    };
    Ok(Health {
        days_to_danger: match (lost, may_die) {
            (true, _) => Some(0),
            (false, may_die) => may_die.map(|hosts| pace.days(hosts)),
        },
        epochs_left,
        may_die,
        segments_lost: margins.iter().filter(|margin| margin.is_none()).count(),
        segments_asked: margins.len(),
        segments: descriptor.segments.len(),
        shards,
        row,
    })
}

/// How an object fared so far.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Hosts that were placed on and do not show their shards now.
    gone: usize,
    /// Seconds since it was stored.
    age_s: u64,
    /// Seconds until its first agreement ends; none when the chain does not say.
    term_s: Option<u64>,
}

/// Seconds of a day, and those in which one host is taken to go before anything was seen: a young
/// object's silence says little.
const DAY_S: u64 = 86_400;
const PRIOR_S: u64 = 30 * DAY_S;

impl Pace {
    /// Whole days until one host more than `may_die` has gone, or the term ends. The pace is that
    /// of the hosts gone and one more, over the object's age and thirty days.
    fn days(&self, may_die: usize) -> u32 {
        let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX).saturating_add(1);
        let watched = self.age_s.saturating_add(PRIOR_S);
        let all = count(may_die).saturating_mul(watched) / count(self.gone);
        let until = self.term_s.map_or(all, |term| term.min(all));
        u32::try_from(until / DAY_S).unwrap_or(u32::MAX)
    }
}

/// Hosts with a shard that is not there.
fn gone(shards: &[ShardHealth]) -> usize {
    let is_ill = |shard: &&ShardHealth| {
        !matches!(
            shard.condition,
            Condition::Alive | Condition::Leaving | Condition::Unasked
        )
    };
    let ill = shards.iter().filter(is_ill);
    ill.map(|shard| shard.place.host)
        .collect::<BTreeSet<_>>()
        .len()
}

/// Which shards are asked for, and for which unit of each.
fn draw<'a>(inner: &Inner, descriptor: &Descriptor, places: &'a [Place]) -> Vec<Ask<'a>> {
    let number = || {
        let mut random = [0; 8];
        inner.entropy.fill(&mut random);
        u64::from_be_bytes(random)
    };
    let mut by_segment: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        by_segment.entry(place.segment).or_default().push(at);
    }
    let mut segments: Vec<Vec<usize>> = by_segment.into_values().collect();
    if places.len() > ASKED_MAX {
        segments.sort_by_cached_key(|_| number());
    }
    let mut asks = Vec::new();
    for segment in segments {
        if !asks.is_empty() && asks.len() + segment.len() > ASKED_MAX {
            break;
        }
        asks.extend(segment.into_iter().filter_map(|at| {
            let place = places.get(at)?;
            let of = descriptor
                .segments
                .get(usize::try_from(place.segment).ok()?)?;
            let shard_len = descriptor.geometry.shard_len(of.len);
            let units = shard_len.div_ceil(limits::UNIT_LEN as u64).max(1);
            Some(Ask {
                at,
                place,
                shard: *of.shards.get(usize::from(place.index))?,
                shard_len,
                unit: number() % units,
            })
        }));
    }
    asks
}

/// Asks everybody where they were last, then those that are silent where the hubs say they are.
async fn ask_all(inner: &Inner, asks: &[Ask<'_>], shards: &Mutex<Vec<ShardHealth>>) {
    ask_round(inner, asks.iter().collect(), shards, &BTreeMap::new()).await;
    let silent = |ask: &&Ask<'_>| {
        let shards = shards.lock().unwrap_or_else(PoisonError::into_inner);
        let shard = shards.get(ask.at);
        shard.is_some_and(|shard| shard.condition == Condition::Unreachable)
    };
    let again: Vec<&Ask<'_>> = asks.iter().filter(silent).collect();
    let hosts: BTreeSet<PeerId> = again.iter().map(|ask| ask.place.host).collect();
    let hosts: Vec<PeerId> = hosts.into_iter().collect();
    if hosts.is_empty() {
        return;
    }
    let moved = hosts::whereabouts(inner, &hosts).await;
    let moved_only = again.into_iter().filter(|ask| {
        let now = moved.get(&ask.place.host);
        now.is_some_and(|addrs| *addrs != ask.place.addrs)
    });
    ask_round(inner, moved_only.collect(), shards, &moved).await;
}

async fn ask_round(
    inner: &Inner,
    asks: Vec<&Ask<'_>>,
    shards: &Mutex<Vec<ShardHealth>>,
    moved: &BTreeMap<PeerId, Vec<String>>,
) {
    let silent: Mutex<BTreeSet<PeerId>> = Mutex::default();
    let is_silent = |host: &PeerId| {
        let silent = silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.contains(host)
    };
    let (silent, is_silent) = (&silent, &is_silent);
    let asked = asks.into_iter().map(|ask| async move {
        let host = ask.place.host;
        let since = inner.clock.monotonic();
        // One wait for a silent host is enough for all its shards.
        let answer = match is_silent(&host) {
            true => Err((Condition::Unreachable, "its host is silent".to_owned())),
            false => one(inner, ask, moved.get(&host)).await,
        };
        if matches!(answer, Err((Condition::Unreachable, _))) {
            let mut silent = silent.lock().unwrap_or_else(PoisonError::into_inner);
            silent.insert(host);
        }
        let took = inner.clock.monotonic().saturating_sub(since);
        let mut shards = shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shards.get_mut(ask.at) {
            shard.unit = Some(ask.unit);
            shard.took_ms = Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            (shard.condition, shard.why) = match answer {
                Ok(()) => (Condition::Alive, None),
                Err((condition, why)) => (condition, Some(why)),
            };
        }
    });
    // A list of futures: with the closure itself in this one it could not be spawned.
    let asked: Vec<_> = asked.collect();
    iter(asked).buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// Asks for one unit; it is there when this returns well.
async fn one(
    inner: &Inner,
    ask: &Ask<'_>,
    moved: Option<&Vec<String>>,
) -> Result<(), (Condition, String)> {
    let unit = limits::UNIT_LEN as u64;
    let offset = ask.unit * unit;
    let len = unit.min(ask.shard_len.saturating_sub(offset));
    let to = PeerAddr {
        peer: ask.place.host,
        addrs: moved.unwrap_or(&ask.place.addrs).clone(),
    };
    let asking = async {
        let peers = inner.peers.as_ref();
        let opened = download::open(peers, &to, &ask.shard, ask.shard_len, offset, len).await;
        match opened {
            Ok(mut stream) => stream.next().await.map(|unit| unit.is_some()),
            // A look costs nothing: where reads do, leaves are shown instead.
            Err(host_transfer::Error::Unpaid { .. }) => {
                let of = verify::Kept {
                    agreement: ask.place.agreement,
                    shard: ask.shard,
                    shard_len: ask.shard_len,
                };
                match verify::leaves(inner, &to, of).await? {
                    Ok(()) => Ok(true),
                    Err(_) => Err(host_transfer::Error::Bytes {
                        peer: to.peer,
                        unit: ask.unit,
                    }),
                }
            }
            Err(error) => Err(error),
        }
    };
    let timer = inner.clock.sleep(ASK_PATIENCE);
    match select(std::pin::pin!(asking), timer).await {
        Either::Left((Ok(true), _)) => Ok(()),
        Either::Left((Ok(false), _)) => Err((Condition::Missing, "nothing came".into())),
        Either::Left((Err(err), _)) => Err((verify::condition(&err), err.to_string())),
        Either::Right(_) => Err((Condition::Unreachable, "it was too slow".into())),
    }
}

/// For each segment that was asked for: how many hosts may still die, none when it is lost. Hosts
/// with the most shards are taken to die first.
fn margins(descriptor: &Descriptor, shards: &[ShardHealth]) -> Result<Vec<Option<usize>>, Error> {
    let mut by_segment: BTreeMap<u32, Vec<&ShardHealth>> = BTreeMap::new();
    for shard in shards {
        by_segment
            .entry(shard.place.segment)
            .or_default()
            .push(shard);
    }
    let mut margins = Vec::new();
    for (number, segment) in descriptor.segments.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let held = by_segment.remove(&number).unwrap_or_default();
        let asked = |shard: &&ShardHealth| shard.condition != Condition::Unasked;
        if !held.is_empty() && !held.iter().any(asked) {
            continue;
        }
        let enough = get::shards_needed(&descriptor.geometry, segment.len)?;
        let mut hosts: BTreeMap<PeerId, BTreeSet<u16>> = BTreeMap::new();
        for shard in held.iter().filter(|s| s.condition == Condition::Alive) {
            let place = &shard.place;
            hosts.entry(place.host).or_default().insert(place.index);
        }
        margins.push(margin(hosts.into_values().collect(), enough));
    }
    Ok(margins)
}

/// How many of the hosts that hold these shards of one segment may die, whichever they are; none
/// when fewer than `enough` shards are there now.
fn margin(mut hosts: Vec<BTreeSet<u16>>, enough: usize) -> Option<usize> {
    hosts.sort_by_key(|held| std::cmp::Reverse(held.len()));
    let left = |from: usize| {
        let rest = hosts.iter().skip(from).flatten();
        rest.collect::<BTreeSet<_>>().len()
    };
    (0..=hosts.len())
        .take_while(|dead| left(*dead) >= enough)
        .last()
}

#[cfg(test)]
mod tests;
