//! What a put would cost and make, from the hubs' lists alone: no host is contacted.

use std::path::Path;

use host_core::announce::Announcement;
use host_core::geometry::Geometry;
use host_core::{Amount, ObjectId};
use sha2::{Digest, Sha256};

use super::{PutRequest, describe, facts_of, file_error, plain_len, put_geometry, read_run};
use crate::Renter;
use crate::cipher::{CHUNK, TAG};
use crate::encode;
use crate::error::Error;
use crate::hosts::{Chosen, Wanted};

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
    /// What reading all of it back once costs at most.
    pub read: Amount,
    /// What rebuilding every shard once costs at most, each on its own: the reads that needs.
    pub rebuild: Amount,
}

/// Quotes a put from the hubs' lists. For open data the file is read and named.
pub(crate) async fn quote(renter: &Renter, request: &PutRequest) -> Result<Quote, Error> {
    let inner = &renter.inner;
    let (bytes, _) = facts_of(&request.path)?;
    let geometry = put_geometry(request.data, request.parity, bytes)?;
    let epochs = inner.network.epoch.epochs_of_days(request.days)?;
    let (segments, shard_len) = shape(&geometry, bytes, request.public);
    let need = usize::from(geometry.total());
    let wanted = Wanted {
        need,
        bytes: segments * shard_len,
        epochs,
        price_max: request.price_max,
        parity: usize::from(geometry.parity),
        policy: renter.policy()?,
    };
    let Chosen { hosts, fit, .. } = renter.choose(&wanted).await?;
    let path = request.path.clone();
    let id = match request.public {
        false => None,
        true => {
            let named = inner.apart(move || name_public(&path, &geometry));
            Some(named.await??)
        }
    };
    let read = read_cost(&hosts, geometry.data.into(), segments * shard_len)?;
    Ok(Quote {
        id,
        bytes,
        segments,
        shards: segments * u64::from(geometry.total()),
        shard_len: geometry.shard_len(geometry.segment_len.min(bytes)),
        epochs,
        hosts: fit,
        cost: cost(&hosts, need, (segments, shard_len), epochs)?,
        first: cost(&hosts, need, (segments, shard_len), 1)?,
        read,
        rebuild: read.times(geometry.total().into())?,
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
        let coded = encode::code(geometry, &run, Vec::new())?;
        segments.push(coded.segment());
    }
    Ok(describe(geometry, segments, Some(hash.finalize().into())).id())
}

/// Segments an object of `bytes` plaintext has.
fn segment_count(geometry: &Geometry, bytes: u64, public: bool) -> u64 {
    let run = u64::try_from(plain_len(geometry, public)).unwrap_or(u64::MAX);
    bytes.div_ceil(run)
}

/// How many segments an object has, and the bytes of a shard of its longest one.
pub(super) fn shape(geometry: &Geometry, bytes: u64, public: bool) -> (u64, u64) {
    let segments = segment_count(geometry, bytes, public);
    let sealed = bytes + bytes.div_ceil(CHUNK as u64) * TAG as u64;
    (
        segments,
        geometry.shard_len(geometry.segment_len.min(sealed)),
    )
}

/// What reading `len` bytes costs from each of the `data` dearest hosts that fit.
fn read_cost(hosts: &[Announcement], data: usize, len: u64) -> Result<Amount, Error> {
    let mut prices: Vec<Amount> = hosts.iter().map(|host| host.offer.egress_price).collect();
    prices.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = Amount::ZERO;
    for price in prices.into_iter().take(data) {
        sum = sum.plus(Amount::of_fine(Amount::of_reads(len, price)?))?;
    }
    Ok(sum)
}

/// What `segments` shards of `shard_len` bytes cost for `epochs` on each of the `need` dearest
/// hosts that fit: a bound, as which of them take part is not known yet, and the last segment may
/// be shorter.
pub(super) fn cost(
    hosts: &[Announcement],
    need: usize,
    (segments, shard_len): (u64, u64),
    epochs: u64,
) -> Result<Amount, Error> {
    let mut prices: Vec<Amount> = hosts.iter().map(|host| host.offer.price).collect();
    prices.sort_unstable_by(|a, b| b.cmp(a));
    let mut sum = Amount::ZERO;
    for price in prices.into_iter().take(need) {
        let one = Amount::of_storage(shard_len, price, epochs)?;
        let all = one.0.checked_mul(u128::from(segments));
        sum = sum.plus(Amount(
            all.ok_or(host_core::Error::Overflow { what: "cost" })?,
        ))?;
    }
    Ok(sum)
}
