//! A file goes onto hosts: read once, sealed and coded a segment at a time, each shard agreed,
//! sent, receipted and paid; the object's records last.
//!
//! Order of trust on this side: cover is checked before any host is contacted; the cheque's sum
//! is durable before the cheque leaves, and it leaves only after a receipt that verifies.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use futures::stream::{FuturesUnordered, StreamExt};
use host_core::agreement::{Agreement, PayMode};
use host_core::announce::{Announcement, HostOffer};
use host_core::cheque::Cheque;
use host_core::codec;
use host_core::geometry::Geometry;
use host_core::object::SignedPlacement;
use host_core::object::{Cipher as CipherKind, Descriptor, Place, Placement, Segment};
use host_core::records::{Record, SignedRecord};
use host_core::seams::{Clock, PeerAddr};
use host_core::{AgreementId, Amount, ObjectId, PeerId, ShardId, limits};
use host_transfer::upload::{self, Opened, StoredShard};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::cipher::{CHUNK, Cipher, TAG};
use crate::encode::{self, Coded};
use crate::error::Error;
use crate::hosts;
use crate::progress::{Cost, Phase, Phases, Progress};
use crate::record::{self, ObjectRecord, Secret};
use crate::session::{self, Begin, Entry, Journal, Session, SessionId, State};
use crate::{Inner, Renter};

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

