//! Deletion that can be shown: an object's key is destroyed first, in the book and in the journals
//! of its puts; then its records on hosts are replaced by empty ones; then every host of its
//! placement is asked to let go and its signed word kept; when all have, the journals go too.
//!
//! Invariants: from the first step that touches the key on, a file in `deleted` says what is left
//! to do, so that a crash or a silent host costs no more than asking again; a receipt that came is
//! flushed before this returns. What this does not do: reach copies that others made, or blocks a
//! drive keeps to itself; who writes a report says so (host/release/src/deletion.rs).

use std::collections::BTreeMap;

use host_core::agreement::Agreement;
use host_core::identity::Signature;
use host_core::object::{Cipher, Place, SignedPlacement};
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_core::{AgreementDigest, ObjectId, PeerId};
use minicbor::{Decode, Encode};

use crate::book::Book;
use crate::error::Error;
use crate::lease;
use crate::record::{ObjectRecord, shelf};
use crate::session::{self, Journal};
use crate::share::capsule;
use crate::{Inner, Renter, Whereabouts};

/// What became of one agreement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum LetGo {
    /// The host signed that it closed it.
    #[n(0)]
    Closed {
        /// Whether the shard's bytes went too; they stay while another agreement keeps them.
        #[n(0)]
        freed: bool,
        /// Its signature.
        #[n(1)]
        signature: Signature,
    },
    /// The host says that it has no such agreement; it signs nothing about that.
    #[n(1)]
    Unknown,
}

/// One agreement of a deleted object.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeletedPlace {
    /// Which shard, which host.
    #[n(0)]
    pub place: Place,
    /// The terms, where this home has them: they bind the agreement to shard and host.
    #[n(1)]
    pub terms: Option<Agreement>,
    /// What became of it; none while the host is silent.
    #[n(2)]
    pub let_go: Option<LetGo>,
}

/// A deletion as far as it is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Deleted {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// Its descriptor's bytes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub descriptor: Vec<u8>,
    /// Whether there was a key that was destroyed; open data has none.
    #[n(2)]
    pub sealed: bool,
    /// When it was asked for, milliseconds since 1970.
    #[n(3)]
    pub asked_ms: u64,
    /// When the key was gone from this home; none before.
    #[n(4)]
    pub key_gone_ms: Option<u64>,
    /// Hosts that said they replaced the object's record by an empty one.
    #[n(5)]
    pub buried: Vec<PeerId>,
    /// Every agreement of the placement.
    #[n(6)]
    pub places: Vec<DeletedPlace>,
    /// The placement as it was last.
    #[n(7)]
    placement: SignedPlacement,
    /// Bytes the sealed secret had: they say into how many parts hosts keep the record.
    #[n(8)]
    secret_len: u64,
    /// How often it was handed on; none in deletions of before that was counted.
    #[n(9)]
    shares: Option<u64>,
}

impl Deleted {
    /// How often it was handed on to somebody else.
    #[must_use]
    pub fn shares(&self) -> u64 {
        self.shares.unwrap_or_default()
    }

    /// First epoch after the last of its agreements.
    #[must_use]
    pub const fn end_epoch(&self) -> u64 {
        self.placement.placement.end_epoch
    }

    /// Agreements whose host has said nothing yet.
    #[must_use]
    pub fn silent(&self) -> usize {
        let silent = self.places.iter().filter(|one| one.let_go.is_none());
        silent.count()
    }
}

/// Takes the sealed key out of the journals of an object's puts. A put that another process works
/// on is refused: it would write the key again.
fn shred_journals(book: &Book, object: &ObjectId) -> Result<(), Error> {
    for (path, known) in book.journals()? {
        if known.object != Some(*object) || known.begin.sealed.is_empty() {
            continue;
        }
        let _held = Journal::open(&path)?;
        session::without_key(&path)?;
    }
    Ok(())
}

/// What is to be done, from the record as it stands. Of an earlier deletion of the same open data,
/// which was put again, what hosts were silent about stays to be asked.
fn plan(
    inner: &Inner,
    record: &ObjectRecord,
    before: Option<Deleted>,
    shares: u64,
) -> Result<Deleted, Error> {
    let mut terms: BTreeMap<AgreementDigest, Agreement> = BTreeMap::new();
    // A record that does not open binds no terms; it is deleted all the same.
    terms.extend(lease::read(inner, record).unwrap_or_default());
    for (_, known) in inner.book.journals()? {
        terms.extend(known.all_terms());
    }
    let places = record.placement.placement.places.iter();
    let places = places.map(|place| DeletedPlace {
        place: place.clone(),
        terms: terms.get(&place.agreement).cloned(),
        let_go: None,
    });
    let mut places: Vec<DeletedPlace> = places.collect();
    let now = inner.clock.wall_ms();
    let mut asked_ms = now;
    if let Some(before) = before {
        if before.key_gone_ms.is_none() {
            asked_ms = before.asked_ms;
        }
        let is_here = |one: &DeletedPlace| {
            let agreement = one.place.agreement;
            places
                .iter()
                .any(|place| place.place.agreement == agreement)
        };
        let silent = before.places.into_iter();
        let silent = silent.filter(|one| one.let_go.is_none() && !is_here(one));
        let silent: Vec<DeletedPlace> = silent.collect();
        places.extend(silent);
    }
    Ok(Deleted {
        object: record.placement.placement.object,
        descriptor: record.descriptor.clone(),
        sealed: record.descriptor()?.cipher != Cipher::None,
        asked_ms,
        key_gone_ms: None,
        buried: Vec::new(),
        places,
        placement: record.placement.clone(),
        secret_len: record.secret.len() as u64,
        shares: Some(shares),
    })
}

