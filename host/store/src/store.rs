//! The store's front: open volumes, reserve space, begin writers and readers.

use std::sync::Arc;

use host_core::seams::Device;
use host_core::{NetworkId, PeerId, ShardId, VolumeId};
use host_ledger::{Fact, Ledger, VolumeState};
use tracing::{info, warn};

use crate::error::Error;
use crate::label;
use crate::layout::Parts;
use crate::read::{self, ShardReader};
use crate::ring::{self, Ring};
use crate::space::{Extent, Reservation, Space};
use crate::volume::Volume;
use crate::write::Writer;

/// All volumes of a host; clones share them.
pub struct Store<D: Device> {
    pub(crate) shared: Arc<Shared<D>>,
}

impl<D: Device> Clone for Store<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

pub(crate) struct Shared<D: Device> {
    pub(crate) ledger: Ledger,
    pub(crate) volumes: Vec<Arc<Volume<D>>>,
    space: Arc<Space>,
    names: Vec<(VolumeId, String)>,
}

impl<D: Device> Drop for Shared<D> {
    fn drop(&mut self) {
        self.space.forget();
    }
}

type LeftOut = Vec<(String, Error)>;

impl<D: Device> Store<D> {
    /// Opens volumes (a description and a device each); gives back those left out and why. A
    /// fresh ledger is made again first when the volumes' fact rings hold facts.
    /// Cost: a label a volume; the rings are read only when the ledger is fresh.
    /// Errors: Ledger, when the ledger itself does not answer.
    pub async fn open(
        volumes: Vec<(String, D)>,
        ledger: Ledger,
        owner: PeerId,
        network: NetworkId,
    ) -> Result<(Self, LeftOut), Error> {
        let (mut opened, mut left_out) = (Vec::new(), LeftOut::new());
        for (name, device) in volumes {
            match open_volume(device, &owner, &network, &opened).await {
                Ok(volume) => opened.push((name, Arc::new(volume))),
                Err(error) => left_out.push((name, error)),
            }
        }
        if ledger.read()?.is_fresh()? {
            restore(&ledger, &mut opened, &mut left_out).await?;
        }
        let (mut joined, mut names) = (Vec::new(), Vec::new());
        for (name, volume) in opened {
            match join(&ledger, &volume).await {
                Ok(()) => {
                    names.push((volume.id, name));
                    joined.push(volume);
                }
                Err(Error::Ledger(error @ host_ledger::Error::Closed)) => return Err(error.into()),
                Err(error) => left_out.push((name, error)),
            }
        }
        let space = Space::new(ledger.clone());
        let shared = Arc::new(Shared {
            ledger,
            volumes: joined,
            space,
            names,
        });
        Ok((Self { shared }, left_out))
    }

    /// Volumes that are open.
    #[must_use]
    pub fn volume_count(&self) -> usize {
        self.shared.volumes.len()
    }

    /// The names of the open volumes.
    #[must_use]
    pub fn volumes(&self) -> Vec<VolumeId> {
        self.shared.volumes.iter().map(|volume| volume.id).collect()
    }

    /// The open volumes and the descriptions they were opened by.
    #[must_use]
    pub fn named(&self) -> Vec<(VolumeId, String)> {
        self.shared.names.clone()
    }

    /// Bytes free and bytes used on the open volumes; what is reserved is not free.
    pub fn space(&self) -> Result<(u64, u64), Error> {
        let snapshot = self.shared.ledger.read()?;
        let (mut free, mut used) = (0u64, 0u64);
        for volume in &self.shared.volumes {
            if let Some(row) = snapshot.volume(&volume.id)? {
                free += row.size.saturating_sub(row.used);
                used += row.used;
            }
        }
        Ok((free.saturating_sub(self.shared.space.reserved()), used))
    }

    /// Reserves an extent for a shard of `len` bytes on the volume with the most space that takes
    /// shards. Nothing is written. Errors: ShardLen, NoSpace, Ledger.
    pub fn reserve(&self, len: u64) -> Result<Reservation, Error> {
        self.reserve_beside(len, None)
    }

    /// As `reserve`, on any volume but one.
    pub(crate) fn reserve_beside(
        &self,
        len: u64,
        away: Option<VolumeId>,
    ) -> Result<Reservation, Error> {
        let parts = Parts::of_len(len)?;
        let need = parts.size;
        let mut candidates = self.by_free_space()?;
        candidates.retain(|volume| Some(*volume) != away);
        match self.shared.space.reserve(&candidates, parts)? {
            Some(reservation) => Ok(reservation),
            None => Err(Error::NoSpace {
                need,
                free: self.space()?.0,
            }),
        }
    }

    /// Volumes that take shards, the one with the most unreserved space first and suspects after
    /// all healthy ones. A volume whose fact ring failed takes none: its placements could not be
    /// told again.
    fn by_free_space(&self) -> Result<Vec<VolumeId>, Error> {
        let snapshot = self.shared.ledger.read()?;
        let mut candidates = Vec::new();
        for volume in &self.shared.volumes {
            let Some(row) = snapshot.volume(&volume.id)? else {
                continue;
            };
            let healthy = row.state == VolumeState::Healthy;
            let takes = healthy || row.state == VolumeState::Suspect;
            if takes && self.shared.ledger.is_attached(&volume.id) {
                let free = row.size.saturating_sub(row.used);
                candidates.push((
                    healthy,
                    free.saturating_sub(self.shared.space.busy(&volume.id)),
                    volume.id,
                ));
            }
        }
        candidates.sort_by(|one, other| other.cmp(one));
        Ok(candidates
            .into_iter()
            .map(|(_, _, volume)| volume)
            .collect())
    }

