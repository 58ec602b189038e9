//! An object comes back: for each segment the shards are asked for in parallel, the first `data`
//! that arrive and verify are enough; data pieces that are missing are reconstructed; chunks are
//! opened and written in order. One segment is in memory at a time.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use futures::stream::{FuturesUnordered, StreamExt};
use host_core::geometry::Geometry;
use host_core::object::{Cipher as CipherKind, Descriptor, Place, Segment};
use host_core::seams::PeerAddr;
use host_core::{ObjectId, PeerId};
use host_erasure::{Coder, Stripes};
use host_transfer::download;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::cipher::{CHUNK, Cipher, TAG};
use crate::error::Error;
use crate::progress::Progress;
use crate::record::{self, Secret};
use crate::{Inner, Renter};

/// What was written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// Plaintext bytes written.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// Shards asked for beyond the needed ones from the start: a slow host is then never waited for.
const HEDGE: usize = 2;

/// Runs a get.
pub(crate) async fn run(
    renter: &Renter,
    object: ObjectId,
    range: Option<Range<u64>>,
    mut out: Box<dyn Write + Send>,
    progress: &watch::Sender<Progress>,
) -> Result<Got, Error> {
    let inner = &renter.inner;
    let kept = inner.book.object(&object)?;
    let descriptor = kept.descriptor()?;
    let secret = record::secret(&inner.seal, &kept.secret)?;
    let whole = 0..secret.len;
    let range = range.unwrap_or_else(|| whole.clone());
    if range.start > range.end || range.end > secret.len {
        let (start, end, len) = (range.start, range.end, secret.len);
        return Err(Error::Range { start, end, len });
    }
    progress.send_modify(|p| p.bytes_total = range.end - range.start);
    let mut hash = Sha256::new();
    let mut written = 0;
    let mut moved = BTreeMap::new();
    let plain = plain_segment_len(&descriptor);
    for (number, segment) in descriptor.segments.iter().enumerate() {
        let start = u64::try_from(number).unwrap_or(0) * plain;
        let end = (start + plain).min(secret.len);
        if end <= range.start || start >= range.end {
            continue;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let mut places: Vec<Place> = kept
            .placement
            .placement
            .places
            .iter()
            .filter(|place| place.segment == number)
            .cloned()
            .collect();
        move_places(&mut places, &moved);
        let fetched = fetch_segment(inner, &descriptor, number, segment, places.clone()).await;
        let bytes = match fetched {
            // Hosts move: once, the hubs are asked where they are now.
            Err(Error::TooFewShards { .. }) if moved.is_empty() => {
                moved = renter.addresses(&places).await;
                move_places(&mut places, &moved);
                fetch_segment(inner, &descriptor, number, segment, places).await?
            }
            fetched => fetched?,
        };
        let clear = open_segment(&descriptor, &secret, start, bytes)?;
        let from = usize::try_from(range.start.saturating_sub(start)).unwrap_or(0);
        let to = usize::try_from(range.end.min(end) - start).unwrap_or(clear.len());
        let run = clear.get(from..to).ok_or(Error::Worker)?;
        hash.update(run);
        out.write_all(run).map_err(|source| Error::File {
            path: "output".into(),
            source,
        })?;
        written += u64::try_from(run.len()).unwrap_or(0);
        progress.send_modify(|p| p.bytes_done = written);
    }
    out.flush().map_err(|source| Error::File {
        path: "output".into(),
        source,
    })?;
    let sha256: [u8; 32] = hash.finalize().into();
    if range == whole && sha256 != secret.sha256 {
        return Err(Error::Hash);
    }
    Ok(Got {
        bytes: written,
        sha256,
    })
}

/// Puts the addresses hosts have now before those that were written down.
fn move_places(places: &mut [Place], moved: &BTreeMap<PeerId, Vec<String>>) {
    for place in places {
        if let Some(addrs) = moved.get(&place.host) {
            place.addrs.splice(0..0, addrs.iter().cloned());
        }
    }
}

/// Plaintext bytes of a full segment.
fn plain_segment_len(descriptor: &Descriptor) -> u64 {
    let len = descriptor.geometry.segment_len;
    let (chunk, sealed) = (CHUNK as u64, (CHUNK + TAG) as u64);
    match descriptor.cipher {
        CipherKind::None => len,
        CipherKind::Aes256Gcm => len / sealed * chunk,
    }
}

/// The segment's ciphertext from any `data` shards.
async fn fetch_segment(
    inner: &Inner,
    descriptor: &Descriptor,
    number: u32,
    segment: &Segment,
    places: Vec<Place>,
) -> Result<Vec<u8>, Error> {
    let geometry = descriptor.geometry;
    let need = usize::from(geometry.data);
    let shard_len = geometry.shard_len(segment.len);
    let mut waiting = places.into_iter();
    let mut asked = FuturesUnordered::new();
    let ask = |place: Place| async move {
        let index = usize::from(place.index);
        let id = segment.shards.get(index).ok_or("no such shard")?;
        let to = PeerAddr {
            peer: place.host,
            addrs: place.addrs,
        };
        let mut stream = download::open(inner.peers.as_ref(), &to, id, shard_len, 0, shard_len)
            .await
            .map_err(|e| e.to_string())?;
        let mut shard = Vec::with_capacity(usize::try_from(shard_len).unwrap_or(0));
        while let Some(unit) = stream.next().await.map_err(|e| e.to_string())? {
            shard.extend_from_slice(&unit);
        }
        Ok::<_, String>((index, shard))
    };
    for place in waiting.by_ref().take(need + HEDGE) {
        asked.push(ask(place));
    }
    let mut shards: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut last = "no host is left".to_owned();
    while shards.len() < need {
        match asked.next().await {
            Some(Ok((index, shard))) => {
                shards.insert(index, shard);
            }
            Some(Err(why)) => {
                last = why;
                if let Some(place) = waiting.next() {
                    asked.push(ask(place));
                }
            }
            None => {
                let have = shards.len();
                return Err(Error::TooFewShards {
                    segment: number,
                    need,
                    have,
                    last,
                });
            }
        }
    }
    drop(asked);
    let len = segment.len;
    let joined = tokio::task::spawn_blocking(move || join(&geometry, len, &shards));
    joined.await.map_err(|_| Error::Worker)?
}

/// The segment's bytes from shards by index.
fn join(
    geometry: &Geometry,
    len: u64,
    shards: &BTreeMap<usize, Vec<u8>>,
) -> Result<Vec<u8>, Error> {
    let mut coder = Coder::new(geometry)?;
    let mut out = vec![0; usize::try_from(len).map_err(|_| Error::Worker)?];
    for stripe in Stripes::of(geometry, len)? {
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let piece = at(stripe.shard_offset)..at(stripe.shard_offset) + stripe.piece_len;
        let pieces: Vec<Option<&[u8]>> = (0..usize::from(geometry.total()))
            .map(|index| {
                shards
                    .get(&index)
                    .and_then(|shard| shard.get(piece.clone()))
            })
            .collect();
        let run = out
            .get_mut(at(stripe.offset)..at(stripe.offset) + stripe.len)
            .ok_or(Error::Worker)?;
        coder.reconstruct_stripe(&pieces, run)?;
    }
    Ok(out)
}

/// The segment's plaintext; `start` is its first plaintext byte in the object.
fn open_segment(
    descriptor: &Descriptor,
    secret: &Secret,
    start: u64,
    mut bytes: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    if descriptor.cipher == CipherKind::None {
        return Ok(bytes);
    }
    let cipher = Cipher::new(&secret.key, secret.prefix);
    let first = start / CHUNK as u64;
    let chunks = secret.len.div_ceil(CHUNK as u64);
    let mut clear = Vec::with_capacity(bytes.len());
    for (index, sealed) in bytes.chunks_mut(CHUNK + TAG).enumerate() {
        let number = first + u64::try_from(index).unwrap_or(0);
        let last = number + 1 == chunks;
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        clear.extend_from_slice(cipher.open(number, last, sealed)?);
    }
    Ok(clear)
}