/// The first half: what stands in `deleted`, and no key in this home any more.
fn destroy_key(inner: &Inner, object: ObjectId, shares: u64) -> Result<Deleted, Error> {
    let _turn = inner.book.turn()?;
    let now = inner.clock.wall_ms();
    let mut deleted = match (inner.book.object(&object), inner.book.deleted(&object)) {
        (Ok(record), before) => {
            let fresh = plan(inner, &record, before.ok(), shares)?;
            inner.book.keep_deleted(&fresh)?;
            shred_journals(&inner.book, &object)?;
            inner.book.shred_object(&object)?;
            fresh
        }
        (Err(Error::Unknown { .. }), Ok(before)) => {
            shred_journals(&inner.book, &object)?;
            before
        }
        (Err(error), _) => return Err(error),
    };
    if deleted.key_gone_ms.is_none() {
        deleted.key_gone_ms = Some(now);
        inner.book.keep_deleted(&deleted)?;
    }
    Ok(deleted)
}

/// Asks hosts to replace the records; those that did before are not asked again.
async fn bury(renter: &Renter, deleted: &mut Deleted) {
    let inner = &*renter.inner;
    let record = ObjectRecord {
        descriptor: deleted.descriptor.clone(),
        secret: vec![0; usize::try_from(deleted.secret_len).unwrap_or_default()],
        placement: deleted.placement.clone(),
    };
    let places: Vec<Place> = deleted.places.iter().map(|one| one.place.clone()).collect();
    let now = Whereabouts(renter.addresses(&places).await);
    let hosts: BTreeMap<PeerId, PeerAddr> = places
        .iter()
        .filter(|place| !deleted.buried.contains(&place.host))
        .map(|place| (place.host, now.of(place)))
        .collect();
    let hosts: Vec<PeerAddr> = hosts.into_values().collect();
    deleted
        .buried
        .extend(shelf::bury(inner, &hosts, &record).await);
}

/// Asks every host that has not answered yet to close its agreement.
async fn let_go(renter: &Renter, deleted: &mut Deleted) {
    let inner = &*renter.inner;
    let open: Vec<usize> = (0..deleted.places.len())
        .filter(|at| {
            let one = deleted.places.get(*at);
            one.is_some_and(|one| one.let_go.is_none())
        })
        .collect();
    let places: Vec<Place> = open
        .iter()
        .filter_map(|at| deleted.places.get(*at))
        .map(|one| one.place.clone())
        .collect();
    let now = Whereabouts(renter.addresses(&places).await);
    let asks = places.iter().map(|place| {
        let to = now.of(place);
        let (agreement, key) = (place.agreement, &inner.key);
        async move {
            let peers = inner.peers.as_ref();
            let asked = host_transfer::delete::close(peers, &to, &inner.id, agreement, key);
            match asked.await {
                Ok(receipt) => Some(LetGo::Closed {
                    freed: receipt.freed,
                    signature: receipt.signature,
                }),
                Err(error) => {
                    let code = error.refusal().map(|refusal| refusal.code);
                    (code == Some(RefusalCode::Unknown)).then_some(LetGo::Unknown)
                }
            }
        }
    });
    let answers = futures::future::join_all(asks).await;
    for (at, answer) in open.into_iter().zip(answers) {
        if let Some(one) = deleted.places.get_mut(at) {
            one.let_go = answer;
        }
    }
}

/// Deletes an object, its capsules before it, or goes on with a deletion. Durable when it returns.
pub(crate) async fn delete(renter: &Renter, object: ObjectId) -> Result<Deleted, Error> {
    let (shares, are_gone) = capsule::delete_all(renter, &object).await?;
    let deleted = one(renter, object, shares).await?;
    capsule::forget(&renter.inner.book, &deleted, are_gone)?;
    Ok(deleted)
}

/// Deletes an object that has no capsules, or goes on with that.
pub(crate) async fn one(renter: &Renter, object: ObjectId, shares: u64) -> Result<Deleted, Error> {
    let mut deleted = destroy_key(&renter.inner, object, shares)?;
    // First the records: a host keeps records only for renters with an agreement there.
    bury(renter, &mut deleted).await;
    let_go(renter, &mut deleted).await;
    renter.inner.book.keep_deleted(&deleted)?;
    if deleted.silent() == 0 {
        drop_journals(&renter.inner, &object)?;
    }
    Ok(deleted)
}

/// Takes the journals of a deleted object off the drive: what they know of agreements, all closed
/// now, stands in the deletion. They named files, and every later look would read them.
fn drop_journals(inner: &Inner, object: &ObjectId) -> Result<(), Error> {
    let _turn = inner.book.turn()?;
    if inner.book.object(object).is_ok() {
        // Open data that was put again meanwhile.
        return Ok(());
    }
    for (path, known) in inner.book.journals()? {
        let is_its = known.object == Some(*object) && known.is_over();
        if is_its && known.unreleased().is_empty() {
            Journal::open(&path)?.remove()?;
        }
    }
    Ok(())
}
