//! A file goes onto hosts: read once, sealed and coded a segment at a time, each shard agreed,
//! sent, receipted and paid; the object's records last.
//!
//! Order of trust on this side: cover is checked before any host is contacted; the cheque's sum
//! is durable before the cheque leaves, and it leaves only after a receipt that verifies.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use host_core::agreement::PayMode;
use host_core::announce::{Announcement, HostOffer};
use host_core::geometry::{Codec, Geometry};
use host_core::object::{Cipher as CipherKind, Descriptor, Place, Segment};
use host_core::receipt::Receipt;
use host_core::{AgreementDigest, Amount, ObjectId};
use tokio::sync::watch;

use crate::cipher::{CHUNK, TAG};
use crate::error::Error;
use crate::lease::Terms;
use crate::progress::{Cost, Phases, Progress};
use crate::record;
use crate::session::{self, Begin, Entry, Journal, Session, SessionId, ShardState, State, Trial};
use crate::{Inner, Renter};

mod body;
pub(crate) mod cover;
mod early;
mod finish;
pub(crate) mod give_up;
pub(crate) mod noted;
mod prepare;
mod quote;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod repair;
mod rest;
pub(crate) mod reuse;
mod segment;
mod shard;
mod store;
mod tail;

use body::{Body, Room};
use cover::Cover;
pub use early::{Early, Recorded};
use finish::Before;
use noted::Noted;
pub use quote::Quote;
pub(crate) use quote::quote;

/// What is to be stored.
#[derive(Debug, Clone)]
pub struct PutRequest {
    /// The file.
    pub path: PathBuf,
    /// Data shards a segment.
    pub data: u16,
    /// Parity shards a segment.
    pub parity: u16,
    /// Term in days.
    pub days: u64,
    /// Open data: not encrypted.
    pub public: bool,
    /// Highest price paid, in smallest units per GiB and epoch.
    pub price_max: Option<Amount>,
    /// How the agreements are paid.
    pub pay: PayMode,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutDone {
    /// The object.
    pub id: ObjectId,
    /// Plaintext bytes.
    pub bytes: u64,
    /// Shards stored.
    pub shards: u64,
    /// Cost of the whole term.
    pub cost: Amount,
    /// Promised by cheques so far.
    pub issued: Amount,
    /// Locked in the escrow for this object, in this run.
    pub locked: Amount,
    /// First epoch after the term.
    pub end_epoch: u64,
    /// What each phase cost, in the order of `Phase::ALL`.
    pub phases: [Cost; 5],
}

/// Pieces of a shard in one segment of a put, at most and at least, and pieces of all its shards
/// where those bounds leave room: see docs/decisions/0060.
const PIECES_MAX: u64 = 16;
const PIECES_MIN: u64 = 4;
const SEGMENT_PIECES: u64 = 480;
/// Bytes of a file from which its shards are long: below, several segments are worth more, since
/// one is made while another leaves.
const LONG: u64 = 64 << 20;

/// The geometry a put of so many bytes uses: shards long enough that what each costs beside its
/// bytes is small, segments small enough to hold two in memory.
pub fn put_geometry(data: u16, parity: u16, bytes: u64) -> Result<Geometry, Error> {
    geometry_of(data, parity, pieces(data, parity, bytes))
}

/// Pieces of a shard in one segment of a put.
fn pieces(data: u16, parity: u16, bytes: u64) -> u64 {
    let total = u64::from(data) + u64::from(parity);
    let most = if bytes < LONG { PIECES_MIN } else { PIECES_MAX };
    (SEGMENT_PIECES / total.max(1)).clamp(PIECES_MIN, most)
}

/// Shards of so many pieces at most; a segment is a multiple of the sealed chunk, so that chunks
/// never cross segments.
fn geometry_of(data: u16, parity: u16, pieces: u64) -> Result<Geometry, Error> {
    let base = Geometry {
        codec: Codec::of_counts(data, parity),
        data,
        parity,
        ..Geometry::standard()
    };
    let sealed = u64::try_from(CHUNK + TAG).unwrap_or(1);
    let wanted = u64::from(data) * u64::from(base.piece_len) * pieces;
    let geometry = Geometry {
        segment_len: wanted / sealed * sealed,
        ..base
    };
    geometry.check()?;
    Ok(geometry)
}

/// Plaintext bytes of a segment.
fn plain_len(geometry: &Geometry, public: bool) -> usize {
    let len = usize::try_from(geometry.segment_len).unwrap_or(usize::MAX);
    if public {
        len
    } else {
        len / (CHUNK + TAG) * CHUNK
    }
}

/// One put under way.
struct Put<'a> {
    renter: &'a Renter,
    inner: &'a Inner,
    geometry: Geometry,
    end_epoch: u64,
    /// First epoch after the term that every shard of the session reaches at least.
    least_end: u64,
    /// Shards a segment must have: one that finds no host beyond them ends nothing.
    least: u16,
    /// How many segments have them.
    enough: watch::Sender<usize>,
    /// Why a shard beyond them has no host.
    lacking: Mutex<Option<Error>>,
    hosts: Vec<Announcement>,
    /// Who keeps a shard already, of an object that is leased again.
    keepers: BTreeMap<(u32, u16), Vec<HostOffer>>,
    /// Stored and paid.
    places: Mutex<Vec<Place>>,
    /// Terms of those.
    terms: Mutex<Terms>,
    /// Receipts heard in this run.
    receipts: Mutex<BTreeMap<AgreementDigest, Receipt>>,
    /// What an earlier run was at when it ended.
    earlier: Mutex<BTreeMap<(u32, u16), Trial>>,
    /// Agreements nobody uses.
    loose: Mutex<Vec<Trial>>,
    cover: Cover,
    /// How agreements are paid, what may be locked for them in all, and what was.
    pay: PayMode,
    budget: Amount,
    locked: Mutex<Amount>,
    progress: &'a watch::Sender<Progress>,
    phases: Arc<Phases>,
    noted: Noted,
    room: Room,
}

