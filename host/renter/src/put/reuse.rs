//! The same content again: what is stored already and until when, and leasing it again on the
//! hosts that hold it, without sending what they have.
//!
//! "The same" is the owner's own book: same plaintext SHA-256, same openness. The hash is computed
//! only when some object of the book has the file's length. A lease again makes new agreements
//! for the same shards under a new version of the placement; the old agreements are closed once
//! the new placement is written down, as both would be paid for the same bytes.

use std::collections::BTreeMap;
use std::path::Path;

use host_core::announce::{Announcement, HostOffer};
use host_core::object::{Descriptor, Place, Placement};
use host_core::{Amount, ObjectId};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Put, PutRequest, facts_of, file_error, read_run, write_down};
use crate::error::Error;
use crate::record::{self, Secret};
use crate::session::SessionId;
use crate::{Renter, Whereabouts};

/// Bytes hashed at once.
const RUN: usize = 1 << 20;

/// An object of this wallet that has the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Already {
    /// Its name.
    pub object: ObjectId,
    /// The file's name when it was put.
    pub name: String,
    /// First epoch after its term.
    pub end_epoch: u64,
    /// About when that is, in milliseconds since 1970; the chain's blocks decide.
    pub until_ms: Option<u64>,
    /// Its leases.
    pub leases: usize,
}

/// SHA-256 of a file's bytes.
fn hash(path: &Path) -> Result<[u8; 32], Error> {
    let mut file = std::fs::File::open(path).map_err(file_error(path))?;
    let mut hash = Sha256::new();
    loop {
        let run = read_run(&mut file, RUN, path)?;
        if run.is_empty() {
            return Ok(hash.finalize().into());
        }
        hash.update(&run);
    }
}

