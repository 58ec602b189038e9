//! An object, or a range of it, comes back: plan.rs says which bytes of which shards are needed,
//! fetch.rs gets them from the hosts that give them soonest, join.rs puts them together, opens and
//! writes them. pace.rs is what one get learns of its hosts.
//!
//! Memory: while one segment is joined and written, the next is fetched. Fetching holds at most
//! two segments' bytes (twice the shards needed), joining two (what was fetched and what comes
//! out): four segments, 40 MiB at the segments a put makes, whatever the object's length. A small
//! range holds a few units.

use std::ops::Range;
use std::sync::Arc;

use host_core::ObjectId;
use host_core::geometry::Geometry;
use host_core::object::{Descriptor, Place};
use host_core::seams::BoxFuture;
use tokio::sync::watch;

use crate::cipher::CHUNK;
use crate::error::Error;
use crate::progress::{Phase, Phases, Progress};
use crate::record::{self, Secret};
use crate::{Inner, Renter};

mod ask;
mod fetch;
mod join;
mod pace;
mod plan;
pub(crate) mod rebuild;

use fetch::Fetcher;
use join::Sink;

/// What was written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// Plaintext bytes written.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// Shards that give a segment of `len` ciphertext bytes back.
pub(crate) fn shards_needed(geometry: &Geometry, len: u64) -> Result<usize, Error> {
    Ok(plan::need(geometry, len, &(0..len))?.enough)
}

/// What a get needs to know of an object.
pub(crate) struct Source {
    pub(crate) descriptor: Descriptor,
    pub(crate) secret: Secret,
    pub(crate) places: Vec<Place>,
}

/// Gets an object of this home.
pub(crate) async fn run(
    renter: &Renter,
    object: ObjectId,
    range: Option<Range<u64>>,
    out: Box<dyn std::io::Write + Send>,
    progress: &watch::Sender<Progress>,
) -> Result<Got, Error> {
    let inner = &renter.inner;
    let kept = inner.book.object(&object)?;
    inner.reads.learn(inner, object, &kept);
    let source = Source {
        descriptor: kept.descriptor()?,
        secret: record::secret(&inner.seal, &kept.secret)?,
        places: kept.placement.placement.places,
    };
    fetch(inner, &source, range, out, progress).await
}

/// Gets an object, whoever's it is.
pub(crate) async fn fetch(
    inner: &Inner,
    source: &Source,
    range: Option<Range<u64>>,
    out: Box<dyn std::io::Write + Send>,
    progress: &watch::Sender<Progress>,
) -> Result<Got, Error> {
    let Source {
        descriptor,
        secret,
        places,
    } = source;
    let whole = 0..secret.len;
    let range = range.unwrap_or_else(|| whole.clone());
    if range.start > range.end || range.end > secret.len {
        let (start, end, len) = (range.start, range.end, secret.len);
        return Err(Error::Range { start, end, len });
    }
    progress.send_modify(|p| p.bytes_total = range.end - range.start);
    let phases = Phases::new(Arc::clone(&inner.meter));
    let geometry = descriptor.geometry;
    let cipher = join::cipher_of(descriptor.cipher, &secret.key, secret.prefix).map(Arc::new);
    let chunks = secret.len.div_ceil(CHUNK as u64);
    let mut fetcher = Fetcher::new(inner, descriptor, places, progress);
    let sink = Sink::new(out);
    let mut writing: BoxFuture<'_, Result<Sink, Error>> = Box::pin(async { Ok(sink) });
    for part in plan::parts(descriptor, secret.len, &range) {
        // The part before is joined and written while this one is fetched.
        let fetch = phases.poll(Phase::Send, fetcher.fetch(&part));
        let (runs, before) = futures::join!(fetch, writing);
        let (runs, mut sink) = (runs?, before?);
        progress.send_modify(|p| {
            p.bytes_done = sink.written();
            p.phases = phases.costs();
        });
        let (cipher, noting) = (cipher.clone(), Arc::clone(&phases));
        let work = move || {
            let bytes = join::join(&geometry, part.segment_len, &part.sealed, &runs)?;
            drop(runs);
            sink.write_part(&part, cipher.as_deref(), chunks, bytes)?;
            Ok(sink)
        };
        let work = inner.apart(move || noting.time(Phase::Encode, work));
        writing = Box::pin(async { work.await? });
    }
    let sink = writing.await?;
    let got = sink.finish()?;
    progress.send_modify(|p| {
        p.bytes_done = got.bytes;
        p.phases = phases.costs();
    });
    if range == whole && got.sha256 != secret.sha256 {
        return Err(Error::Hash);
    }
    Ok(got)
}
