//! A put is told of before its last shard has a host: once every segment has so many shards, each
//! on a host of its own with its receipt and its first cheque.
//!
//! Enters: how many shards beyond those a read needs are waited for. Leaves: one word, after the
//! object's records with those shards were flushed and the journal named the object. From then on
//! the put only adds: what fails later is placed by the next run (rest.rs), without the file.
//! Open data waits for every shard: its records may be those of an earlier put of the same bytes.

use std::sync::{Mutex, PoisonError};

use host_core::ObjectId;
use host_core::geometry::Geometry;
use host_core::object::Descriptor;
use tokio::sync::oneshot;

use super::Put;
use super::finish::Before;
use crate::error::Error;
use crate::record::Secret;
use crate::session::Entry;

/// Who is told, once, that an object can be read although some of its shards are still on their
/// way.
#[derive(Debug)]
pub struct Early {
    margin: u16,
    tell: Mutex<Option<oneshot::Sender<Recorded>>>,
}

/// An object whose records are written down while shards of it are still on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The object.
    pub id: ObjectId,
    /// Bytes of the shards that are on their way, all of them in memory.
    pub waiting: u64,
}

impl Early {
    /// Told once each segment has `margin` shards more than a read needs, or all of them.
    #[must_use]
    pub fn new(margin: u16) -> (Self, oneshot::Receiver<Recorded>) {
        let (tell, told) = oneshot::channel();
        let tell = Mutex::new(Some(tell));
        (Self { margin, tell }, told)
    }

    /// Shards a segment must have.
    pub(super) fn least(&self, geometry: &Geometry) -> u16 {
        let least = geometry.data.saturating_add(self.margin);
        least.min(geometry.total())
    }

    /// Whether it was told.
    #[must_use]
    pub fn is_told(&self) -> bool {
        let tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        tell.is_none()
    }
}

impl Put<'_> {
    /// Waits until so many segments have the shards they must have.
    pub(super) async fn enough(&self, segments: usize) -> Result<(), Error> {
        let mut watched = self.enough.subscribe();
        let reached = watched.wait_for(|count| *count >= segments).await;
        reached.map(|_| ()).map_err(|_| Error::Worker)
    }

    /// Writes the object down with what is placed, and tells. Durable before it is told.
    pub(super) fn tell(
        &self,
        early: &Early,
        secret: &Secret,
        descriptor: &Descriptor,
    ) -> Result<(), Error> {
        let record = self.write_record(secret, descriptor, Before::Beside)?;
        let id = record.placement.placement.object;
        self.noted.note(&Entry::Done(id))?;
        let waiting = self.waiting(descriptor);
        let mut tell = early.tell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = tell.take() {
            // Whoever asked may be gone; the put goes on.
            let _gone = tell.send(Recorded { id, waiting });
        }
        Ok(())
    }

    /// Bytes of the shards that have no host yet.
    fn waiting(&self, descriptor: &Descriptor) -> u64 {
        let mut bytes = 0;
        for (segment, number) in descriptor.segments.iter().zip(0..) {
            let missing = u64::try_from(self.missing(number).len()).unwrap_or(u64::MAX);
            bytes += self.geometry.shard_len(segment.len).saturating_mul(missing);
        }
        bytes
    }

    /// Shards of a segment that have no host yet.
    pub(super) fn missing(&self, segment: u32) -> Vec<u16> {
        let all = 0..self.geometry.total();
        all.filter(|index| !self.is_placed(segment, *index))
            .collect()
    }
}