/// Longest wait for one host to take one shard before another one is asked.
const PATIENCE: Duration = Duration::from_secs(30);
/// Times the same host is asked again when no other is left.
const REPEATS_MAX: u32 = 2;
/// Pause before that.
const REPEAT_AFTER: Duration = Duration::from_millis(500);
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
    let hosts = hosts::fit(renter.find_hosts().await?, share, epochs, request.price_max);
    let need = usize::from(geometry.total());
    if hosts.len() < need {
        return Err(Error::TooFewHosts {
            need,
            have: hosts.len(),
        });
    }
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
        hosts: hosts.len(),
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
    let found = phases.poll(Phase::Find, renter.find_hosts()).await?;
    phases.note_peak(Phase::Find);
    let mut hosts = hosts::fit(found, share, epochs, begin.price_max);
    let need = usize::from(geometry.total());
    if hosts.len() < need {
        return Err(Error::TooFewHosts {
            need,
            have: hosts.len(),
        });
    }
    shuffle(&mut hosts, inner);
    let cost = cost(&hosts, need, share, epochs)?;
    check_cover(inner, cost).await?;
    progress.send_modify(|p| {
        p.bytes_total = begin.bytes;
        p.hosts_known = u64::try_from(hosts.len()).unwrap_or(0);
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

fn shuffle(hosts: &mut [Announcement], inner: &Inner) {
    let mut random = [0; 8];
    for last in (1..hosts.len()).rev() {
        inner.entropy.fill(&mut random);
        let pick = u64::from_be_bytes(random) % (u64::try_from(last).unwrap_or(0) + 1);
        hosts.swap(last, usize::try_from(pick).unwrap_or(0));
    }
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

impl Put<'_> {
    /// Stores every segment; two are in memory at most: one on its way, one being made.
    async fn store(&self, path: &Path, begin: &Begin) -> Result<(Secret, Descriptor), Error> {
        let mut file = std::fs::File::open(path).map_err(file_error(path))?;
        let (key, prefix) = self.object_key(begin)?;
        let cipher = (!begin.public).then(|| Arc::new(Cipher::new(&key, prefix)));
        let run_len = plain_len(&self.geometry, begin.public);
        let mut hash = Sha256::new();
        let mut segments = Vec::new();
        let mut done: u64 = 0;
        let mut sending = None;
        while done < begin.bytes {
            let run = read_run(&mut file, run_len, path)?;
            if run.is_empty() {
                return Err(Error::Changed {
                    path: begin.path.clone(),
                });
            }
            hash.update(&run);
            let first = u32::try_from(done / CHUNK as u64).unwrap_or(u32::MAX);
            done += u64::try_from(run.len()).unwrap_or(0);
            let coded = self.code(cipher.clone(), first, done >= begin.bytes, run);
            let coded = match sending.take() {
                None => coded.await?,
                Some(before) => {
                    let (coded, sent) = futures::join!(coded, before);
                    let () = sent?;
                    coded?
                }
            };
            let number = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            segments.push(coded.segment());
            sending = Some(Box::pin(self.send_segment(number, coded, done)));
        }
        if let Some(before) = sending.take() {
            before.await?;
        }
        let sha256: [u8; 32] = hash.finalize().into();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let stored_ms = self.inner.clock.wall_ms();
        let name = name.unwrap_or_default();
        let secret = Secret {
            name,
            len: done,
            sha256,
            key,
            prefix,
            stored_ms,
        };
        Ok((
            secret,
            describe(&self.geometry, segments, begin.public.then_some(sha256)),
        ))
    }

    /// Key and nonce prefix, drawn when the session began.
    fn object_key(&self, begin: &Begin) -> Result<([u8; 32], [u8; 7]), Error> {
        let plain = record::unseal(&self.inner.seal, &begin.sealed)?;
        let wrong = || host_core::Error::Encoding {
            what: "session key",
        };
        let (key, prefix) = plain.split_first_chunk::<32>().ok_or_else(wrong)?;
        Ok((*key, prefix.try_into().map_err(|_| wrong())?))
    }

    /// Seals and codes one segment's plaintext on a blocking thread.
    async fn code(
        &self,
        cipher: Option<Arc<Cipher>>,
        first: u32,
        last: bool,
        run: Vec<u8>,
    ) -> Result<Coded, Error> {
        let geometry = self.geometry;
        let phases = Arc::clone(&self.phases);
        let work = move || {
            let sealed = match cipher {
                Some(cipher) => encode::seal(&cipher, first, last, &run),
                None => run,
            };
            encode::code(&geometry, &sealed)
        };
        let coded = tokio::task::spawn_blocking(move || phases.time(Phase::Encode, work));
        coded.await.map_err(|_| Error::Worker)?
    }

    /// Sends all shards of a segment at once, each to a host of its own; a host that fails, or is
    /// far slower than the others, gives its place to the next one. `plain` is where the object's
    /// plaintext is once the segment is stored.
    async fn send_segment(&self, segment: u32, coded: Coded, plain: u64) -> Result<(), Error> {
        let total = usize::from(self.geometry.total());
        self.progress
            .send_modify(|p| p.shards_total += u64::from(self.geometry.total()));
        let rule = self.inner.network.epoch;
        let now = rule.epoch_of(self.inner.chain.head().await?.block);
        let spare = Mutex::new((total..self.hosts.len()).collect::<VecDeque<usize>>());
        let mut sends = FuturesUnordered::new();
        for (index, (id, bytes)) in coded.shards.into_iter().enumerate() {
            let place = u16::try_from(index).unwrap_or(u16::MAX);
            if self.is_placed(segment, place) {
                self.progress.send_modify(|p| p.shards_paid += 1);
                continue;
            }
            let spare = &spare;
            sends.push(async move {
                let mut host = index;
                let mut repeats = 0;
                loop {
                    let send = self.send_shard(segment, place, host, now, (id, &bytes));
                    let why = match tokio::time::timeout(PATIENCE, send).await {
                        Ok(Ok(())) => return Ok::<(), Error>(()),
                        Ok(Err(why)) => why,
                        Err(_) => "it was too slow".to_owned(),
                    };
                    tracing::debug!(segment, index, err = %why, "host gives its place up");
                    let next = spare
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    // With no host to spare, one passing fault must not end the put.
                    if next.is_none() && repeats >= REPEATS_MAX {
                        return Err(Error::NoHostForShard {
                            segment,
                            index: place,
                            last: why,
                        });
                    }
                    if next.is_none() {
                        repeats += 1;
                        self.inner.clock.sleep(REPEAT_AFTER).await;
                    }
                    host = next.unwrap_or(host);
                }
            });
        }
        while let Some(sent) = sends.next().await {
            sent?;
        }
        self.progress
            .send_modify(|p| p.bytes_done = p.bytes_done.max(plain));
        Ok(())
    }

    /// Whether an earlier run of this session stored and paid the shard.
    fn is_placed(&self, segment: u32, index: u16) -> bool {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .iter()
            .any(|place| place.segment == segment && place.index == index)
    }

    async fn send_shard(
        &self,
        segment: u32,
        index: u16,
        host: usize,
        now: u64,
        (id, bytes): (ShardId, &[u8]),
    ) -> Result<(), String> {
        let host = self.hosts.get(host).ok_or("there is no such host")?;
        let offer = &host.offer;
        let terms = self
            .terms(offer, id, bytes.len(), now)
            .map_err(|e| e.to_string())?;
        let mut stored = self
            .deliver(offer, &terms, bytes)
            .await
            .map_err(|e| e.to_string())?;
        self.progress.send_modify(|p| p.shards_stored += 1);
        let paid = self.pay(offer.peer, &terms, &mut stored);
        self.phases.poll(Phase::Cheques, paid).await?;
        stored.close().await;
        self.phases.note_peak(Phase::Cheques);
        let place = Place {
            segment,
            index,
            host: offer.peer,
            addrs: offer.addrs.clone(),
            agreement: terms.digest(self.inner.network.chain_id),
        };
        self.noted
            .note(&Entry::Placed(place.clone()))
            .map_err(|e| e.to_string())?;
        self.places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(place);
        Ok(())
    }

    /// Fresh terms for one shard on one host.
    fn terms(
        &self,
        offer: &HostOffer,
        id: ShardId,
        len: usize,
        now: u64,
    ) -> Result<Agreement, Error> {
        let mut number = [0; 32];
        self.inner.entropy.fill(&mut number);
        Ok(Agreement {
            network: self.inner.id,
            id: AgreementId(number),
            renter: self.inner.owner,
            host: offer.peer.address()?,
            payout: offer.payout,
            shard: id,
            shard_len: u64::try_from(len).unwrap_or(0),
            codec: self.geometry.codec.id(),
            price: offer.price,
            start_epoch: now,
            end_epoch: self.end_epoch,
            egress_price: offer.egress_price,
            pay_mode: PayMode::Cheque,
            nonce: 0,
        })
    }

    /// Agreement and bytes, until the host's receipt verifies.
    async fn deliver(
        &self,
        offer: &HostOffer,
        terms: &Agreement,
        bytes: &[u8],
    ) -> Result<StoredShard, host_transfer::Error> {
        let inner = self.inner;
        let chain_id = inner.network.chain_id;
        let to = PeerAddr {
            peer: offer.peer,
            addrs: offer.addrs.clone(),
        };
        let signature = terms.sign(chain_id, &inner.key);
        let peers = inner.peers.as_ref();
        let opened = upload::open(peers, &to, chain_id, &inner.id, terms, signature);
        let opened = self.phases.poll(Phase::Agree, opened).await?;
        self.phases.note_peak(Phase::Agree);
        let mut stream = match opened {
            Opened::Stored(stored) => return Ok(stored),
            Opened::Send(stream) => stream,
        };
        let sent = async {
            for run in bytes.chunks(limits::BODY_LEN_MAX) {
                stream.send(run).await?;
                let moved = u64::try_from(run.len()).unwrap_or(0);
                self.progress.send_modify(|p| p.bytes_moved += moved);
            }
            stream.finish().await
        };
        let stored = self.phases.poll(Phase::Send, sent).await;
        self.phases.note_peak(Phase::Send);
        stored
    }

    /// The first epoch's cheque. Cheques to one host leave one at a time, so that each is judged
    /// against the one before; its sum is durable in the book before it leaves.
    async fn pay(
        &self,
        host: PeerId,
        terms: &Agreement,
        stored: &mut StoredShard,
    ) -> Result<(), String> {
        let inner = self.inner;
        let purse = {
            let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(purses.entry(host).or_default())
        };
        let _turn = purse.lock().await;
        let due = terms.cost_of(1).map_err(|e| e.to_string())?;
        let cumulative = inner
            .book
            .issue(inner.vault, terms.host, due)
            .map_err(|e| e.to_string())?;
        let (vault, beneficiary) = (inner.vault, terms.host);
        let cheque = Cheque {
            vault,
            beneficiary,
            cumulative,
            token: None,
        }
        .sign(inner.network.chain_id, &inner.key);
        stored
            .pay(terms.start_epoch + 1, cheque)
            .await
            .map_err(|e| e.to_string())?;
        self.progress.send_modify(|p| {
            p.shards_paid += 1;
            p.issued = Amount(p.issued.0.saturating_add(due.0));
        });
        Ok(())
    }

    /// Writes the records down, here and on hosts.
    async fn finish(
        &self,
        secret: Secret,
        descriptor: Descriptor,
        cost: Amount,
        end_epoch: u64,
    ) -> Result<PutDone, Error> {
        let inner = self.inner;
        let bytes = codec::to_bytes(&descriptor);
        let id = ObjectId::of_descriptor(&bytes);
        let mut places =
            std::mem::take(&mut *self.places.lock().unwrap_or_else(PoisonError::into_inner));
        let shards = u64::try_from(places.len()).unwrap_or(0);
        // Open data put again is the same object under new leases: both are written down, so that
        // giving it up releases both.
        let known = inner
            .book
            .object(&id)
            .ok()
            .map(|known| known.placement.placement);
        let version = known.as_ref().map_or(1, |known| known.version + 1);
        places.extend(known.into_iter().flat_map(|known| known.places));
        places.sort_by_key(|place| (place.segment, place.index));
        let placement = Placement {
            object: id,
            owner: inner.owner,
            version,
            end_epoch,
            places,
        };
        let placement = SignedPlacement::sign(placement, &inner.id, &inner.key);
        let nonce = inner.nonce();
        let sealed = record::seal(&inner.seal, nonce, &codec::to_bytes(&secret));
        let record = ObjectRecord {
            descriptor: bytes,
            secret: sealed,
            placement,
        };
        inner.book.keep(&record)?;
        self.spread(&record, id).await;
        let issued = inner.book.issued(inner.vault)?;
        Ok(PutDone {
            id,
            bytes: secret.len,
            shards,
            cost,
            issued,
            end_epoch,
            phases: self.phases.costs(),
        })
    }

    /// Gives the sealed record to some hosts, so that the phrase alone brings the object back.
    async fn spread(&self, record: &ObjectRecord, object: ObjectId) {
        let inner = self.inner;
        let body = record::seal(&inner.seal, inner.nonce(), &codec::to_bytes(record));
        let signed = SignedRecord::sign(
            Record {
                owner: inner.owner,
                object,
                version: record.placement.placement.version,
                end_epoch: self.end_epoch,
                body,
            },
            &inner.id,
            &inner.key,
        );
        let copies = limits::RECORD_COPIES_MIN * 2;
        let puts = self.hosts.iter().take(copies).map(|host| {
            let to = PeerAddr {
                peer: host.offer.peer,
                addrs: host.offer.addrs.clone(),
            };
            let signed = signed.clone();
            async move { host_transfer::records::put(inner.peers.as_ref(), &to, signed).await }
        });
        let kept = futures::future::join_all(puts)
            .await
            .into_iter()
            .filter(Result::is_ok)
            .count();
        if kept < limits::RECORD_COPIES_MIN {
            tracing::warn!(count = kept, "few hosts keep the object's record");
        }
    }
}
