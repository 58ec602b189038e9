//! The end of a put: the object's records are written down here, then kept on hosts.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use host_core::object::{Descriptor, Place, Placement, SignedPlacement};
use host_core::seams::PeerAddr;
use host_core::{Amount, ObjectId, codec, limits};

use super::{Put, PutDone};
use crate::error::Error;
use crate::lease;
use crate::record::{self, ObjectRecord, Secret, shelf};

impl Put<'_> {
    /// Writes the records down, here and on hosts. `replaces` says that the new places stand for
    /// all places the object had.
    pub(super) async fn finish(
        &self,
        secret: Secret,
        descriptor: Descriptor,
        cost: Amount,
        end_epoch: u64,
        replaces: bool,
    ) -> Result<PutDone, Error> {
        let inner = self.inner;
        let bytes = codec::to_bytes(&descriptor);
        let id = ObjectId::of_descriptor(&bytes);
        let mut places =
            std::mem::take(&mut *self.places.lock().unwrap_or_else(PoisonError::into_inner));
        let shards = u64::try_from(places.len()).unwrap_or(0);
        // Open data put again is the same object under new leases: both are written down, so that
        // giving it up releases both.
        let turn = inner.book.turn()?;
        let mut terms =
            std::mem::take(&mut *self.terms.lock().unwrap_or_else(PoisonError::into_inner));
        let known = inner.book.object(&id).ok();
        if let Some(known) = &known {
            terms.extend(lease::read(inner, known)?);
        }
        let known = known.map(|known| known.placement.placement);
        // Above every version hosts may hold, also of an object that was given up and forgotten.
        let version = known.as_ref().map_or(1, |known| known.version + 1);
        let version = version.max(inner.clock.wall_ms());
        let mut last_end = end_epoch;
        if let Some(known) = known.filter(|_| !replaces) {
            last_end = last_end.max(known.end_epoch);
            let ours = places.clone();
            let other = |place: &Place| !ours.iter().any(|one| one.agreement == place.agreement);
            places.extend(known.places.into_iter().filter(other));
        }
        places.sort_by_key(|place| (place.segment, place.index));
        let secret_bytes = lease::write(&secret, &places, &terms);
        let placement = Placement {
            object: id,
            owner: inner.owner,
            version,
            end_epoch: last_end,
            places,
        };
        let placement = SignedPlacement::sign(placement, &inner.id, &inner.key);
        let nonce = inner.nonce();
        let sealed = record::seal(&inner.seal, nonce, &secret_bytes);
        let record = ObjectRecord {
            descriptor: bytes,
            secret: sealed,
            placement,
        };
        inner.book.keep(&record)?;
        drop(turn);
        self.spread(&record, id).await;
        let issued = inner.book.issued(inner.vault)?;
        Ok(PutDone {
            id,
            bytes: secret.len,
            shards,
            cost,
            issued,
            locked: *self.locked.lock().unwrap_or_else(PoisonError::into_inner),
            end_epoch,
            phases: self.phases.costs(),
        })
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
