//! Shards of an object that are lost are rebuilt from others and placed anew: by the owner, or by
//! a guard under a grant, with its own key and money (docs/formats/guard.md).
//!
//! A repair is a session like a put: terms are in its journal before they leave, a cheque only
//! after a receipt, and a run that was killed anywhere is gone on with by the next repair of the
//! same object; what it had placed is not placed twice. Invariants: nothing is decrypted; a new
//! place is written into the book before the session ends, and the lost one leaves the book in
//! the same write. Does not: decide that a shard is lost (`health`, a guard's audits).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};
use host_core::agreement::PayMode;
use host_core::announce::HostOffer;
use host_core::object::{Descriptor, Place, Placement, SignedPlacement};
use host_core::receipt::Receipt;
use host_core::seams::PeerAddr;
use host_core::{Amount, ObjectId, PeerId, codec};
use host_transfer::upload::{self, Opened};
use tokio::sync::watch;

use super::Put;
use super::body::{Body, Room};
use super::cover::Cover;
use super::noted::Noted;
use super::segment::Race;
use crate::error::Error;
use crate::hosts;
use crate::lease::{self, Terms};
use crate::progress::{Phases, Progress};
use crate::record::{self, ObjectRecord, Secret, shelf};
use crate::session::{self, Begin, Entry, Journal, Session, SessionId, State};
use crate::{Inner, Renter};

/// What is to be repaired.
#[derive(Debug, Clone)]
pub struct RepairJob {
    /// The object.
    pub descriptor: Descriptor,
    /// Places shards can be read from.
    pub alive: Vec<Place>,
    /// Places that are lost, in the order in which they are repaired.
    pub lost: Vec<Place>,
    /// Those of the lost ones that can still be read: their hosts leave.
    pub leaving: Vec<Place>,
    /// Hosts that keep some of those shards already, under another's agreement.
    pub keepers: Vec<Place>,
    /// First epoch after the term of the new agreements.
    pub end_epoch: u64,
    /// Highest price paid, smallest units per GiB and epoch.
    pub price_max: Option<Amount>,
    /// A host may hold several shards of a segment when no other is left.
    pub doubling: bool,
}

/// A shard that has a new place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Where it was.
    pub old: Place,
    /// Where it is.
    pub new: Place,
    /// The new host's word.
    pub receipt: Receipt,
}

/// What a repair came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairDone {
    /// Shards that have a new place.
    pub repaired: Vec<Repaired>,
    /// Shards that found none, and why.
    pub failed: Vec<(Place, String)>,
    /// Shard bytes read.
    pub read: u64,
    /// Shard bytes written.
    pub written: u64,
    /// What the new agreements promised so far, smallest units.
    pub promised: Amount,
}

impl RepairDone {
    /// This and what another segment came to.
    fn and(mut self, other: RepairDone) -> RepairDone {
        self.repaired.extend(other.repaired);
        self.failed.extend(other.failed);
        self.read += other.read;
        self.written += other.written;
        self
    }
}

/// Segments that are repaired at a time: what one waits for hosts, another reads.
const AT_ONCE: usize = 2;

/// The word a repair's session begins with in place of a file.
fn title(object: &ObjectId) -> String {
    format!("repair:{object}")
}

/// Repairs of an object that did not end, and their journals.
pub(super) fn unfinished(
    inner: &Inner,
    object: &ObjectId,
) -> Result<impl Iterator<Item = (PathBuf, Session)>, Error> {
    let title = title(object);
    let journals = inner.book.journals()?;
    Ok(journals.filter(move |(_, known)| known.begin.path == title && !known.is_over()))
}

/// Repairs what a job names, as far as hosts are found; what found none is told, not an error.
/// Errors: nothing was placed because of them, or the book could not be written.
pub(crate) async fn run(renter: &Renter, job: &RepairJob) -> Result<RepairDone, Error> {
    let inner = &*renter.inner;
    let object = job.descriptor.id();
    let (id, noted) = open(inner, &job.descriptor, object, job.end_epoch)?;
    let session = session::read(&inner.book.session(id), id)?;
    let (progress, _watched) = watch::channel(Progress::default());
    let put = gather(renter, job, &session, &noted, &progress).await?;
    let segments = stream::iter(by_segment(&job.lost));
    let segments = segments.map(|(segment, lost)| {
        let put = &put;
        async move { put.repair_segment(job, segment, &lost).await }
    });
    // Begun in the order in which they were named; one reads while another writes.
    let mut done: RepairDone = segments
        .buffered(AT_ONCE)
        .try_fold(RepairDone::default(), |all, one| ready(Ok(all.and(one))))
        .await?;
    put.write_down(job, object, &mut done).await?;
    put.tidy(id, true).await?;
    noted.note(&Entry::Done(object))?;
    noted.state(State::Completed, None)?;
    Ok(done)
}

