//! Hosts as hubs list them: who takes part in a put, where a known host is now, a list remembered
//! for the day all hubs are dead.
//!
//! Hubs enter page by page, side by side; what leaves is bounded however many hosts there are: a
//! choice of a few per shard and a remembered sample. Invariants: nothing a hub says counts before
//! the host's own signature was checked; for one host its newest word stands, whichever hub had
//! it. What this file does not do: talk to a host.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use host_core::announce::Announcement;
use host_core::seams::PeerAddr;
use host_core::{Amount, PeerId};
use host_transfer::hub;

use crate::Inner;
use crate::error::Error;

mod choice;
mod counts;
mod policy;
mod prefix;
mod remembered;

use choice::Choice;
pub use choice::{Evidence, Reason};
pub(crate) use counts::Counts;
pub use policy::{Constraint, POLICY_FILE, PlacementPolicy};
use remembered::Roll;

/// Longest time hubs are read when none has ended.
const HUBS_PATIENCE: Duration = Duration::from_secs(60);
/// Time the other hubs are given once one was read to its end.
const HUBS_GRACE: Duration = Duration::from_secs(3);

/// What hosts must be able to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Hosts needed: one for each shard of a segment.
    pub need: usize,
    /// Bytes each must have free.
    pub bytes: u64,
    /// Epochs each must accept.
    pub epochs: u64,
    /// Highest price paid, in smallest units per GiB and epoch.
    pub price_max: Option<Amount>,
    /// How many of the needed ones may be lost.
    pub parity: usize,
    /// Which hosts may keep them.
    pub policy: PlacementPolicy,
}

/// Hosts chosen for a put.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// In the order they are asked: the first `need` take a shard each, the others stand by.
    pub hosts: Vec<Announcement>,
    /// Announced hosts that fit.
    pub fit: usize,
    /// Hosts announced in all.
    pub known: usize,
    /// How it came about.
    pub evidence: Evidence,
}

/// The hub addresses of a network file as peers; one that does not read is left out.
pub(crate) fn hub_peers(hubs: &[String]) -> Vec<PeerAddr> {
    let parse = |text: &String| {
        let (addr, peer) = text.rsplit_once("/p2p/")?;
        Some(PeerAddr {
            peer: peer.parse().ok()?,
            addrs: vec![addr.to_owned()],
        })
    };
    hubs.iter().filter_map(parse).collect()
}

/// What one reading of the hubs fills.
struct Reading {
    choice: Option<(Choice, Counts)>,
    roll: Roll,
}

fn lock(reading: &Mutex<Reading>) -> MutexGuard<'_, Reading> {
    reading.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Chooses hosts. Deterministic for one draw of the renter's entropy and one set of
/// announcements, in whatever order and from whichever hub they come.
/// Errors: `NoHubs` when no hub answers and nothing is remembered; `TooFewHosts`, `TooStrict`,
/// `TooFewPrefixes`, `TooFewOperators`.
pub(crate) async fn choose(inner: &Inner, wanted: &Wanted) -> Result<Chosen, Error> {
    let mut seed = [0; 32];
    inner.entropy.fill(&mut seed);
    let counts = counts::read(inner).await;
    let bar = inner.network.score_bar;
    let choice = Choice::new(wanted.clone(), !inner.network.private, bar, seed);
    let hubs = counts.by_hub.len();
    let reading = read(inner, Some((choice, counts)), seed).await?;
    let (choice, _) = reading.choice.ok_or(Error::Worker)?;
    let chosen = choice.pick(hubs)?;
    without_liars(inner, wanted, chosen).await
}

/// Looks up on the chain what chosen hosts say they have staked, where the policy asks for stake,
/// and leaves out those that have less. Errors: `TooStrict` when too few are left.
async fn without_liars(
    inner: &Inner,
    wanted: &Wanted,
    mut chosen: Chosen,
) -> Result<Chosen, Error> {
    if wanted.policy.stake_min == Amount::ZERO {
        return Ok(chosen);
    }
    let mut liars = Vec::new();
    for host in &chosen.hosts {
        let (peer, said) = (host.offer.peer, choice::stake(host));
        let has = inner.chain.stake_of(peer.address()?).await?;
        if has.unwrap_or_default() < said {
            tracing::warn!(peer = %peer, "host has less stake than it says, left out");
            liars.push(peer);
        }
    }
    chosen
        .hosts
        .retain(|host| !liars.contains(&host.offer.peer));
    let ranked = &mut chosen.evidence.ranked;
    ranked.retain(|reason| !liars.contains(&reason.host));
    let (need, have) = (wanted.need, chosen.hosts.len());
    if have < need {
        return Err(Error::TooStrict {
            need,
            have,
            constraint: Constraint::Stake.key(),
            left_out: liars.len(),
            known: chosen.known,
        });
    }
    chosen.evidence.liars = liars;
    Ok(chosen)
}

/// What hubs counted, merged.
pub(crate) async fn counts(inner: &Inner) -> Counts {
    counts::read(inner).await
}

