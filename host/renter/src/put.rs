//! A file goes onto hosts: read once, sealed and coded a segment at a time, each shard agreed,
//! sent, receipted and paid; the object's records last.
//!
//! Order of trust on this side: cover is checked before any host is contacted; the cheque's sum
//! is durable before the cheque leaves, and it leaves only after a receipt that verifies.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{FuturesUnordered, StreamExt};
use host_core::agreement::{Agreement, PayMode};
use host_core::announce::{Announcement, HostOffer};
use host_core::cheque::Cheque;
use host_core::codec;
use host_core::geometry::Geometry;
use host_core::object::SignedPlacement;
use host_core::object::{Cipher as CipherKind, Descriptor, Place, Placement, Segment};
use host_core::records::{Record, SignedRecord};
use host_core::seams::PeerAddr;
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
    start_epoch: u64,
    end_epoch: u64,
    hosts: Vec<Announcement>,
    places: Mutex<Vec<Place>>,
    progress: &'a watch::Sender<Progress>,
    phases: Arc<Phases>,
    purses: Mutex<BTreeMap<PeerId, Arc<tokio::sync::Mutex<()>>>>,
}

/// Runs a put to its end.
pub(crate) async fn run(
    renter: &Renter,
    request: &PutRequest,
    progress: &watch::Sender<Progress>,
) -> Result<PutDone, Error> {
    let inner = &renter.inner;
    let file_error = |source| Error::File {
        path: request.path.display().to_string(),
        source,
    };
    let mut file = std::fs::File::open(&request.path).map_err(file_error)?;
    let bytes = file.metadata().map_err(file_error)?.len();
    let geometry = put_geometry(request.data, request.parity)?;
    let head = inner.chain.head().await?;
    let rule = inner.network.epoch;
    let start_epoch = rule.epoch_of(head.block);
    let end_epoch = start_epoch + rule.epochs_of_days(request.days)?;
    let share = host_share(&geometry, bytes);
    let phases = Phases::new(Arc::clone(&inner.meter));
    let found = phases.poll(Phase::Find, renter.find_hosts()).await?;
    phases.note_peak(Phase::Find);
    let mut hosts = hosts::fit(found, share, end_epoch - start_epoch, request.price_max);
    let need = usize::from(geometry.total());
    if hosts.len() < need {
        return Err(Error::TooFewHosts {
            need,
            have: hosts.len(),
        });
    }
    shuffle(&mut hosts, inner);
    let cost = cost(&geometry, bytes, &hosts, end_epoch - start_epoch)?;
    check_cover(inner, cost).await?;
    progress.send_modify(|p| {
        p.bytes_total = bytes;
        p.hosts_known = u64::try_from(hosts.len()).unwrap_or(0);
        p.cost = cost;
    });
    let put = Put {
        inner,
        geometry,
        start_epoch,
        end_epoch,
        hosts,
        places: Mutex::default(),
        progress,
        phases,
        purses: Mutex::default(),
    };
    let (secret, descriptor) = put.store(&mut file, request, bytes).await?;
    put.finish(secret, descriptor, cost).await
}

/// Bytes one host must have room for.
fn host_share(geometry: &Geometry, bytes: u64) -> u64 {
    let segments = bytes.div_ceil(geometry.segment_len).max(1);
    segments * geometry.shard_len(geometry.segment_len.min(bytes.max(1)))
}

fn shuffle(hosts: &mut [Announcement], inner: &Inner) {
    let mut random = [0; 8];
    for last in (1..hosts.len()).rev() {
        inner.entropy.fill(&mut random);
        let pick = u64::from_be_bytes(random) % (u64::try_from(last).unwrap_or(0) + 1);
        hosts.swap(last, usize::try_from(pick).unwrap_or(0));
    }
}

