//! The shards an object still lacks: its put wrote the records down and ended before the last of
//! them had a host. The next run of its session goes on with what was under way and rebuilds the
//! others from those that are placed; the file is not needed.
//!
//! Invariants: places of the record are never changed here, only added to; an object that was
//! deleted meanwhile is left alone. Does not: replace hosts that fail later (`repair`).

use std::sync::PoisonError;

use host_core::ObjectId;
use host_core::object::{Descriptor, Place};
use tokio::sync::watch;

use super::body::Body;
use super::finish::Before;
use super::noted::Noted;
use super::prepare;
use super::{Put, PutDone};
use crate::Renter;
use crate::error::Error;
use crate::progress::Progress;
use crate::record;
use crate::session::{Session, State};

/// Places what an object lacks. Errors: Unknown when the object is gone; what kept a shard from
/// its host, after the others were placed and written down.
pub(super) async fn run(
    renter: &Renter,
    session: &Session,
    object: ObjectId,
    noted: &Noted,
    progress: &watch::Sender<Progress>,
) -> Result<PutDone, Error> {
    let inner = &*renter.inner;
    let record = inner.book.object(&object)?;
    let secret = record::secret(&inner.seal, &record.secret)?;
    let descriptor = record.descriptor()?;
    let (mut put, cost) = prepare::prepare(renter, session, noted, None, progress).await?;
    put.least = 0;
    put.stand_by(record.placement.placement.places);
    noted.state(State::Sending, None)?;
    let mut rest = Ok(());
    for number in 0..u32::try_from(descriptor.segments.len()).unwrap_or(u32::MAX) {
        // One segment that finds no hosts must not keep the others from theirs.
        rest = rest.and(put.complete(&descriptor, number).await);
    }
    let rest = rest.and(put.lacking());
    put.tidy(session.id, rest.is_ok()).await?;
    let done = put.finish(&secret, &descriptor, cost, Before::Ours).await?;
    rest.map(|()| done)
}

impl Put<'_> {
    /// Takes the places of the record for what is placed; what an earlier run placed beyond them
    /// is still to be written down.
    fn stand_by(&mut self, known: Vec<Place>) {
        let places = self.places.get_mut();
        let places = places.unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| !known.iter().any(|one| is_same_shard(one, place)));
        places.extend(known);
    }

    /// Sends the shards a segment lacks.
    async fn complete(&self, descriptor: &Descriptor, number: u32) -> Result<(), Error> {
        let missing = self.missing(number);
        if missing.is_empty() {
            return Ok(());
        }
        let (mut alive, _) = self.so_far();
        alive.retain(|place| place.segment == number);
        let wanted = missing.into_iter().map(usize::from).collect();
        let body = Body::lost(number, descriptor, alive, wanted);
        self.send_segment(body, 0).await
    }

    /// Errors with what kept a shard from its host that the segment could do without for now.
    pub(super) fn lacking(&self) -> Result<(), Error> {
        let mut lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        lacking.take().map_or(Ok(()), Err)
    }
}

/// Whether two places are of the same shard.
pub(super) fn is_same_shard(one: &Place, other: &Place) -> bool {
    (one.segment, one.index) == (other.segment, other.index)
}