/// The session of a repair of this object that did not end, or a new one.
fn open(
    inner: &Inner,
    descriptor: &Descriptor,
    object: ObjectId,
    end_epoch: u64,
) -> Result<(SessionId, Noted), Error> {
    if let Some((path, known)) = unfinished(inner, &object)?.next() {
        return Ok((known.id, Noted::new(inner, Journal::open(&path)?)));
    }
    let mut id = [0; 16];
    inner.entropy.fill(&mut id);
    let id = SessionId(id);
    let mut journal = Journal::open(&inner.book.session(id))?;
    journal.append(&Entry::Begun(Begin {
        path: title(&object),
        bytes: descriptor.len,
        modified_ms: 0,
        data: descriptor.geometry.data,
        parity: descriptor.geometry.parity,
        days: 0,
        public: descriptor.sha256.is_some(),
        price_max: None,
        sealed: Vec::new(),
        reuse: Some(object),
        pieces: None,
        pay: Some(PayMode::Cheque),
    }))?;
    let noted = Noted::new(inner, journal);
    noted.note(&Entry::Term { end_epoch })?;
    noted.state(State::Sending, None)?;
    Ok((id, noted))
}

/// Lost places by segment; the segments in the order in which the first of each was named.
fn by_segment(lost: &[Place]) -> Vec<(u32, Vec<Place>)> {
    let mut all: Vec<(u32, Vec<Place>)> = Vec::new();
    for place in lost {
        match all
            .iter_mut()
            .find(|(segment, _)| *segment == place.segment)
        {
            Some((_, places)) => places.push(place.clone()),
            None => all.push((place.segment, vec![place.clone()])),
        }
    }
    all
}

/// A put whose places are those that live, with what an earlier run of the repair left.
async fn gather<'a>(
    renter: &'a Renter,
    job: &RepairJob,
    session: &Session,
    noted: &Noted,
    progress: &'a watch::Sender<Progress>,
) -> Result<Put<'a>, Error> {
    let inner = &*renter.inner;
    let earlier = session.trials.values().filter(|trial| trial.is_under_way());
    let earlier = earlier.map(|trial| ((trial.place.segment, trial.place.index), trial.clone()));
    let mut places = job.alive.clone();
    places.extend(session.places.iter().cloned());
    let mut terms = session.all_terms();
    // What a repair that ended just before the process did has placed already.
    if let Ok(known) = inner.book.object(&job.descriptor.id()) {
        inner.reads.learn(inner, job.descriptor.id(), &known);
        let of_job = |place: &&Place| {
            let same = |lost: &Place| (lost.segment, lost.index) == (place.segment, place.index);
            job.lost.iter().any(same) && !job.lost.contains(place) && !places.contains(place)
        };
        let before = known.placement.placement.places.iter();
        let before: Vec<Place> = before.filter(of_job).cloned().collect();
        let mut known_terms = lease::read(inner, &known)?;
        known_terms.retain(|agreement, _| before.iter().any(|place| place.agreement == *agreement));
        terms.extend(known_terms);
        places.extend(before);
    }
    Ok(Put {
        renter,
        inner,
        geometry: job.descriptor.geometry,
        end_epoch: session.end_epoch.unwrap_or(job.end_epoch),
        least_end: job.end_epoch,
        least: job.descriptor.geometry.total(),
        enough: watch::Sender::new(0),
        lacking: Mutex::default(),
        hosts: takers(inner, job).await?,
        keepers: keepers(inner, job).await,
        places: Mutex::new(places),
        terms: Mutex::new(terms),
        receipts: Mutex::default(),
        room: Room::new(job.descriptor.geometry.total()),
        earlier: Mutex::new(earlier.collect()),
        loose: Mutex::new(session.loose().cloned().collect()),
        cover: Cover::default(),
        // A guard pays from its own vault, and an owner's repair as a guard's.
        pay: PayMode::Cheque,
        budget: Amount::ZERO,
        locked: Mutex::default(),
        progress,
        phases: Phases::new(Arc::clone(&inner.meter)),
        noted: noted.clone(),
    })
}

