//! Stored objects of an entry: shape, shards, what the last look found, until when each is paid.
//!
//! What is said comes from the renter's book and the catalogue. Hosts are asked only when a person
//! asks for a look.

use std::collections::BTreeSet;

use host_core::ObjectId;
use host_renter::Costs;
use serde_json::{Value, json};

use super::costs::moment_of;
use super::{Answered, Asked, Caller, Page, Refusal, said};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::Entry;

/// Stored objects of one entry that are told of; a large upload has one for each part.
const TOLD: usize = 32;
/// Of these, the ones that a look in a listing goes through.
const GLANCED: usize = 8;
/// Stored objects whose hosts one request asks.
const LOOKED_AT: usize = 8;

/// Stored objects of an entry, each once, in order.
pub(super) fn objects_of(entry: &Entry) -> Vec<ObjectId> {
    let mut told = BTreeSet::new();
    let pieces = entry.pieces.iter().map(|piece| piece.object);
    pieces.filter(|object| told.insert(*object)).collect()
}

/// The worst word of an entry's stored objects; of a long entry, of the first ones.
pub(super) fn worst(gateway: &Gateway, entry: &Entry) -> Result<&'static str, Error> {
    const ORDER: [&str; 4] = ["lost", "thin", "unknown", "well"];
    let mut words = BTreeSet::new();
    for object in objects_of(entry).iter().take(GLANCED) {
        let seen = gateway.seen(object)?;
        let parity = gateway.inner.options.parity;
        words.insert(seen.map_or("unknown", |seen| seen.word(parity)));
    }
    let found = ORDER.into_iter().find(|word| words.contains(word));
    // An empty object has no shards to lose.
    Ok(found.unwrap_or("well"))
}

impl Page {
    /// One stored object, as far as it is known here.
    fn stored_one(&self, object: ObjectId, costs: Option<&Costs>) -> Value {
        let gateway = &self.gateway;
        let renter = &gateway.inner.renter;
        let row = renter.stat(object);
        let shape = renter
            .descriptor(object)
            .map(|of| (of.geometry, of.segments.len()));
        let (Ok(row), Ok((geometry, segments))) = (row, shape) else {
            return json!({ "object": object, "unreadable": true });
        };
        let seen = gateway.seen(&object).ok().flatten();
        let word = seen.as_ref().map(|seen| seen.word(geometry.parity));
        let cost = costs.and_then(|costs| costs.objects.iter().find(|one| one.id == object));
        let paid = costs.zip(cost).and_then(|(costs, one)| {
            let until = one.paid_through.filter(|_| !row.places.is_empty())?;
            Some(moment_of(costs, until, gateway.now_ms()))
        });
        let ends = costs.map(|costs| moment_of(costs, row.end_epoch, gateway.now_ms()));
        json!({
            "object": object, "bytes": row.bytes, "shards": row.places.len(),
            "data": geometry.data, "parity": geometry.parity, "segments": segments,
            "paid_until_ms": paid, "ends_ms": ends, "end_epoch": row.end_epoch,
            "look": seen, "health": word.unwrap_or("unknown"),
        })
    }

    /// Everything known of an entry's stored objects, and how many there are.
    pub(super) async fn stored_of(&self, entry: &Entry) -> Value {
        let objects = objects_of(entry);
        // Without the chain's word times are not known; the rest is.
        let costs = self.counted(super::costs::DAYS).await.ok();
        let told = objects.iter().take(TOLD);
        let told: Vec<Value> = told
            .map(|one| self.stored_one(*one, costs.as_deref()))
            .collect();
        json!({ "count": objects.len(), "chain_silent": costs.is_none(), "objects": told })
    }

    /// Asks the hosts of an entry's stored objects for a random unit of each shard.
    pub(super) async fn look(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let (bucket, key) = (asked.query.need("bucket")?, asked.query.need("key")?);
        caller.must_reach(bucket)?;
        let entry = self.gateway.found(bucket, key, None)?.entry;
        let turn = self.shared.looks.try_acquire();
        let _turn = turn.map_err(|_| Refusal::busy("other looks are under way; try again"))?;
        for object in objects_of(&entry).into_iter().take(LOOKED_AT) {
            let health = self.gateway.inner.renter.health(object).await;
            let health = health.map_err(Error::from)?;
            self.gateway.note_look(object, &health).await?;
        }
        Ok(said(&self.stored_of(&entry).await))
    }
}
