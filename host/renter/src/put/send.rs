//! The sending half of a put: segments in turn, the shards of each side by side, every shard
//! agreed, delivered, receipted and paid, and the records last.
//!
//! Invariants: a shard counts as placed only after its cheque was accepted, and that is journalled
//! before anything else is done with it; two segments are in memory at most.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use host_core::agreement::{Agreement, PayMode};
use host_core::announce::HostOffer;
use host_core::cheque::Cheque;
use host_core::codec;
use host_core::object::{Descriptor, Place, Placement, SignedPlacement};
use host_core::seams::PeerAddr;
use host_core::{AgreementId, Amount, ObjectId, PeerId, ShardId, limits};
use host_transfer::upload::{self, Opened, StoredShard};
use sha2::{Digest, Sha256};

use super::{Put, PutDone, describe, file_error, plain_len, read_run};
use crate::cipher::{CHUNK, Cipher};
use crate::encode::{self, Coded};
use crate::error::Error;
use crate::progress::Phase;
use crate::record::{self, ObjectRecord, Secret, shelf};
use crate::session::{Begin, Entry};

/// Longest wait for one host to take one shard before another one is asked.
const PATIENCE: Duration = Duration::from_secs(30);
/// Times the same host is asked again when no other is left.
const REPEATS_MAX: u32 = 2;
/// Pause before that.
const REPEAT_AFTER: Duration = Duration::from_millis(500);
impl Put<'_> {
    /// Stores every segment; two are in memory at most: one on its way, one being made.
    pub(super) async fn store(
        &self,
        path: &Path,
        begin: &Begin,
    ) -> Result<(Secret, Descriptor), Error> {
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
    pub(super) async fn finish(
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
        let copies = limits::RECORD_COPIES_MIN * 2;
        let hosts = self.hosts.iter().take(copies).map(|host| PeerAddr {
            peer: host.offer.peer,
            addrs: host.offer.addrs.clone(),
        });
        let hosts: Vec<PeerAddr> = hosts.collect();
        let kept = shelf::spread(inner, &hosts, record).await;
        let kept = kept
            .inspect_err(|err| tracing::warn!(object = %object, err = %err, "no record is kept"))
            .unwrap_or(0);
        if kept < limits::RECORD_COPIES_MIN {
            tracing::warn!(count = kept, "few hosts keep the object's record");
        }
    }
}