/// Announced hosts that may take a shard: room, price and term fit; the cheapest first, and those
/// of one price in a drawn order. The hosts of the lost places are not asked again.
async fn takers(
    inner: &Inner,
    job: &RepairJob,
) -> Result<Vec<host_core::announce::Announcement>, Error> {
    if job.alive.is_empty() {
        // Nothing can be rebuilt: only those who keep a shard can take it on.
        return Ok(Vec::new());
    }
    let all = match hosts::sample(inner).await {
        Err(_) if !job.keepers.is_empty() => Vec::new(),
        all => all?,
    };
    let lens = job.descriptor.segments.iter();
    let longest = lens.map(|one| job.descriptor.geometry.shard_len(one.len));
    let longest = longest.max().unwrap_or(0);
    let block = inner.chain.head().await?.block;
    let epochs = job
        .end_epoch
        .saturating_sub(inner.network.epoch.epoch_of(block));
    let gone: BTreeSet<PeerId> = job.lost.iter().map(|place| place.host).collect();
    let fits = |offer: &HostOffer| {
        !offer.leaving
            && offer.free >= longest
            && offer.epochs_max >= epochs
            && job.price_max.is_none_or(|max| offer.price <= max)
            && !gone.contains(&offer.peer)
    };
    let fit = all.into_iter().filter(|host| fits(&host.offer));
    let mut drawn: Vec<_> = fit
        .map(|host| {
            let mut lot = [0; 8];
            inner.entropy.fill(&mut lot);
            (host.offer.price, lot, host)
        })
        .collect();
    drawn.sort_by_key(|(price, lot, _)| (*price, *lot));
    Ok(drawn.into_iter().map(|(_, _, host)| host).collect())
}

/// The offers of those who keep a lost shard already.
async fn keepers(inner: &Inner, job: &RepairJob) -> BTreeMap<(u32, u16), Vec<HostOffer>> {
    let mut keepers: BTreeMap<(u32, u16), Vec<HostOffer>> = BTreeMap::new();
    for place in &job.keepers {
        let to = PeerAddr {
            peer: place.host,
            addrs: place.addrs.clone(),
        };
        if let Ok(told) = host_transfer::info::ask(inner.peers.as_ref(), &to, &inner.id).await {
            let of = keepers.entry((place.segment, place.index)).or_default();
            of.push(told.offer);
        }
    }
    keepers
}