fn file_error(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.display().to_string(),
        source,
    }
}

/// Length and time of change of a file.
fn facts_of(path: &Path) -> Result<(u64, u64), Error> {
    let facts = std::fs::metadata(path).map_err(file_error(path))?;
    let modified = facts
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified_ms = modified.map_or(0, |at| u64::try_from(at.as_millis()).unwrap_or(0));
    Ok((facts.len(), modified_ms))
}

/// The descriptor of an object; with a hash it is open data.
fn describe(geometry: &Geometry, segments: Vec<Segment>, public: Option<[u8; 32]>) -> Descriptor {
    Descriptor {
        version: 1,
        geometry: *geometry,
        cipher: if public.is_some() {
            CipherKind::None
        } else {
            CipherKind::Aes256Gcm
        },
        len: segments.iter().map(|segment| segment.len).sum(),
        segments,
        sha256: public,
    }
}

/// Writes a new session down; nothing else happens until it is run. Durable when it returns.
pub(crate) fn begin(renter: &Renter, request: &PutRequest) -> Result<SessionId, Error> {
    put_geometry(request.data, request.parity, 0)?;
    let mut secret = [0; 39];
    renter.inner.entropy.fill(&mut secret);
    write_down(renter, request, &secret, None)
}

/// Writes a session down whose object key and nonce prefix are `secret`.
fn write_down(
    renter: &Renter,
    request: &PutRequest,
    secret: &[u8; 39],
    reuse: Option<ObjectId>,
) -> Result<SessionId, Error> {
    let inner = &renter.inner;
    let path = request
        .path
        .canonicalize()
        .map_err(file_error(&request.path))?;
    let (bytes, modified_ms) = facts_of(&path)?;
    let sealed = record::seal(&inner.seal, inner.nonce(), secret);
    let mut id = [0; 16];
    inner.entropy.fill(&mut id);
    let id = SessionId(id);
    let mut journal = Journal::open(&inner.book.session(id))?;
    journal.append(&Entry::Begun(Begin {
        path: path.display().to_string(),
        bytes,
        modified_ms,
        data: request.data,
        parity: request.parity,
        days: request.days,
        public: request.public,
        price_max: request.price_max,
        sealed,
        reuse,
        pieces: Some(pieces(request.data, request.parity, bytes)),
        pay: Some(request.pay),
    }))?;
    let noted = Noted::new(inner, journal);
    noted.state(State::Begun, None)?;
    Ok(id)
}

