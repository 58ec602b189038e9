//! An object handed to somebody else: what it is, its key and who keeps its shards, as one line of
//! text (docs/formats/share.md). Who has the line has the object, so the line is a secret.
//!
//! Enters: a record of this home, or a line. Leaves: a line, or the object's bytes. Invariants: a
//! line is of one network; nothing in it is believed: what hosts give is checked against the names
//! of the shards, the whole against the SHA-256. What this file does not do: store lines on hosts
//! (capsule.rs).

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host_core::object::{Cipher, Descriptor, Place};
use host_core::{AgreementDigest, NetworkId, ObjectId, PeerId, codec};
use minicbor::{Decode, Encode};
use tokio::sync::watch;

use crate::cipher::{CHUNK, TAG};
use crate::error::Error;
use crate::get::{self, Got};
use crate::hosts;
use crate::progress::Progress;
use crate::record::{self, ObjectRecord, Secret};
use crate::{Inner, Renter};

pub(crate) mod capsule;
#[cfg(test)]
mod tests;

/// What every line begins with.
pub const SHARE_PREFIX: &str = "holdfast:1:";
/// Characters of a line that people still hand on as it is.
const LINK_LEN: usize = 1024;
/// Characters of a line that is read: an object of some 200 GiB.
const LINE_MAX: usize = 64 << 20;

/// Who keeps one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Spot {
    #[n(0)]
    segment: u32,
    #[n(1)]
    index: u16,
    /// Which of the hosts.
    #[n(2)]
    host: u32,
}

/// An object that somebody may read.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Shared {
    #[n(0)]
    network: NetworkId,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    descriptor: Vec<u8>,
    #[n(2)]
    secret: Secret,
    #[n(3)]
    end_epoch: u64,
    #[n(4)]
    hosts: Vec<PeerId>,
    #[n(5)]
    spots: Vec<Spot>,
    /// The object's bytes are another line.
    #[n(6)]
    leads: bool,
}

/// Without the key.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = ObjectId::of_descriptor(&self.descriptor);
        f.debug_struct("Shared")
            .field("id", &id)
            .finish_non_exhaustive()
    }
}

fn wrong(why: impl Into<String>) -> Error {
    Error::Share { why: why.into() }
}

impl Shared {
    /// What a record of this home tells of its object.
    fn of(inner: &Inner, record: &ObjectRecord) -> Result<Self, Error> {
        let placement = &record.placement.placement;
        let mut hosts: Vec<PeerId> = placement.places.iter().map(|place| place.host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let spot = |place: &Place| {
            let host = hosts.binary_search(&place.host).ok()?;
            Some(Spot {
                segment: place.segment,
                index: place.index,
                host: u32::try_from(host).ok()?,
            })
        };
        Ok(Self {
            network: inner.id,
            descriptor: record.descriptor.clone(),
            secret: record::secret(&inner.seal, &record.secret)?,
            end_epoch: placement.end_epoch,
            spots: placement.places.iter().filter_map(spot).collect(),
            hosts,
            leads: false,
        })
    }

    /// The object.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId::of_descriptor(&self.descriptor)
    }

