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

use host_core::announce::Announcement;
use host_core::geometry::Geometry;
use host_core::object::{Cipher as CipherKind, Descriptor, Place, Segment};
use host_core::seams::Clock;
use host_core::{Amount, ObjectId, PeerId};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::cipher::{CHUNK, TAG};
use crate::encode;
use crate::error::Error;
use crate::hosts::{Chosen, Wanted};
use crate::progress::{Cost, Phase, Phases, Progress};
use crate::record;
use crate::session::{self, Begin, Entry, Journal, Session, SessionId, State};
use crate::{Inner, Renter};

mod send;

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
    /// First epoch after the term.
    pub end_epoch: u64,
    /// What each phase cost, in the order of `Phase::ALL`.
    pub phases: [Cost; 5],
}

/// Pieces of a shard in one segment of a put: see docs/decisions/0004.
const PIECES: u64 = 4;

/// The geometry a put uses: segments small enough to hold a few in memory, and a multiple of the
/// sealed chunk, so that chunks never cross segments.
pub fn put_geometry(data: u16, parity: u16) -> Result<Geometry, Error> {
    let base = Geometry {
        data,
        parity,
        ..Geometry::standard()
    };
    let sealed = u64::try_from(CHUNK + TAG).unwrap_or(1);
    let wanted = u64::from(data) * u64::from(base.piece_len) * PIECES;
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
    inner: &'a Inner,
    geometry: Geometry,
    end_epoch: u64,
    hosts: Vec<Announcement>,
    places: Mutex<Vec<Place>>,
    progress: &'a watch::Sender<Progress>,
    phases: Arc<Phases>,
    noted: Noted,
    purses: Mutex<BTreeMap<PeerId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What a put would cost and make; no host is contacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The object's name; only open data has one before it is stored (else it depends on a key
    /// that is drawn then).
    pub id: Option<ObjectId>,
    /// Plaintext bytes.
    pub bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Shards over all segments.
    pub shards: u64,
    /// Bytes of a full segment's shard.
    pub shard_len: u64,
    /// Epochs of the term.
    pub epochs: u64,
    /// Hosts that fit.
    pub hosts: usize,
    /// Cost of the whole term.
    pub cost: Amount,
    /// What the first cheques promise.
    pub first: Amount,
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

/// Quotes a put from the hubs' lists. For open data the file is read and named.
pub(crate) async fn quote(renter: &Renter, request: &PutRequest) -> Result<Quote, Error> {
    let inner = &renter.inner;
    let (bytes, _) = facts_of(&request.path)?;
    let geometry = put_geometry(request.data, request.parity)?;
    let epochs = inner.network.epoch.epochs_of_days(request.days)?;
    let share = host_share(&geometry, bytes, request.public);
    let need = usize::from(geometry.total());
    let wanted = Wanted {
        need,
        bytes: share,
        epochs,
        price_max: request.price_max,
    };
    let Chosen { hosts, fit, .. } = renter.choose(&wanted).await?;
    let segments = segment_count(&geometry, bytes, request.public);
    let path = request.path.clone();
    let id = match request.public {
        false => None,
        true => {
            let named = tokio::task::spawn_blocking(move || name_public(&path, &geometry));
            Some(named.await.map_err(|_| Error::Worker)??)
        }
    };
    Ok(Quote {
        id,
        bytes,
        segments,
        shards: segments * u64::from(geometry.total()),
        shard_len: geometry.shard_len(geometry.segment_len.min(bytes)),
        epochs,
        hosts: fit,
        cost: cost(&hosts, need, share, epochs)?,
        first: cost(&hosts, need, share, 1)?,
    })
}

/// The object id open data will have.
fn name_public(path: &Path, geometry: &Geometry) -> Result<ObjectId, Error> {
    let mut file = std::fs::File::open(path).map_err(file_error(path))?;
    let run_len = plain_len(geometry, true);
    let mut hash = Sha256::new();
    let mut segments = Vec::new();
    loop {
        let run = read_run(&mut file, run_len, path)?;
        if run.is_empty() {
            break;
        }
        hash.update(&run);
        let coded = encode::code(geometry, &run)?;
        segments.push(coded.segment());
    }
    Ok(describe(geometry, segments, Some(hash.finalize().into())).id())
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
    let inner = &renter.inner;
    put_geometry(request.data, request.parity)?;
    let path = request
        .path
        .canonicalize()
        .map_err(file_error(&request.path))?;
    let (bytes, modified_ms) = facts_of(&path)?;
    let mut secret = [0; 39];
    inner.entropy.fill(&mut secret);
    let sealed = record::seal(&inner.seal, inner.nonce(), &secret);
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
    }))?;
    let at_ms = inner.clock.wall_ms();
    journal.append(&Entry::State {
        state: State::Begun,
        at_ms,
        message: None,
    })?;
    Ok(id)
}

/// Works on a session to its end; what stops it is written into its journal.
pub(crate) async fn run(
    renter: &Renter,
    id: SessionId,
    progress: &watch::Sender<Progress>,
) -> Result<PutDone, Error> {
    let path = renter.inner.book.session(id);
    let session = session::read(&path, id)?;
    if matches!(session.state(), State::Completed | State::Cancelled) {
        return Err(Error::Ended {
            session: id.to_string(),
        });
    }
    let journal = Arc::new(Mutex::new(Journal::open(&path)?));
    let noted = Noted {
        journal,
        clock: Arc::clone(&renter.inner.clock),
    };
    let done = work(renter, session, &noted, progress).await;
    match &done {
        Ok(done) => {
            noted.note(&Entry::Done(done.id))?;
            noted.state(State::Completed, None)?;
        }
        Err(error) => noted.state(State::Stopped, Some(error.to_string()))?,
    }
    done
}