    pub(crate) fn volume(&self, id: &VolumeId) -> Option<&Arc<Volume<D>>> {
        self.shared.volumes.iter().find(|volume| volume.id == *id)
    }

    /// Begins to write the shard `expected` into a reservation made for its length.
    /// Errors: VolumeAway when the reservation is of another store.
    pub fn writer(&self, reservation: Reservation, expected: ShardId) -> Result<Writer<D>, Error> {
        let away = Error::VolumeAway {
            shard: expected,
            volume: reservation.extent().volume,
        };
        let volume = self.volume(&reservation.extent().volume).ok_or(away)?;
        Ok(Writer::new(Arc::clone(volume), reservation, expected))
    }

    /// Opens a stored shard and checks its footer; none when it is not kept here. Its extent is
    /// not used again while the reader lives. Errors: Fenced, VolumeAway, Damaged, Device, Ledger.
    pub async fn open_shard(&self, shard: &ShardId) -> Result<Option<ShardReader<D>>, Error> {
        if let Some(fence) = self.shared.ledger.read()?.fenced(shard)? {
            let (shard, volume, why) = (*shard, fence.volume, fence.why);
            return Err(Error::Fenced { shard, volume, why });
        }
        self.open_any(shard).await
    }

    /// As `open_shard`, also behind a fence: for those who look whether it is bad.
    pub(crate) async fn open_any(&self, shard: &ShardId) -> Result<Option<ShardReader<D>>, Error> {
        loop {
            let Some(row) = self.shared.ledger.read()?.placement(shard)? else {
                return Ok(None);
            };
            let away = Error::VolumeAway {
                shard: *shard,
                volume: row.volume,
            };
            let volume = Arc::clone(self.volume(&row.volume).ok_or(away)?);
            let extent = Extent {
                volume: row.volume,
                offset: row.offset,
                size: row.size,
            };
            let hold = self.shared.space.hold(extent);
            // Held first, then looked up again: a removal in between may already have given the
            // run to a writer; one from here on cannot.
            if self.shared.ledger.read()?.placement(shard)? == Some(row) {
                let opened = read::open(Arc::clone(&volume), hold, *shard, row).await;
                if matches!(opened, Err(Error::Damaged { .. } | Error::Device(_))) {
                    volume.doubt(*shard);
                }
                return opened.map(Some);
            }
        }
    }
}

async fn open_volume<D: Device>(
    device: D,
    owner: &PeerId,
    network: &NetworkId,
    opened: &[(String, Arc<Volume<D>>)],
) -> Result<Volume<D>, Error> {
    let written = label::read(&device).await?;
    let found = &written.label;
    let volume = found.volume;
    if found.owner != *owner {
        return Err(Error::OtherOwner {
            volume,
            have: found.owner,
            need: *owner,
        });
    }
    if found.network != *network {
        return Err(Error::OtherNetwork {
            volume,
            have: found.network,
            need: *network,
        });
    }
    if opened.iter().any(|(_, other)| other.id == volume) {
        return Err(Error::Twice { volume });
    }
    Ok(Volume::new(device, &written))
}

/// Makes a fresh ledger again from the rings, when they hold anything.
async fn restore<D: Device>(
    ledger: &Ledger,
    opened: &mut Vec<(String, Arc<Volume<D>>)>,
    left_out: &mut LeftOut,
) -> Result<(), Error> {
    let mut found = Vec::new();
    let mut readable = Vec::new();
    for (name, volume) in opened.drain(..) {
        match ring::find(&volume).await {
            Ok(ring) => {
                found.push(ring);
                readable.push((name, volume));
            }
            Err(error) => left_out.push((name, error)),
        }
    }
    *opened = readable;
    if found.iter().all(|ring| ring.place.is_none()) {
        return Ok(());
    }
    let restored = ledger.restore(found).await?;
    warn!(
        shards = restored.shards,
        agreements = restored.agreements,
        failed = restored.failed,
        "ledger was lost and is made again from the fact rings"
    );
    Ok(())
}

/// Makes a volume known to the ledger and gives the ledger its ring.
async fn join<D: Device>(ledger: &Ledger, volume: &Arc<Volume<D>>) -> Result<(), Error> {
    let (id, start, size) = (
        volume.id,
        volume.regions.data_start,
        volume.regions.data_size,
    );
    match ledger.read()?.volume(&id)? {
        Some(row) if (row.start, row.size) == (start, size) => (),
        // The label was made longer; the fact follows it, also when a crash came between.
        Some(row) if row.start == start && row.size < size => {
            let volume = id;
            ledger
                .commit(vec![Fact::VolumeGrown { volume, size }])
                .await?;
            info!(volume = %id, bytes = size, "volume grew");
        }
        Some(row) => {
            return Err(Error::OtherGeometry {
                volume: id,
                have: row.size,
                need: size,
            });
        }
        None => {
            ledger
                .commit(vec![Fact::VolumeAdded {
                    volume: id,
                    start,
                    size,
                }])
                .await?;
            info!(volume = %id, bytes = size, "volume joined");
        }
    }
    let ring = Ring::open(Arc::clone(volume))?;
    if let Some(place) = ledger.read()?.ring_place(&id)? {
        ring.take_back(place).await?;
    }
    ledger.attach(id, Arc::new(ring));
    Ok(())
}
