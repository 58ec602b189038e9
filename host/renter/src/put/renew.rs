//! An object's term is extended where it is, without the file: each keeper signs a new agreement
//! over the shard that it has, and the old one is closed.
//!
//! Enters: how long, and what it may cost. Leaves: a new version of the placement with a later end.
//! A renewal is a session like a repair: killed anywhere, the next one goes on with it and no
//! shard is agreed twice. Invariants: what would cost more than the cap is not begun; a shard whose
//! keeper would not sign keeps its old agreement and is told. Does not: move bytes (`repair` does).

use std::collections::BTreeMap;

use host_core::object::Place;
use host_core::seams::PeerAddr;
use host_core::{Amount, ObjectId};
use serde::Serialize;

use super::repair::{self, RepairJob};
use super::reuse::Again;
use crate::error::Error;
use crate::record::shelf;
use crate::{Renter, guard};

/// How long, and for how much.
#[derive(Debug, Clone, Copy)]
pub struct RenewRequest {
    /// Days from now.
    pub days: u64,
    /// Highest price paid, smallest units per GiB and epoch.
    pub price_max: Option<Amount>,
    /// What the whole new term may cost, smallest units; none for any sum.
    pub cap: Option<Amount>,
}

/// What a renewal came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renewed {
    /// The object.
    pub object: ObjectId,
    /// First epoch after the term it has now.
    pub end_epoch: u64,
    /// Shards with a new agreement.
    pub leases: usize,
    /// What their whole term costs at most, smallest units.
    pub cost: Amount,
    /// Old agreements whose host did not answer; they end by themselves.
    pub silent: usize,
    /// Shards that keep their old agreement, and why; or why nothing was begun.
    pub left: Vec<String>,
}

/// Extends one object. Errors: `AlreadyStored` when it is stored for as long; those of the chain
/// and the book.
pub(crate) async fn renew(
    renter: &Renter,
    object: ObjectId,
    request: &RenewRequest,
) -> Result<Renewed, Error> {
    let inner = &*renter.inner;
    let block = inner.chain.head().await?.block;
    let now = inner.network.epoch.epoch_of(block);
    let epochs = inner.network.epoch.epochs_of_days(request.days)?;
    let end_epoch = now.saturating_add(epochs);
    let again = Again::open(renter, object)?;
    again.must_extend(end_epoch)?;
    let keepers = again.keepers(renter, request.price_max).await;
    let cost = again.cost(&keepers, epochs)?;
    let before = inner.book.object(&object)?.placement.placement;
    let mut said = Renewed {
        object,
        end_epoch: before.end_epoch,
        leases: 0,
        cost,
        silent: 0,
        left: Vec::new(),
    };
    if request.cap.is_some_and(|cap| cost > cap) {
        let cap = request.cap.unwrap_or_default();
        said.left
            .push(format!("it would cost {cost}, the cap is {cap}"));
        return Ok(said);
    }
    let known = |place: &&Place| {
        let offers = keepers.get(&(place.segment, place.index));
        offers.is_some_and(|all| all.iter().any(|offer| offer.peer == place.host))
    };
    let job = RepairJob {
        descriptor: again.descriptor.clone(),
        alive: Vec::new(),
        lost: before.places.clone(),
        leaving: Vec::new(),
        keepers: before.places.iter().filter(known).cloned().collect(),
        end_epoch,
        price_max: request.price_max,
        doubling: false,
    };
    let done = repair::run(renter, &job).await?;
    said.leases = done.repaired.len();
    said.left = done.failed.into_iter().map(|(_, why)| why).collect();
    said.silent = settle(renter, object, &before.places).await?;
    said.end_epoch = renter.stat(object)?.end_epoch;
    Ok(said)
}

/// Closes what the new agreements stand for, tells hosts of the record and guards of the order.
/// Returns how many old agreements were not closed.
async fn settle(renter: &Renter, object: ObjectId, before: &[Place]) -> Result<usize, Error> {
    let inner = &*renter.inner;
    let record = inner.book.object(&object)?;
    let places = &record.placement.placement.places;
    let hosts: BTreeMap<_, _> = places.iter().map(|p| (p.host, p.addrs.clone())).collect();
    let hosts = hosts.into_iter();
    let hosts: Vec<_> = hosts
        .map(|(peer, addrs)| PeerAddr { peer, addrs })
        .collect();
    if let Err(err) = shelf::spread(inner, &hosts, &record).await {
        tracing::warn!(object = %object, err = %err, "no record is kept");
    }
    guard::renew_order(renter, object).await?;
    let is_kept = |place: &&Place| places.iter().any(|one| one.agreement == place.agreement);
    let old = before.iter().filter(|place| !is_kept(place));
    let old: Vec<Place> = old.cloned().collect();
    Ok(renter.close(&old).await.len())
}

/// Extends every object whose term ends within `within` epochs, the nearest end first, while the
/// sum lasts.
pub(crate) async fn due(
    renter: &Renter,
    within: u64,
    request: &RenewRequest,
) -> Result<Vec<Renewed>, Error> {
    let inner = &*renter.inner;
    let block = inner.chain.head().await?.block;
    let now = inner.network.epoch.epoch_of(block);
    let mut rows = renter.ls()?;
    rows.retain(|row| row.end_epoch >= now && row.end_epoch <= now.saturating_add(within));
    rows.sort_by_key(|row| (row.end_epoch, row.id));
    let (mut all, mut left) = (Vec::new(), request.cap);
    for row in rows {
        let request = RenewRequest {
            cap: left,
            ..*request
        };
        let renewed = match renew(renter, row.id, &request).await {
            // The term asked for is no longer than what is left of the old one.
            Err(Error::AlreadyStored { .. }) => continue,
            renewed => renewed?,
        };
        if renewed.leases > 0 {
            left = left.map(|left| Amount(left.0.saturating_sub(renewed.cost.0)));
        }
        all.push(renewed);
    }
    Ok(all)
}
