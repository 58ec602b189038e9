//! The terms of an object's agreements, kept inside its sealed secret: a home that was rebuilt from
//! the phrase alone can then go on paying. Layout: docs/formats/object.md, the secret's leases.
//!
//! What descriptor and placement say already is not said again; the agreement's digest, which the
//! placement holds, proves that the terms put together here are the ones both sides signed.

use std::collections::BTreeMap;

use host_core::agreement::{Agreement, PayMode};
use host_core::object::{Descriptor, Place, Placement};
use host_core::{Address, AgreementDigest, AgreementId, Amount, codec};
use minicbor::{Decode, Encode};

use crate::Inner;
use crate::error::Error;
use crate::record::{self, ObjectRecord, Secret};

/// What of an agreement stands nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Lease {
    #[n(0)]
    agreement: AgreementDigest,
    #[n(1)]
    id: AgreementId,
    #[n(2)]
    payout: Address,
    #[n(3)]
    price: Amount,
    #[n(4)]
    egress_price: Amount,
    #[n(5)]
    start_epoch: u64,
    #[n(6)]
    end_epoch: u64,
    #[n(7)]
    nonce: u64,
    /// Absent in secrets of older programs, which knew cheques alone.
    #[n(8)]
    pay: Option<PayMode>,
}

/// The secret as it is written: its six fields and the leases. A reader of the six skips them.
#[derive(Encode, Decode)]
struct Kept {
    #[n(0)]
    name: String,
    #[n(1)]
    len: u64,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    sha256: [u8; 32],
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    key: [u8; 32],
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    prefix: [u8; 7],
    #[n(5)]
    stored_ms: u64,
    #[n(6)]
    leases: Option<Vec<Lease>>,
}

/// Terms by agreement.
pub(crate) type Terms = BTreeMap<AgreementDigest, Agreement>;

/// A secret's bytes with the terms of these places.
pub(crate) fn write(secret: &Secret, places: &[Place], terms: &Terms) -> Vec<u8> {
    let leases = places.iter().filter_map(|place| {
        let terms = terms.get(&place.agreement)?;
        Some(Lease {
            agreement: place.agreement,
            id: terms.id,
            payout: terms.payout,
            price: terms.price,
            egress_price: terms.egress_price,
            start_epoch: terms.start_epoch,
            end_epoch: terms.end_epoch,
            nonce: terms.nonce,
            pay: Some(terms.pay_mode),
        })
    });
    codec::to_bytes(&Kept {
        name: secret.name.clone(),
        len: secret.len,
        sha256: secret.sha256,
        key: secret.key,
        prefix: secret.prefix,
        stored_ms: secret.stored_ms,
        leases: Some(leases.collect()),
    })
}

/// The terms a record holds; those that do not lead to the digest of their place are left out, and
/// a record of an older program holds none.
pub(crate) fn read(inner: &Inner, record: &ObjectRecord) -> Result<Terms, Error> {
    let plain = record::unseal(&inner.seal, &record.secret)?;
    let kept: Kept = codec::from_bytes("secret", &plain)?;
    let descriptor = record.descriptor()?;
    let placement = &record.placement.placement;
    let by_agreement: BTreeMap<AgreementDigest, &Place> = placement
        .places
        .iter()
        .map(|place| (place.agreement, place))
        .collect();
    let mut terms = Terms::new();
    for lease in kept.leases.unwrap_or_default() {
        let Some(place) = by_agreement.get(&lease.agreement) else {
            continue;
        };
        if let Some(whole) = join(inner, &descriptor, placement, place, &lease) {
            terms.insert(lease.agreement, whole);
        }
    }
    Ok(terms)
}

/// The whole terms of one lease, if they are the ones that were signed.
fn join(
    inner: &Inner,
    descriptor: &Descriptor,
    placement: &Placement,
    place: &Place,
    lease: &Lease,
) -> Option<Agreement> {
    let segment = descriptor
        .segments
        .get(usize::try_from(place.segment).ok()?)?;
    let terms = Agreement {
        network: inner.id,
        id: lease.id,
        renter: placement.owner,
        host: place.host.address().ok()?,
        payout: lease.payout,
        shard: *segment.shards.get(usize::from(place.index))?,
        shard_len: descriptor.geometry.shard_len(segment.len),
        codec: descriptor.geometry.codec.id(),
        price: lease.price,
        start_epoch: lease.start_epoch,
        end_epoch: lease.end_epoch,
        egress_price: lease.egress_price,
        pay_mode: lease.pay.unwrap_or(PayMode::Cheque),
        nonce: lease.nonce,
    };
    (terms.digest(inner.network.chain_id) == lease.agreement).then_some(terms)
}