/// Works on a session to its end; what stops it is written into its journal. Tells `early` once
/// the object can be read.
pub(crate) async fn run(
    renter: &Renter,
    id: SessionId,
    progress: &watch::Sender<Progress>,
    early: Option<&Early>,
) -> Result<PutDone, Error> {
    let path = renter.inner.book.session(id);
    let ended = || Error::Ended {
        session: id.to_string(),
    };
    if session::read(&path, id)?.is_over() {
        return Err(ended());
    }
    let noted = Noted::new(&renter.inner, Journal::open(&path)?);
    // Read again under the lock: another process may have worked on it until now.
    let session = session::read(&path, id)?;
    if session.is_over() {
        return Err(ended());
    }
    let recorded = session.object.filter(|_| session.begin.reuse.is_none());
    let done = match (recorded, &session.begin.reuse) {
        (Some(object), _) => rest::run(renter, &session, object, &noted, progress).await,
        (None, Some(object)) => again(renter, &session, *object, &noted, progress).await,
        (None, None) => work(renter, &session, &noted, progress, early).await,
    };
    match &done {
        Ok(done) => {
            noted.note(&Entry::Done(done.id))?;
            noted.state(State::Completed, None)?;
        }
        Err(error) => noted.state(State::Stopped, Some(error))?,
    }
    done
}

/// The session's file. Errors: Changed when it is not the one it began with.
fn file_of(begin: &Begin) -> Result<PathBuf, Error> {
    let path = PathBuf::from(&begin.path);
    match facts_of(&path)? == (begin.bytes, begin.modified_ms) {
        true => Ok(path),
        false => Err(Error::Changed {
            path: begin.path.clone(),
        }),
    }
}

/// Stores a file as a new object.
async fn work(
    renter: &Renter,
    session: &Session,
    noted: &Noted,
    progress: &watch::Sender<Progress>,
    early: Option<&Early>,
) -> Result<PutDone, Error> {
    let begin = &session.begin;
    let path = file_of(begin)?;
    noted.state(State::Finding, None)?;
    progress.send_modify(|p| p.bytes_total = begin.bytes);
    let (mut put, cost) = prepare::prepare(renter, session, noted, None, progress).await?;
    let early = early.filter(|_| !begin.public);
    put.least = early.map_or(put.least, |early| early.least(&put.geometry));
    noted.state(State::Sending, None)?;
    let stored = put.store(&path, begin, early).await;
    let whole = stored.as_ref().is_ok_and(|stored| stored.rest.is_ok());
    put.tidy(session.id, whole).await?;
    let stored = stored?;
    noted.state(State::Recording, None)?;
    let before = match stored.told {
        true => Before::Ours,
        false => Before::Beside,
    };
    let (secret, descriptor) = (&stored.secret, &stored.descriptor);
    let done = put.finish(secret, descriptor, cost, before).await?;
    stored.rest.map(|()| done)
}

/// Leases an object again.
async fn again(
    renter: &Renter,
    session: &Session,
    object: ObjectId,
    noted: &Noted,
    progress: &watch::Sender<Progress>,
) -> Result<PutDone, Error> {
    let begin = &session.begin;
    let path = file_of(begin)?;
    noted.state(State::Finding, None)?;
    progress.send_modify(|p| p.bytes_total = begin.bytes);
    let again = reuse::Again::open(renter, object)?;
    let (put, cost) = prepare::prepare(renter, session, noted, Some(&again), progress).await?;
    noted.state(State::Sending, None)?;
    let leased = put.lease(&path, &again.secret, &again.descriptor).await;
    put.tidy(session.id, leased.is_ok()).await?;
    leased?;
    noted.state(State::Recording, None)?;
    let (secret, descriptor) = (&again.secret, &again.descriptor);
    let done = put
        .finish(secret, descriptor, cost, Before::Replaced)
        .await?;
    put.retire(&again).await?;
    Ok(done)
}