    /// The name it was stored under; what somebody else chose.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.secret.name
    }

    /// Its plaintext bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.secret.len
    }

    /// First epoch after its term, as it was when it was handed on.
    #[must_use]
    pub const fn end_epoch(&self) -> u64 {
        self.end_epoch
    }

    /// The line; a secret.
    #[must_use]
    pub fn to_line(&self) -> String {
        let body = URL_SAFE_NO_PAD.encode(codec::to_bytes(self));
        format!("{SHARE_PREFIX}{body}")
    }

    /// Reads a line and checks that it does not contradict itself. Errors: Share.
    pub fn parse(line: &str) -> Result<Self, Error> {
        if line.len() > LINE_MAX {
            return Err(wrong(format!("it is longer than {LINE_MAX} characters")));
        }
        let body = line.trim().strip_prefix(SHARE_PREFIX);
        let body = body.ok_or_else(|| wrong(format!("it does not begin with {SHARE_PREFIX}")))?;
        let torn = || wrong("it is cut off or a character of it is wrong");
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| torn())?;
        let shared: Self = codec::from_bytes("share", &bytes).map_err(|_| torn())?;
        shared.check(&shared.descriptor()?)?;
        Ok(shared)
    }

    fn descriptor(&self) -> Result<Descriptor, Error> {
        Descriptor::from_bytes(&self.descriptor).map_err(|error| wrong(error.to_string()))
    }

    fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        let chunks = self.secret.len.div_ceil(CHUNK as u64);
        let stored = match descriptor.cipher {
            Cipher::None => Some(self.secret.len),
            Cipher::Aes256Gcm => self.secret.len.checked_add(chunks * TAG as u64),
        };
        if stored != Some(descriptor.len) {
            return Err(wrong("the length it names is not the object's"));
        }
        let is_there = |spot: &Spot| {
            let segment = usize::try_from(spot.segment).unwrap_or(usize::MAX);
            let host = usize::try_from(spot.host).unwrap_or(usize::MAX);
            segment < descriptor.segments.len()
                && spot.index < descriptor.geometry.total()
                && host < self.hosts.len()
        };
        match self.spots.iter().all(is_there) {
            true => Ok(()),
            false => Err(wrong("a place it names is not of this object")),
        }
    }

    /// Where its shards are now, by the hubs' word.
    async fn places(&self, inner: &Inner) -> Vec<Place> {
        let addrs = hosts::whereabouts(inner, &self.hosts).await;
        let place = |spot: &Spot| {
            let host = self.hosts.get(usize::try_from(spot.host).ok()?)?;
            Some(Place {
                segment: spot.segment,
                index: spot.index,
                host: *host,
                addrs: addrs.get(host).cloned().unwrap_or_default(),
                agreement: AgreementDigest([0; 32]),
            })
        };
        self.spots.iter().filter_map(place).collect()
    }
}

/// A writer whose bytes are looked at afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads a line, and the one it leads to. Errors: Share, and those of a get.
pub(crate) async fn open(renter: &Renter, line: &str) -> Result<Shared, Error> {
    let known = |shared: Shared| match shared.network == renter.inner.id {
        true => Ok(shared),
        false => Err(wrong("it is of another network")),
    };
    let shared = known(Shared::parse(line)?)?;
    if !shared.leads {
        return Ok(shared);
    }
    if shared.secret.len > LINE_MAX as u64 {
        return Err(wrong(format!(
            "it leads to more than {LINE_MAX} characters"
        )));
    }
    let kept = Kept::default();
    let (progress, _watched) = watch::channel(Progress::default());
    get(renter, &shared, None, Box::new(kept.clone()), &progress).await?;
    let bytes = std::mem::take(&mut *kept.0.lock().unwrap_or_else(PoisonError::into_inner));
    let line = String::from_utf8(bytes).map_err(|_| wrong("it leads to no text"))?;
    let shared = known(Shared::parse(&line)?)?;
    match shared.leads {
        true => Err(wrong("it leads to a line that leads on")),
        false => Ok(shared),
    }
}

/// The line of an object of this home, whole however long it is. Nothing notes that it was made: it
/// is for programs of the same owner.
pub(crate) fn line(inner: &Inner, object: &ObjectId) -> Result<String, Error> {
    let record = inner.book.object(object)?;
    Ok(Shared::of(inner, &record)?.to_line())
}

/// Gets what was handed on, or a range of it.
pub(crate) async fn get(
    renter: &Renter,
    shared: &Shared,
    range: Option<Range<u64>>,
    out: Box<dyn Write + Send>,
    progress: &watch::Sender<Progress>,
) -> Result<Got, Error> {
    let source = get::Source {
        descriptor: shared.descriptor()?,
        secret: shared.secret.clone(),
        places: shared.places(&renter.inner).await,
    };
    get::fetch(&renter.inner, &source, range, out, progress).await
}
