//! A guard gives up what it placed of an object by repair, and forgets it: the owner has taken the
//! shards over, or does not want them. This deletes nothing that is anyone's but the guard's.

use host_core::ObjectId;
use host_core::object::{Place, Placement, SignedPlacement};

use super::noted::Noted;
use super::release;
use super::repair::unfinished;
use crate::Renter;
use crate::error::Error;
use crate::record::ObjectRecord;
use crate::session::{Journal, State};

/// Closes repairs of an object that did not end, and every agreement of those that did. What did
/// not answer stays written down and can be asked again. Returns how many agreements were closed
/// and how many were not.
pub(crate) async fn give_up(renter: &Renter, object: ObjectId) -> Result<(usize, usize), Error> {
    let inner = &*renter.inner;
    for (path, known) in unfinished(inner, &object)? {
        let noted = Noted::new(inner, Journal::open(&path)?);
        let all: Vec<_> = known.trials.values().cloned().collect();
        release::release(renter, &noted, &all).await?;
        noted.state(State::Cancelled, None)?;
    }
    match close(renter, object).await {
        Err(Error::Unknown { .. }) => Ok((0, 0)),
        closed => closed,
    }
}

async fn close(renter: &Renter, object: ObjectId) -> Result<(usize, usize), Error> {
    let inner = &*renter.inner;
    let record = inner.book.object(&object)?;
    let placement = &record.placement.placement;
    let silent = renter.close(&placement.places).await;
    let counts = (placement.places.len() - silent.len(), silent.len());
    // What another process of this home added meanwhile stays written down too.
    let _turn = inner.book.turn()?;
    let now = inner.book.object(&object)?;
    let newest = &now.placement.placement;
    let is_closed = |place: &&Place| {
        let is_it = |other: &Place| other.agreement == place.agreement;
        placement.places.iter().any(is_it) && !silent.iter().any(is_it)
    };
    let rest = newest.places.iter().filter(|place| !is_closed(place));
    let places: Vec<Place> = rest.cloned().collect();
    if places.is_empty() {
        inner.book.forget(&object)?;
        return Ok(counts);
    }
    let rest = Placement {
        version: newest.version + 2,
        places,
        ..newest.clone()
    };
    let placement = SignedPlacement::sign(rest, &inner.id, &inner.key);
    inner.book.keep(&ObjectRecord { placement, ..now })?;
    Ok(counts)
}