/// The journal of a running session.
#[derive(Clone)]
struct Noted {
    journal: Arc<Mutex<Journal>>,
    clock: Arc<dyn Clock>,
}

impl Noted {
    fn note(&self, entry: &Entry) -> Result<(), Error> {
        self.journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(entry)
    }

    fn state(&self, state: State, message: Option<String>) -> Result<(), Error> {
        self.note(&Entry::State {
            state,
            at_ms: self.clock.wall_ms(),
            message,
        })
    }
}

async fn work(
    renter: &Renter,
    session: Session,
    noted: &Noted,
    progress: &watch::Sender<Progress>,
) -> Result<PutDone, Error> {
    let inner = &renter.inner;
    let begin = session.begin;
    let path = PathBuf::from(&begin.path);
    if facts_of(&path)? != (begin.bytes, begin.modified_ms) {
        return Err(Error::Changed { path: begin.path });
    }
    noted.state(State::Finding, None)?;
    let geometry = put_geometry(begin.data, begin.parity)?;
    let epochs = inner.network.epoch.epochs_of_days(begin.days)?;
    let now = inner
        .network
        .epoch
        .epoch_of(inner.chain.head().await?.block);
    let end_epoch = now + epochs;
    let least_end = session.end_epoch.unwrap_or(end_epoch);
    if session.end_epoch.is_none() {
        noted.note(&Entry::Term { end_epoch })?;
    }
    let share = host_share(&geometry, begin.bytes, begin.public);
    let phases = Phases::new(Arc::clone(&inner.meter));
    let need = usize::from(geometry.total());
    let wanted = Wanted {
        need,
        bytes: share,
        epochs,
        price_max: begin.price_max,
    };
    let chosen = phases.poll(Phase::Find, renter.choose(&wanted)).await?;
    phases.note_peak(Phase::Find);
    let Chosen { hosts, known, .. } = chosen;
    let cost = cost(&hosts, need, share, epochs)?;
    check_cover(inner, cost).await?;
    progress.send_modify(|p| {
        p.bytes_total = begin.bytes;
        p.hosts_known = u64::try_from(known).unwrap_or(0);
        p.cost = cost;
    });
    noted.state(State::Sending, None)?;
    let put = Put {
        inner,
        geometry,
        end_epoch,
        hosts,
        places: Mutex::new(session.places),
        progress,
        phases,
        noted: noted.clone(),
        purses: Mutex::default(),
    };
    let (secret, descriptor) = put.store(&path, &begin).await?;
    noted.state(State::Recording, None)?;
    put.finish(secret, descriptor, cost, least_end.min(end_epoch))
        .await
}

/// Gives a session up: every agreement it paid for is closed at its host. Returns how many were
/// and how many hosts did not answer.
pub(crate) async fn cancel(renter: &Renter, id: SessionId) -> Result<(usize, usize), Error> {
    let inner = &renter.inner;
    let path = inner.book.session(id);
    let session = session::read(&path, id)?;
    if matches!(session.state(), State::Completed | State::Cancelled) {
        return Err(Error::Ended {
            session: id.to_string(),
        });
    }
    let mut journal = Journal::open(&path)?;
    let silent = renter.close(&session.places).await.len();
    let closed = (session.places.len() - silent, silent);
    let at_ms = inner.clock.wall_ms();
    journal.append(&Entry::State {
        state: State::Cancelled,
        at_ms,
        message: None,
    })?;
    Ok(closed)
}

/// Segments an object of `bytes` plaintext has.
fn segment_count(geometry: &Geometry, bytes: u64, public: bool) -> u64 {
    let run = u64::try_from(plain_len(geometry, public)).unwrap_or(u64::MAX);
    bytes.div_ceil(run)
}

/// Bytes one host must have room for.
fn host_share(geometry: &Geometry, bytes: u64, public: bool) -> u64 {
    let segments = segment_count(geometry, bytes, public);
    let sealed = bytes + bytes.div_ceil(CHUNK as u64) * TAG as u64;
    segments * geometry.shard_len(geometry.segment_len.min(sealed))
}

/// What `share` bytes cost for `epochs` on each of the `need` dearest hosts that fit: a bound, as
/// which of them take part is not known yet.
fn cost(hosts: &[Announcement], need: usize, share: u64, epochs: u64) -> Result<Amount, Error> {
    let mut prices: Vec<Amount> = hosts.iter().map(|host| host.offer.price).collect();
    prices.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = Amount::ZERO;
    for price in prices.into_iter().take(need) {
        sum = sum.plus(Amount::of_storage(share, price, epochs)?)?;
    }
    Ok(sum)
}

/// Errors with needed, available and missing when the vault's free balance is below `needed`.
async fn check_cover(inner: &Inner, needed: Amount) -> Result<(), Error> {
    let facts = inner.chain.vault(inner.vault, inner.owner).await?;
    let mut owed = Amount::ZERO;
    for (beneficiary, sum) in inner.book.promises(inner.vault)? {
        let paid = inner.chain.vault(inner.vault, beneficiary).await?.paid_out;
        owed = owed.plus(Amount(sum.0.saturating_sub(paid.0)))?;
    }
    let owed = owed;
    let available = Amount(facts.balance.0.saturating_sub(owed.0));
    if available < needed {
        let missing = needed.minus(available)?;
        return Err(Error::Shortfall {
            needed,
            available,
            missing,
        });
    }
    Ok(())
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
