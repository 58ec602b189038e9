//! Appending to the fact rings, inside the transaction whose facts they get.
//!
//! The records are flushed before the transaction commits, and the place after them is a row of
//! that same transaction. After a crash between the two the next group takes the same place and
//! number again, so a ring is never behind the ledger and a start has nothing to compare. A ring
//! that fails is given up for this run; its row then stands still, and the next run sees that and
//! begins the other half with a snapshot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::executor::block_on;
use futures::future::join_all;
use host_core::{VolumeId, codec};
use minicbor::{Decode, Encode};
use tracing::warn;

use crate::error::Error;
use crate::journal::{Change, Journal, JournalError, RecordKind, RingPlace};
use crate::tables::{Place, Reach, Tables};

type Attached = BTreeMap<VolumeId, Arc<dyn Journal>>;

/// Where a ring stands: a row of the ledger.
#[derive(Debug, Clone, Copy, Encode, Decode)]
pub(crate) struct RingRow {
    /// Where its next record goes.
    #[n(0)]
    pub(crate) place: RingPlace,
    /// The number of the last group it got.
    #[n(1)]
    pub(crate) sequence: u64,
}

/// The rings that get every group.
#[derive(Default)]
pub(crate) struct Rings(Mutex<Attached>);

impl Rings {
    fn lock(&self) -> MutexGuard<'_, Attached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn attach(&self, volume: VolumeId, ring: Arc<dyn Journal>) {
        self.lock().insert(volume, ring);
    }

    pub(crate) fn detach(&self, volume: &VolumeId) {
        self.lock().remove(volume);
    }

    pub(crate) fn is_attached(&self, volume: &VolumeId) -> bool {
        self.lock().contains_key(volume)
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The smallest ring and the bytes of one half of it.
    pub(crate) fn room(&self) -> Option<(VolumeId, u64)> {
        let rooms = self.lock();
        rooms
            .iter()
            .map(|(volume, ring)| (*volume, ring.half_len()))
            .min_by_key(|at| at.1)
    }

    /// Appends a group to every ring and flushes them; their new places are rows of the
    /// transaction. A ring that fails is given up and said. Errors: those of the tables only.
    pub(crate) fn append(
        &self,
        tables: &mut Tables<'_>,
        sequence: u64,
        changes: &[Change],
    ) -> Result<(), Error> {
        let attached = self.lock().clone();
        if attached.is_empty() {
            return Ok(());
        }
        let view = &*tables;
        let appends = attached.iter().map(|(volume, ring)| async move {
            let ring = Appending {
                tables: view,
                ring: ring.as_ref(),
                volume: *volume,
                sequence,
            };
            (*volume, ring.append(changes).await)
        });
        for (volume, appended) in block_on(join_all(appends)) {
            match appended {
                Ok(place) => {
                    tables.write(Place::Rings, &volume.0, &RingRow { place, sequence })?;
                }
                Err(Fault::Tables(error)) => return Err(error),
                Err(Fault::Ring(err)) => {
                    warn!(volume = %volume, err = %err, "fact ring given up until the next start");
                    self.detach(&volume);
                }
            }
        }
        Ok(())
    }
}

enum Fault {
    Tables(Error),
    Ring(JournalError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Tables(error)
    }
}

impl From<JournalError> for Fault {
    fn from(error: JournalError) -> Self {
        Self::Ring(error)
    }
}

struct Appending<'a> {
    tables: &'a Tables<'a>,
    ring: &'a dyn Journal,
    volume: VolumeId,
    sequence: u64,
}

impl Appending<'_> {
    async fn append(&self, changes: &[Change]) -> Result<RingPlace, Fault> {
        let known: Option<RingRow> = self.tables.read(Place::Rings, &self.volume.0)?;
        if let Some(row) = known
            && row.sequence.checked_add(1) == Some(self.sequence)
        {
            match self.write_group(row.place, changes).await {
                Err(JournalError::Full { .. }) => (),
                other => return Ok(other?),
            }
        }
        let newest = match known {
            Some(row) => Some(row.place),
            None => self.ring.newest().await?,
        };
        let begin = newest.map_or(RingPlace::FIRST, RingPlace::other_half);
        self.write_snapshot(begin).await
    }

    fn is_mine(&self, change: &Change) -> bool {
        change.own.is_none_or(|own| own == self.volume)
    }

    async fn write_group(
        &self,
        mut place: RingPlace,
        changes: &[Change],
    ) -> Result<RingPlace, JournalError> {
        let mine = changes.iter().filter(|change| self.is_mine(change));
        let payload: Vec<u8> = mine.flat_map(codec::to_bytes).collect();
        let mut parts = payload.chunks(self.ring.payload_max()).peekable();
        if parts.peek().is_none() {
            place = self
                .ring
                .write(place, RecordKind::GroupEnd, self.sequence, &[])
                .await?;
        }
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let kind = if last {
                RecordKind::GroupEnd
            } else {
                RecordKind::Group
            };
            place = self.ring.write(place, kind, self.sequence, part).await?;
        }
        self.ring.flush().await?;
        Ok(place)
    }

    /// Writes every live row as it stands in the transaction: this group is among them.
    /// Cost: linear in the live rows, once for each filling of a half.
    async fn write_snapshot(&self, mut place: RingPlace) -> Result<RingPlace, Fault> {
        let max = self.ring.payload_max();
        let mut rows = SnapshotRows {
            appending: self,
            at: 0,
            after: None,
        };
        let mut payload = Vec::new();
        while rows.fill(&mut payload, max)? {
            while payload.len() >= max {
                let rest = payload.split_off(max);
                let kind = RecordKind::Snapshot;
                place = self
                    .ring
                    .write(place, kind, self.sequence, &payload)
                    .await?;
                payload = rest;
            }
        }
        let kind = RecordKind::SnapshotEnd;
        place = self
            .ring
            .write(place, kind, self.sequence, &payload)
            .await?;
        self.ring.flush().await?;
        Ok(place)
    }
}

/// A walk over every live row, a page at a time.
struct SnapshotRows<'a> {
    appending: &'a Appending<'a>,
    at: usize,
    after: Option<Vec<u8>>,
}

impl SnapshotRows<'_> {
    /// Adds rows to `payload` until it has `max` bytes; whether any may be left.
    fn fill(&mut self, payload: &mut Vec<u8>, max: usize) -> Result<bool, Error> {
        while payload.len() < max {
            let Some(place) = Place::ALL.get(self.at).copied() else {
                return Ok(false);
            };
            let Some(reach) = place.reach() else {
                self.at += 1;
                continue;
            };
            let tables = self.appending.tables;
            let page = tables.page(place, self.after.as_deref())?;
            self.after = page.last().map(|(key, _)| key.clone());
            self.at += usize::from(page.is_empty());
            for (key, value) in page {
                let own = match reach {
                    Reach::Every => None,
                    Reach::Own => Some(volume_of(&value)?),
                };
                let change = Change {
                    table: place as u8,
                    key,
                    value: Some(value),
                    own,
                };
                if self.appending.is_mine(&change) {
                    payload.extend(codec::to_bytes(&change));
                }
            }
        }
        Ok(true)
    }
}

pub(crate) fn volume_of(placement: &[u8]) -> Result<VolumeId, Error> {
    let row: crate::row::PlacementRow = crate::tables::decode(Place::Placements, placement)?;
    Ok(row.volume)
}
