//! The end of a put: the object's records are written down here, then kept on hosts.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use host_core::object::{Descriptor, Place, Placement, SignedPlacement};
use host_core::seams::PeerAddr;
use host_core::{Amount, ObjectId, codec, limits};

use super::rest::is_same_shard;
use super::{Put, PutDone};
use crate::error::Error;
use crate::lease;
use crate::record::{self, ObjectRecord, Secret, shelf};

/// What becomes of the places an object has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// They are leases of their own and stay beside the new ones.
    Beside,
    /// The new ones stand for all of them.
    Replaced,
    /// This put wrote them down; they may have moved since. Only missing shards are added.
    Ours,
}

impl Put<'_> {
    /// Writes the records down, here and on hosts.
    pub(super) async fn finish(
        &self,
        secret: &Secret,
        descriptor: &Descriptor,
        cost: Amount,
        before: Before,
    ) -> Result<PutDone, Error> {
        let inner = self.inner;
        let record = self.write_record(secret, descriptor, before)?;
        let id = record.placement.placement.object;
        self.spread(&record, id).await;
        let issued = inner.book.issued(inner.vault)?;
        Ok(PutDone {
            id,
            bytes: secret.len,
            shards: u64::try_from(self.so_far().0.len()).unwrap_or(0),
            cost,
            issued,
            locked: *self.locked.lock().unwrap_or_else(PoisonError::into_inner),
            end_epoch: self.least_end,
            phases: self.phases.costs(),
        })
    }

    /// Writes the records into the book with every place of this moment. Durable when it returns.
    /// Errors: Unknown when the object is to be added to and gone.
    pub(super) fn write_record(
        &self,
        secret: &Secret,
        descriptor: &Descriptor,
        before: Before,
    ) -> Result<ObjectRecord, Error> {
        let inner = self.inner;
        let bytes = codec::to_bytes(descriptor);
        let id = ObjectId::of_descriptor(&bytes);
        let (mut places, mut terms) = self.so_far();
        // Open data put again is the same object under new leases: both are written down, so that
        // giving it up releases both.
        let turn = inner.book.turn()?;
        let known = inner.book.object(&id).ok();
        if let Some(known) = &known {
            terms.extend(lease::read(inner, known)?);
        }
        let known = known.map(|known| known.placement.placement);
        // Above every version hosts may hold, also of an object that was given up and forgotten.
        let version = known.as_ref().map_or(1, |known| known.version + 1);
        let version = version.max(inner.clock.wall_ms());
        let mut end_epoch = self.least_end;
        match (before, known) {
            (Before::Ours, None) => return Err(Error::Unknown { object: id }),
            (Before::Ours, Some(known)) => {
                places.retain(|place| !known.places.iter().any(|one| is_same_shard(one, place)));
                places.extend(known.places);
                let ends = places.iter().filter_map(|place| {
                    let terms = terms.get(&place.agreement)?;
                    Some(terms.end_epoch)
                });
                end_epoch = ends.min().unwrap_or(known.end_epoch);
            }
            (Before::Beside, Some(known)) => {
                end_epoch = end_epoch.max(known.end_epoch);
                let ours = places.clone();
                let other =
                    |place: &Place| !ours.iter().any(|one| one.agreement == place.agreement);
                places.extend(known.places.into_iter().filter(other));
            }
            (Before::Replaced, _) | (Before::Beside, None) => {}
        }
        places.sort_by_key(|place| (place.segment, place.index));
        let secret = lease::write(secret, &places, &terms);
        let placement = Placement {
            object: id,
            owner: inner.owner,
            version,
            end_epoch,
            places,
        };
        let record = ObjectRecord {
            descriptor: bytes,
            secret: record::seal(&inner.seal, inner.nonce(), &secret),
            placement: SignedPlacement::sign(placement, &inner.id, &inner.key),
        };
        inner.book.keep(&record)?;
        drop(turn);
        Ok(record)
    }

    /// Gives the sealed record to some hosts, so that the phrase alone brings the object back:
    /// first to those that keep a shard, as a host keeps records only for renters it serves.
    async fn spread(&self, record: &ObjectRecord, object: ObjectId) {
        let inner = self.inner;
        let places = &record.placement.placement.places;
        let keepers: BTreeMap<_, _> = places.iter().map(|p| (p.host, p.addrs.clone())).collect();
        let others = self.hosts.iter().map(|host| &host.offer);
        let others = others.filter(|offer| !keepers.contains_key(&offer.peer));
        let others = others.map(|offer| (offer.peer, offer.addrs.clone()));
        let copies = limits::RECORD_COPIES_MIN * 2;
        let all: Vec<PeerAddr> = keepers
            .clone()
            .into_iter()
            .chain(others)
            .take(copies)
            .map(|(peer, addrs)| PeerAddr { peer, addrs })
            .collect();
        let kept = shelf::spread(inner, &all, record).await;
        let kept = kept
            .inspect_err(|err| tracing::warn!(object = %object, err = %err, "no record is kept"))
            .unwrap_or(0);
        if kept < limits::RECORD_COPIES_MIN {
            tracing::warn!(count = kept, "few hosts keep the object's record");
        }
    }
}