/// What the whole term costs at the dearest `total` hosts chosen.
fn cost(
    geometry: &Geometry,
    bytes: u64,
    hosts: &[Announcement],
    epochs: u64,
) -> Result<Amount, Error> {
    let mut sum = Amount::ZERO;
    let share = host_share(geometry, bytes);
    for host in hosts.iter().take(usize::from(geometry.total())) {
        sum = sum.plus(Amount::of_storage(share, host.offer.price, epochs)?)?;
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
fn read_run(file: &mut std::fs::File, want: usize, path: &str) -> Result<Vec<u8>, Error> {
    let mut run = Vec::with_capacity(want);
    let bound = u64::try_from(want).unwrap_or(u64::MAX);
    file.by_ref()
        .take(bound)
        .read_to_end(&mut run)
        .map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
    Ok(run)
}

impl Put<'_> {
    /// Stores every segment; two are in memory at most: one on its way, one being made.
    async fn store(
        &self,
        file: &mut std::fs::File,
        request: &PutRequest,
        bytes: u64,
    ) -> Result<(Secret, Descriptor), Error> {
        let mut key = [0; 32];
        let mut prefix = [0; 7];
        self.inner.entropy.fill(&mut key);
        self.inner.entropy.fill(&mut prefix);
        let cipher = (!request.public).then(|| Arc::new(Cipher::new(&key, prefix)));
        let run_len = plain_len(&self.geometry, request.public);
        let path = request.path.display().to_string();
        let mut hash = Sha256::new();
        let mut segments = Vec::new();
        let mut done: u64 = 0;
        let mut sending: VecDeque<_> = VecDeque::new();
        while done < bytes {
            let run = read_run(file, run_len, &path)?;
            if run.is_empty() {
                break;
            }
            hash.update(&run);
            let first = u32::try_from(done / u64::try_from(CHUNK).unwrap_or(1)).unwrap_or(u32::MAX);
            done += u64::try_from(run.len()).unwrap_or(0);
            let (last, geometry, cipher) = (done >= bytes, self.geometry, cipher.clone());
            let phases = Arc::clone(&self.phases);
            let work = move || {
                let sealed = match cipher {
                    Some(cipher) => encode::seal(&cipher, first, last, &run),
                    None => run,
                };
                encode::code(&geometry, &sealed)
            };
            let coded = tokio::task::spawn_blocking(move || phases.time(Phase::Encode, work));
            let coded = async { coded.await.map_err(|_| Error::Worker)? };
            let coded = match sending.pop_front() {
                None => coded.await?,
                Some(before) => {
                    let (coded, sent) = futures::join!(coded, before);
                    sent?;
                    coded?
                }
            };
            let number = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            let shards = coded.shards.iter().map(|(id, _)| *id).collect();
            segments.push(Segment {
                len: coded.len,
                shards,
            });
            self.progress
                .send_modify(|p| p.shards_total += u64::from(self.geometry.total()));
            let plain = done;
            sending.push_back(Box::pin(async move {
                self.send_segment(number, coded).await?;
                self.progress
                    .send_modify(|p| p.bytes_done = p.bytes_done.max(plain));
                Ok::<_, Error>(())
            }));
        }
        if let Some(before) = sending.pop_front() {
            before.await?;
        }
        let sha256: [u8; 32] = hash.finalize().into();
        let len = segments.iter().map(|segment| segment.len).sum();
        let (kind, open) = match request.public {
            true => (CipherKind::None, Some(sha256)),
            false => (CipherKind::Aes256Gcm, None),
        };
        let name = request
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let stored_ms = self.inner.clock.wall_ms();
        let secret = Secret {
            name: name.unwrap_or_default(),
            len: done,
            sha256,
            key,
            prefix,
            stored_ms,
        };
        let descriptor = Descriptor {
            version: 1,
            geometry: self.geometry,
            cipher: kind,
            len,
            segments,
            sha256: open,
        };
        Ok((secret, descriptor))
    }

    /// Sends all shards of a segment at once, each to a host of its own; a host that fails gives
    /// its place to the next one.
    async fn send_segment(&self, segment: u32, coded: Coded) -> Result<(), Error> {
        let total = usize::from(self.geometry.total());
        let spare = Mutex::new((total..self.hosts.len()).collect::<VecDeque<usize>>());
        let mut sends = FuturesUnordered::new();
        for (index, (id, bytes)) in coded.shards.into_iter().enumerate() {
            let spare = &spare;
            sends.push(async move {
                let mut host = index;
                loop {
                    let index = u16::try_from(index).unwrap_or(u16::MAX);
                    match self.send_shard(segment, index, host, id, &bytes).await {
                        Ok(()) => return Ok::<(), Error>(()),
                        Err(why) => {
                            tracing::debug!(segment, index, err = %why, "host gives its place up");
                            let next = spare
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .pop_front();
                            host = next.ok_or(Error::NoHostForShard {
                                segment,
                                index,
                                last: why,
                            })?;
                        }
                    }
                }
            });
        }
        while let Some(sent) = sends.next().await {
            sent?;
        }
        Ok(())
    }

    async fn send_shard(
        &self,
        segment: u32,
        index: u16,
        host: usize,
        id: ShardId,
        bytes: &[u8],
    ) -> Result<(), String> {
        let host = self.hosts.get(host).ok_or("there is no such host")?;
        let offer = &host.offer;
        let terms = self
            .terms(offer, id, bytes.len())
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
        self.places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(place);
        Ok(())
    }

    /// Fresh terms for one shard on one host.
    fn terms(&self, offer: &HostOffer, id: ShardId, len: usize) -> Result<Agreement, Error> {
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
            start_epoch: self.start_epoch,
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
            .pay(self.start_epoch + 1, cheque)
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
    ) -> Result<PutDone, Error> {
        let inner = self.inner;
        let bytes = codec::to_bytes(&descriptor);
        let id = ObjectId::of_descriptor(&bytes);
        let mut places =
            std::mem::take(&mut *self.places.lock().unwrap_or_else(PoisonError::into_inner));
        places.sort_by_key(|place| (place.segment, place.index));
        let shards = u64::try_from(places.len()).unwrap_or(0);
        let placement = Placement {
            object: id,
            owner: inner.owner,
            version: 1,
            end_epoch: self.end_epoch,
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
            end_epoch: self.end_epoch,
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
                version: 1,
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