/// Announced hosts, newest word each; a sample where more are announced than are remembered.
pub(crate) async fn sample(inner: &Inner) -> Result<Vec<Announcement>, Error> {
    let mut seed = [0; 32];
    inner.entropy.fill(&mut seed);
    Ok(read(inner, None, seed).await?.roll.into_hosts())
}

/// Reads every hub into a choice and a remembered sample; falls back on the last sample. The
/// sample is written down, so that the next reading can fall back on it.
async fn read(
    inner: &Inner,
    choice: Option<(Choice, Counts)>,
    seed: [u8; 32],
) -> Result<Reading, Error> {
    let reading = Mutex::new(Reading {
        choice,
        roll: Roll::new(seed),
    });
    let news = |host: &Announcement| lock(&reading).roll.is_news(host);
    let take = |host: Announcement| {
        let mut reading = lock(&reading);
        if let Some((choice, counts)) = &mut reading.choice {
            choice.take(&host, counts.of(&host.offer.peer));
        }
        reading.roll.take(host);
    };
    let answered = ask_hubs(inner, &news, &take).await;
    let path = inner.book.path("hosts");
    let known = lock(&reading).roll.known();
    if known == 0 {
        for host in recall(inner, answered)? {
            take(host);
        }
    } else if answered > 0 {
        remembered::save(&path, &lock(&reading).roll);
    }
    Ok(reading.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The remembered hosts, checked again. Errors when nothing is remembered and no hub answered.
fn recall(inner: &Inner, answered: usize) -> Result<Vec<Announcement>, Error> {
    let mut list = match remembered::load(&inner.book.path("hosts")) {
        Err(_) if answered > 0 => Vec::new(),
        list => list?,
    };
    list.retain(|host| host.check(&inner.id).is_ok());
    Ok(list)
}

/// Reads all hubs side by side; returns how many were read to their end. Once one was, the others
/// have a few seconds: a dead hub costs no more.
async fn ask_hubs(
    inner: &Inner,
    news: &(dyn Fn(&Announcement) -> bool + Sync),
    take: &(dyn Fn(Announcement) + Sync),
) -> usize {
    let hubs = hub_peers(&inner.network.hubs);
    let (peers, network) = (inner.peers.as_ref(), &inner.id);
    let asked = hubs
        .iter()
        .map(|to| hub::read(peers, to, network, news, take));
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut patience = inner.clock.sleep(HUBS_PATIENCE);
    let mut answered = 0;
    loop {
        match select(asked.next(), patience).await {
            Either::Left((None, _)) => return answered,
            Either::Right(_) => return answered,
            Either::Left((Some(Ok(_)), rest)) => {
                patience = match answered {
                    0 => inner.clock.sleep(HUBS_GRACE),
                    _ => rest,
                };
                answered += 1;
            }
            Either::Left((Some(Err(err)), rest)) => {
                tracing::debug!(err = %err, "hub does not answer");
                patience = rest;
            }
        }
    }
}

/// Every announced host with its addresses: for questions that go to all of them.
pub(crate) async fn everybody(inner: &Inner) -> Result<Vec<PeerAddr>, Error> {
    let mut seed = [0; 32];
    inner.entropy.fill(&mut seed);
    let reading = Mutex::new(Reading {
        choice: None,
        roll: Roll::new(seed),
    });
    let all = Mutex::new(BTreeMap::new());
    let news = |host: &Announcement| lock(&reading).roll.is_news(host);
    let take = |host: Announcement| {
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(host.offer.peer, host.offer.addrs.clone());
        lock(&reading).roll.take(host);
    };
    let answered = ask_hubs(inner, &news, &take).await;
    let known = lock(&reading).roll.known();
    if known == 0 {
        recall(inner, answered)?.into_iter().for_each(take);
    }
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    let peer = |(peer, addrs)| PeerAddr { peer, addrs };
    Ok(all.into_iter().map(peer).collect())
}

/// Where some hosts are now, by the newest word any hub has of each; hosts no hub knows are
/// missing in the answer. Costs one question a host and hub, whatever the directory's size.
pub(crate) async fn whereabouts(inner: &Inner, wanted: &[PeerId]) -> BTreeMap<PeerId, Vec<String>> {
    let hubs = hub_peers(&inner.network.hubs);
    let asked = hubs
        .iter()
        .map(|to| hub::find_all(inner.peers.as_ref(), to, &inner.id, wanted));
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut newest: BTreeMap<PeerId, Announcement> = BTreeMap::new();
    let mut patience = inner.clock.sleep(HUBS_PATIENCE);
    while let Either::Left((Some(found), rest)) = select(asked.next(), patience).await {
        patience = match (found.is_empty(), newest.is_empty()) {
            (false, true) => inner.clock.sleep(HUBS_GRACE),
            _ => rest,
        };
        for host in found {
            let known = newest.get(&host.offer.peer);
            if known.is_none_or(|known| choice::age(known) < choice::age(&host)) {
                newest.insert(host.offer.peer, host);
            }
        }
    }
    newest
        .into_iter()
        .map(|(peer, host)| (peer, host.offer.addrs))
        .collect()
}