impl Put<'_> {
    /// The chain's epoch.
    async fn epoch_now(&self) -> Result<u64, Error> {
        let block = self.inner.chain.head().await?.block;
        Ok(self.inner.network.epoch.epoch_of(block))
    }

    /// Whether the vault covers what is left of a segment's first cheques, at the dearest prices
    /// that may come.
    async fn cover_segment(&self, body: &Body) -> Result<(), Error> {
        if self.pay == PayMode::Escrow {
            return Ok(());
        }
        let (mut needed, mut need) = (Amount::ZERO, 0);
        for index in 0..self.geometry.total() {
            let at = (body.segment, index);
            match self.keepers.get(&at).and_then(|offers| offers.first()) {
                _ if self.is_placed(body.segment, index) => {}
                None => need += 1,
                Some(offer) => {
                    let one = Amount::of_storage(body.shard_len, offer.price, 1)?;
                    needed = needed.plus(one)?;
                }
            }
        }
        let rest = quote::cost(&self.hosts, need, (1, body.shard_len), 1)?;
        let needed = needed.plus(rest)?;
        self.cover.check_again(self.inner, needed).await
    }

    /// Gives agreements nobody uses back to their hosts, whatever became of the work. A later run
    /// goes on with what was under way; only a `finished` one has no use for it.
    async fn tidy(&self, session: SessionId, finished: bool) -> Result<(), Error> {
        let mut loose =
            std::mem::take(&mut *self.loose.lock().unwrap_or_else(PoisonError::into_inner));
        if finished {
            let earlier =
                std::mem::take(&mut *self.earlier.lock().unwrap_or_else(PoisonError::into_inner));
            loose.extend(earlier.into_values());
        }
        let (closed, silent) = release::release(self.renter, &self.noted, &loose).await?;
        if !loose.is_empty() {
            tracing::info!(session = %session, closed, silent, "unused agreements given back");
        }
        Ok(())
    }

    /// Places and terms of this moment.
    fn so_far(&self) -> (Vec<Place>, Terms) {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        (places.clone(), terms.clone())
    }
}

/// Gives a session up: every agreement it made is closed at its host, but for those an object that
/// is written down needs. Returns how many were and how many hosts did not answer; asking again
/// asks those again.
pub(crate) async fn cancel(renter: &Renter, id: SessionId) -> Result<(usize, usize), Error> {
    let inner = &renter.inner;
    let path = inner.book.session(id);
    session::read(&path, id)?;
    let noted = Noted::new(inner, Journal::open(&path)?);
    let session = session::read(&path, id)?;
    let record = session.object.map(|object| inner.book.object(&object));
    let record = match record {
        Some(Err(Error::Unknown { .. })) | None => None,
        Some(record) => Some(record?.placement.placement),
    };
    let is_kept = |trial: &Trial| {
        let mut places = record.iter().flat_map(|record| &record.places);
        places.any(|place| place.agreement == trial.place.agreement)
    };
    let open = session.trials.values();
    let open = open.filter(|trial| trial.state != ShardState::Released && !is_kept(trial));
    let open: Vec<Trial> = open.cloned().collect();
    let again = session.state() == State::Cancelled && !open.is_empty();
    if session.is_over() && !again {
        return Err(Error::Ended {
            session: id.to_string(),
        });
    }
    let ends = match record.is_some() {
        true => State::Completed,
        false => State::Cancelled,
    };
    if ends == State::Completed {
        // Who stays silent is asked again with the others that a finished put has no use for.
        for trial in &open {
            noted.step(&trial.place, ShardState::GivenUp)?;
        }
    }
    let closed = release::release(renter, &noted, &open).await?;
    noted.state(ends, None)?;
    Ok(closed)
}

/// Reads up to `want` bytes; fewer only at the end of the file.
fn read_run(file: &mut std::fs::File, want: usize, path: &Path) -> Result<Vec<u8>, Error> {
    let mut run = Vec::with_capacity(want);
    let bound = u64::try_from(want).unwrap_or(u64::MAX);
    file.by_ref()
        .take(bound)
        .read_to_end(&mut run)
        .map_err(file_error(path))?;
    Ok(run)
}

#[cfg(test)]
mod tests;