/// Objects of the book with the content of the request's file, longest term first.
pub(crate) async fn already(renter: &Renter, request: &PutRequest) -> Result<Vec<Already>, Error> {
    let inner = &renter.inner;
    let (bytes, _) = facts_of(&request.path)?;
    let mut found = Vec::new();
    for record in inner.book.objects()? {
        let secret = record::secret(&inner.seal, &record.secret)?;
        let public = record.descriptor()?.sha256.is_some();
        if secret.len == bytes && public == request.public {
            found.push((secret, record.placement.placement));
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let path = request.path.clone();
    let sha256 = inner.apart(move || hash(&path)).await??;
    found.retain(|(secret, _)| secret.sha256 == sha256);
    found.sort_by_key(|(_, placement)| std::cmp::Reverse(placement.end_epoch));
    let block = inner.chain.head().await.ok().map(|head| head.block);
    let rows = found.into_iter().map(|(secret, placement)| Already {
        object: placement.object,
        name: secret.name,
        end_epoch: placement.end_epoch,
        until_ms: block.map(|block| until_ms(renter, placement.end_epoch, block)),
        leases: placement.places.len(),
    });
    Ok(rows.collect())
}

/// About when an epoch begins.
fn until_ms(renter: &Renter, epoch: u64, block: u64) -> u64 {
    let rule = &renter.inner.network.epoch;
    let at = rule
        .genesis_block
        .saturating_add(epoch.saturating_mul(rule.epoch_blocks));
    let left_ms = at
        .saturating_sub(block)
        .saturating_mul(rule.block_seconds)
        .saturating_mul(1000);
    renter.inner.clock.wall_ms().saturating_add(left_ms)
}

/// Writes a session down that leases the content again; none when it is not stored yet.
pub(crate) async fn begin(
    renter: &Renter,
    request: &PutRequest,
) -> Result<Option<SessionId>, Error> {
    let Some(known) = already(renter, request).await?.into_iter().next() else {
        return Ok(None);
    };
    let again = Again::open(renter, known.object)?;
    let mut secret = [0; 39];
    let (key, prefix) = secret.split_at_mut(32);
    key.copy_from_slice(&again.secret.key);
    prefix.copy_from_slice(&again.secret.prefix);
    let request = PutRequest {
        data: again.descriptor.geometry.data,
        parity: again.descriptor.geometry.parity,
        ..request.clone()
    };
    write_down(renter, &request, &secret, Some(known.object)).map(Some)
}

/// An object that is leased again.
pub(super) struct Again {
    pub(super) secret: Secret,
    pub(super) descriptor: Descriptor,
    placement: Placement,
}

impl Again {
    pub(super) fn open(renter: &Renter, object: ObjectId) -> Result<Self, Error> {
        let record = renter.inner.book.object(&object)?;
        Ok(Self {
            secret: record::secret(&renter.inner.seal, &record.secret)?,
            descriptor: record.descriptor()?,
            placement: record.placement.placement,
        })
    }

    /// Errors when the object is stored for as long already.
    pub(super) fn must_extend(&self, end_epoch: u64) -> Result<(), Error> {
        if end_epoch > self.placement.end_epoch {
            return Ok(());
        }
        Err(Error::AlreadyStored {
            object: self.placement.object,
            until: self.placement.end_epoch,
            asked: end_epoch,
        })
    }

    /// Who keeps each shard now, with its newest offer: each keeper is asked once. Those that do
    /// not answer, or ask more than `price_max`, are left out.
    pub(super) async fn keepers(
        &self,
        renter: &Renter,
        price_max: Option<Amount>,
    ) -> BTreeMap<(u32, u16), Vec<HostOffer>> {
        let inner = &renter.inner;
        let places = &self.placement.places;
        let now = Whereabouts(renter.addresses(places).await);
        let hosts: BTreeMap<_, &Place> = places.iter().map(|place| (place.host, place)).collect();
        let asked = hosts.into_values().map(|place| {
            let to = now.of(place);
            async move { host_transfer::info::ask(inner.peers.as_ref(), &to, &inner.id).await }
        });
        let asked = futures::future::join_all(asked).await;
        let offers: BTreeMap<_, HostOffer> = asked
            .into_iter()
            .flatten()
            .map(|Announcement { offer, .. }| (offer.peer, offer))
            .filter(|(_, offer)| price_max.is_none_or(|max| offer.price <= max))
            .collect();
        let mut keepers: BTreeMap<(u32, u16), Vec<HostOffer>> = BTreeMap::new();
        for place in places {
            let of_shard = keepers.entry((place.segment, place.index)).or_default();
            let is_known = of_shard.iter().any(|offer| offer.peer == place.host);
            if let Some(offer) = offers.get(&place.host).filter(|_| !is_known) {
                of_shard.push(offer.clone());
            }
        }
        keepers
    }

    /// What leasing every shard from its first keeper costs for `epochs`.
    pub(super) fn cost(
        &self,
        keepers: &BTreeMap<(u32, u16), Vec<HostOffer>>,
        epochs: u64,
    ) -> Result<Amount, Error> {
        let mut sum = Amount::ZERO;
        for ((segment, _), offers) in keepers {
            let segment = usize::try_from(*segment).unwrap_or(usize::MAX);
            let len = self.descriptor.segments.get(segment).map_or(0, |s| s.len);
            let shard_len = self.descriptor.geometry.shard_len(len);
            if let Some(offer) = offers.first() {
                sum = sum.plus(Amount::of_storage(shard_len, offer.price, epochs)?)?;
            }
        }
        Ok(sum)
    }
}

impl Put<'_> {
    /// Closes the agreements the new ones stand for. A host that does not answer keeps its old
    /// lease until its end; no cheque follows for it.
    pub(super) async fn retire(&self, again: &Again) -> Result<(), Error> {
        let kept = self.inner.book.object(&again.placement.object)?;
        let new = &kept.placement.placement.places;
        let old = again.placement.places.iter();
        let old: Vec<Place> = old
            .filter(|place| !new.iter().any(|one| one.agreement == place.agreement))
            .cloned()
            .collect();
        let silent = self.renter.close(&old).await;
        if !silent.is_empty() {
            tracing::warn!(count = silent.len(), "old leases were not closed");
        }
        Ok(())
    }
}
