//! Scrubbing: whether the bytes of a shard are still what they were. Enters: a shard's name.
//! Leaves: an outcome; a fence, when the caller asks for one.
//!
//! Header, footer and every unit are read back. What fails is read a second time before it counts,
//! so that one bad transfer fences nothing. A fenced shard is never served from where it lies; the
//! fence goes with the placement, or when the shard moves. What this file does not do: decide what
//! a drive's failures mean (`drive`), how fast to go (`pace`), or bring bytes back.

use std::sync::Arc;

use host_core::seams::Device;
use host_core::{ShardId, VolumeId};
use host_ledger::{Fact, VolumeState};

use crate::error::Error;
use crate::ring::Ring;
use crate::store::Store;

/// The note that counts how often rings were renewed.
const RENEWED: &str = "store.renewed";

/// What a look at a shard found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every byte is what its name says.
    Good,
    /// The bytes are others: they read, twice, and do not verify.
    Bad {
        /// What does not hold.
        why: String,
    },
    /// The drive did not give the bytes, twice.
    Unread {
        /// What it said.
        why: String,
    },
    /// It is not kept here (any more).
    Gone,
    /// Its volume is not open.
    Away,
}

/// A look at a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Where it lies; none when it is gone.
    pub volume: Option<VolumeId>,
    /// Bytes of the shard.
    pub bytes: u64,
    /// What was found.
    pub outcome: Outcome,
}

impl<D: Device> Store<D> {
    /// Reads a shard back whole, twice when the first time fails. Cost: its extent once.
    /// Errors: those of the ledger only; the drive's are outcomes.
    pub async fn check(&self, shard: &ShardId) -> Result<Checked, Error> {
        let Some(row) = self.shared.ledger.read()?.placement(shard)? else {
            return Ok(Checked {
                volume: None,
                bytes: 0,
                outcome: Outcome::Gone,
            });
        };
        let mut outcome = self.check_once(shard).await?;
        if matches!(outcome, Outcome::Bad { .. } | Outcome::Unread { .. }) {
            outcome = self.check_once(shard).await?;
        }
        if let Some(volume) = self.volume(&row.volume) {
            volume.settle_doubt(shard);
        }
        Ok(Checked {
            volume: Some(row.volume),
            bytes: row.len,
            outcome,
        })
    }

    async fn check_once(&self, shard: &ShardId) -> Result<Outcome, Error> {
        let looked = match self.open_any(shard).await {
            Ok(None) => return Ok(Outcome::Gone),
            Ok(Some(mut reader)) => reader.verify().await,
            Err(error) => Err(error),
        };
        Ok(match looked {
            Ok(()) => Outcome::Good,
            Err(Error::VolumeAway { .. }) => Outcome::Away,
            Err(Error::Damaged { why, .. }) => Outcome::Bad { why: why.into() },
            Err(Error::Device(error)) => Outcome::Unread {
                why: error.to_string(),
            },
            Err(other) => return Err(other),
        })
    }

    /// Fences a shard: it is not served any more from where it lies. Durable when it returns. A
    /// shard that went meanwhile is no error. Errors: Ledger.
    pub async fn fence(&self, shard: &ShardId, why: &str) -> Result<(), Error> {
        let (shard, why) = (*shard, why.to_owned());
        let fact = Fact::ShardFenced { shard, why };
        match self.shared.ledger.commit(vec![fact]).await {
            Err(host_ledger::Error::NoShard { .. }) => Ok(()),
            other => Ok(other?),
        }
    }

    /// Shards whose reading failed while they were served, since the last call.
    #[must_use]
    pub fn take_doubts(&self) -> Vec<ShardId> {
        let volumes = self.shared.volumes.iter();
        volumes.flat_map(|volume| volume.take_doubts()).collect()
    }

    /// Whether the fact ring of a volume takes records; one that failed stays so until a start or
    /// until it is renewed.
    #[must_use]
    pub fn keeps_facts(&self, volume: &VolumeId) -> bool {
        self.shared.ledger.is_attached(volume)
    }

    /// Lets a fact ring that was given up take records again, beginning with everything the ledger
    /// holds, and writes a fact to every ring, so that it is known whether this one takes it. No
    /// write to it may be under way any more. Durable when it returns. Cost: a group; every live
    /// row, where the ring had been given up. Errors: Device, Ledger.
    pub async fn renew_ring(&self, volume: VolumeId) -> Result<bool, Error> {
        let Some(open) = self.volume(&volume) else {
            return Ok(false);
        };
        let ledger = &self.shared.ledger;
        if !self.keeps_facts(&volume) {
            // It missed groups, so the next one begins its other half with a snapshot.
            let ring = Ring::open(Arc::clone(open))?;
            ledger.attach(volume, Arc::new(ring));
        }
        let before = ledger.read()?.meta(RENEWED)?.unwrap_or_default();
        let count = <[u8; 8]>::try_from(before).map_or(0, u64::from_be_bytes);
        let bytes = count.wrapping_add(1).to_be_bytes().to_vec();
        let key = RENEWED.to_owned();
        ledger.commit(vec![Fact::MetaSet { key, bytes }]).await?;
        Ok(self.keeps_facts(&volume))
    }

    /// Puts a volume into a state. Durable when it returns; reservations made before stay.
    /// Errors: Ledger.
    pub async fn set_state(&self, volume: VolumeId, state: VolumeState) -> Result<(), Error> {
        let fact = Fact::VolumeChanged { volume, state };
        Ok(self.shared.ledger.commit(vec![fact]).await?)
    }

    /// Forgets volumes that are empty, evacuated and not open any more: their removal was begun
    /// and is ended here, also after a crash. Gives how many. Errors: Ledger.
    pub async fn forget_removed(&self) -> Result<usize, Error> {
        let open = self.volumes();
        let rows = self.shared.ledger.read()?.volumes()?;
        let gone = rows.into_iter().filter(|row| {
            row.state == VolumeState::Evacuating && row.used == 0 && !open.contains(&row.volume)
        });
        let facts: Vec<Fact> = gone
            .map(|row| Fact::VolumeRemoved { volume: row.volume })
            .collect();
        let count = facts.len();
        if count > 0 {
            self.shared.ledger.commit(facts).await?;
        }
        Ok(count)
    }
}