impl Put<'_> {
    /// Rebuilds and places the lost shards of one segment.
    async fn repair_segment(
        &self,
        job: &RepairJob,
        segment: u32,
        lost: &[Place],
    ) -> Result<RepairDone, Error> {
        let mut done = RepairDone::default();
        let at = usize::try_from(segment).unwrap_or(usize::MAX);
        let named = job.descriptor.segments.get(at).ok_or(Error::Worker)?;
        let shard_len = job.descriptor.geometry.shard_len(named.len);
        let wanted: Vec<usize> = lost.iter().map(|place| place.index.into()).collect();
        let alive = job.alive.iter().chain(&job.leaving);
        let alive = alive.filter(|place| place.segment == segment);
        let body = Body::lost(segment, &job.descriptor, alive.cloned().collect(), wanted);
        let mut candidates = self.candidates(segment);
        if job.doubling {
            let all = self.hosts.iter().map(|host| host.offer.clone());
            let more: VecDeque<HostOffer> = all
                .filter(|offer| !candidates.iter().any(|one| one.peer == offer.peer))
                .collect();
            candidates.extend(more);
        }
        let race = Race::new(candidates, 1);
        self.cover_shards(&race, lost.len(), shard_len).await?;
        let now = self.epoch_now().await?;
        for place in lost {
            if self.is_placed(segment, place.index) {
                continue;
            }
            match self.place_shard(&body, &race, place.index, now).await {
                Ok(_) => done.written += shard_len,
                Err(
                    error @ (Error::NoHostForShard { .. }
                    | Error::TooFewShards { .. }
                    | Error::Shortfall { .. }),
                ) => {
                    tracing::info!(segment, index = place.index, err = %error, "not repaired");
                    done.failed.push((place.clone(), error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        if body.was_read() {
            let need = crate::get::shards_needed(&self.geometry, named.len)?;
            done.read += shard_len * u64::try_from(need).unwrap_or(0);
        }
        Ok(done)
    }

    /// The first cheques of so many shards at the dearest price of those who may take them; for
    /// each segment under way, since the others may not have promised theirs when this one looks.
    async fn cover_shards(&self, race: &Race, count: usize, shard_len: u64) -> Result<(), Error> {
        let offers = self.hosts.iter().map(|host| &host.offer);
        let offers = offers.chain(self.keepers.values().flatten());
        let dearest = offers.map(|offer| offer.price).max().unwrap_or_default();
        let mut needed = Amount::ZERO;
        for _ in 0..count.saturating_mul(AT_ONCE) {
            needed = needed.plus(Amount::of_storage(shard_len, dearest, 1)?)?;
        }
        self.cover.check_again(self.inner, needed).await?;
        let _set_before = race.covered.set(());
        Ok(())
    }

    /// Writes the new places into the book in the place of the lost ones, and tells them.
    async fn write_down(
        &self,
        job: &RepairJob,
        object: ObjectId,
        done: &mut RepairDone,
    ) -> Result<(), Error> {
        let inner = self.inner;
        let (placed, mut terms) = self.so_far();
        let old: BTreeMap<(u32, u16), &Place> = job
            .lost
            .iter()
            .map(|place| ((place.segment, place.index), place))
            .collect();
        let is_fresh =
            |place: &&Place| terms.contains_key(&place.agreement) && !job.alive.contains(place);
        let fresh = placed.iter().filter(is_fresh);
        let fresh: Vec<Place> = fresh.cloned().collect();
        for new in &fresh {
            let Some(old) = old.get(&(new.segment, new.index)) else {
                continue;
            };
            let receipt = self.receipt_of(new, &terms).await?;
            done.repaired.push(Repaired {
                old: (*old).clone(),
                new: new.clone(),
                receipt,
            });
            let first = terms.get(&new.agreement).map(|terms| terms.cost_of(1));
            done.promised = done.promised.plus(first.transpose()?.unwrap_or_default())?;
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let turn = inner.book.turn()?;
        let known = inner.book.object(&object).ok();
        let is_own = known.as_ref().is_some_and(|known| {
            let mut all = known.placement.placement.places.iter();
            all.any(|place| job.alive.contains(place))
        });
        let record = self.merge(job, known, &fresh, &mut terms)?;
        inner.book.keep(&record)?;
        drop(turn);
        if is_own {
            let places = record.placement.placement.places.iter();
            let hosts: BTreeMap<_, _> = places.map(|p| (p.host, p.addrs.clone())).collect();
            let hosts = hosts.into_iter();
            let hosts: Vec<_> = hosts
                .map(|(peer, addrs)| PeerAddr { peer, addrs })
                .collect();
            if let Err(err) = shelf::spread(inner, &hosts, &record).await {
                tracing::warn!(object = %object, err = %err, "no record is kept");
            }
        }
        Ok(())
    }

    /// The receipt of a place, if it came in this run.
    fn heard(&self, place: &Place) -> Option<Receipt> {
        let receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.get(&place.agreement).cloned()
    }

    /// The object's record with the new places. Of an object that is not this book's own, a record
    /// of the repaired places alone, so that they are paid and given up like any other.
    fn merge(
        &self,
        job: &RepairJob,
        known: Option<ObjectRecord>,
        fresh: &[Place],
        terms: &mut Terms,
    ) -> Result<ObjectRecord, Error> {
        let inner = self.inner;
        let (mut places, mut version, mut end_epoch) = (Vec::new(), 0, self.end_epoch);
        let mut secret = Secret {
            name: title(&job.descriptor.id()),
            len: job.descriptor.len,
            sha256: [0; 32],
            key: [0; 32],
            prefix: [0; 7],
            stored_ms: inner.clock.wall_ms(),
        };
        if let Some(known) = &known {
            terms.extend(lease::read(inner, known)?);
            secret = record::secret(&inner.seal, &known.secret)?;
            let placement = &known.placement.placement;
            (version, end_epoch) = (placement.version, placement.end_epoch);
            let is_moved = |place: &&Place| {
                let same = |new: &Place| (new.segment, new.index) == (place.segment, place.index);
                job.lost.contains(place) && fresh.iter().any(same)
            };
            places = placement.places.clone();
            places.retain(|place| !is_moved(&place) && !fresh.contains(place));
        }
        places.extend(fresh.iter().cloned());
        places.sort_by_key(|place| (place.segment, place.index));
        let known_ends = places.iter().map(|place| {
            let terms = terms.get(&place.agreement);
            terms.map_or(end_epoch, |terms| terms.end_epoch)
        });
        end_epoch = known_ends.min().unwrap_or(end_epoch);
        let sealed = lease::write(&secret, &places, terms);
        let placement = Placement {
            object: job.descriptor.id(),
            owner: inner.owner,
            version: (version + 1).max(inner.clock.wall_ms()),
            end_epoch,
            places,
        };
        Ok(ObjectRecord {
            descriptor: codec::to_bytes(&job.descriptor),
            secret: record::seal(&inner.seal, inner.nonce(), &sealed),
            placement: SignedPlacement::sign(placement, &inner.id, &inner.key),
        })
    }

    /// The receipt of a new place; one that an earlier run heard is asked for again under the same
    /// terms.
    async fn receipt_of(&self, place: &Place, terms: &Terms) -> Result<Receipt, Error> {
        if let Some(receipt) = self.heard(place) {
            return Ok(receipt);
        }
        let inner = self.inner;
        let missing = || Error::NoReceipt {
            agreement: place.agreement,
        };
        let terms = terms.get(&place.agreement).ok_or_else(missing)?;
        let chain_id = inner.network.chain_id;
        let to = PeerAddr {
            peer: place.host,
            addrs: place.addrs.clone(),
        };
        let signature = terms.sign(chain_id, &inner.key);
        let peers = inner.peers.as_ref();
        match upload::open(peers, &to, chain_id, &inner.id, terms, signature).await {
            Ok(Opened::Stored(stored)) => Ok(stored.receipt.clone()),
            _ => Err(missing()),
        }
    }
}
