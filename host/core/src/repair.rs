//! What lets somebody else repair a renter's object: the grant, the order that names a guard, and
//! the signed word about a repair (docs/formats/guard.md).
//!
//! Invariants: a grant is hashed as EIP-712, a contract may read it; an order is signed by the
//! owner whose placement it carries; a repair counts only with a grant in force, the new host's
//! receipt for the same shard, and two verdicts of two guards the owner named. Does not: decide
//! that a shard is lost, move a byte, judge a proof (`host_proof`).

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::amount::Amount;
use crate::challenge::{Finding, SignedVerdict};
use crate::codec;
use crate::eip712::{Domain, StructHash, keccak};
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Digest32, NetworkId, ObjectId, PeerId, ShardId};
use crate::object::{Descriptor, Place, SignedPlacement};
use crate::receipt::Receipt;
use crate::signed::{self, Kind};

/// Independent verdicts that a repair needs.
pub const VERDICTS_MIN: usize = 2;
/// How far apart the verdicts of a repair may lie, in milliseconds.
pub const VERDICT_AGE_MS: u64 = 3_600_000;
/// Guards one order may name.
pub const GUARDS_MAX: usize = 16;

const ORDER: Kind = Kind {
    name: "guard-order",
    version: 1,
};
const REPAIR: Kind = Kind {
    name: "repair",
    version: 1,
};

/// How far apart the new host must be from those that hold shards of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum DomainRule {
    /// A host may hold several shards of a segment when no other is left.
    #[n(0)]
    Any,
    /// Every shard of a segment on a host of its own.
    #[n(1)]
    Host,
}

/// A renter lets a guard repair one object with the guard's own money, up to a sum.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RepairGrant {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// Who may repair it.
    #[n(1)]
    pub guard: PeerId,
    /// Highest price of a new agreement, smallest units per GiB and epoch.
    #[n(2)]
    pub max_price: Amount,
    /// Bytes that repair may read and write in one epoch.
    #[n(3)]
    pub bytes_per_epoch: u64,
    /// What all its agreements may promise together, smallest units.
    #[n(4)]
    pub budget: Amount,
    /// Stake a new host must have, smallest units.
    #[n(5)]
    pub min_stake: Amount,
    /// How far apart hosts must be.
    #[n(6)]
    pub failure_domain_rule: DomainRule,
    /// First epoch in which it no longer counts.
    #[n(7)]
    pub expiry: u64,
}

impl RepairGrant {
    /// The EIP-712 digest that the owner signs. Errors: PeerKey when the guard is no key.
    pub fn digest(&self, chain_id: u64) -> Result<Digest32, Error> {
        let text = "RepairGrant(bytes32 object,address guard,uint128 maxPrice,\
                    uint64 bytesPerEpoch,uint128 budget,uint128 minStake,\
                    uint8 failureDomainRule,uint64 expiry)";
        let body = StructHash::new(text)
            .digest(&keccak(&self.object.0))
            .address(&self.guard.address()?)
            .number(self.max_price.0)
            .number(self.bytes_per_epoch.into())
            .number(self.budget.0)
            .number(self.min_stake.0)
            .number(self.failure_domain_rule as u128)
            .number(self.expiry.into())
            .finish();
        let domain = Domain {
            name: "Holdfast",
            version: "1",
            chain_id,
        };
        Ok(domain.digest(&body))
    }
}

/// Somebody who can be dialled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct NamedGuard {
    /// Who.
    #[n(0)]
    pub peer: PeerId,
    /// Where.
    #[n(1)]
    pub addrs: Vec<String>,
}

/// A renter names guards for one object and says what each may do.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GuardOrder {
    /// The object's descriptor, as the object's name hashes it.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub descriptor: Vec<u8>,
    /// Where its shards are. A newer version replaces an older order.
    #[n(1)]
    pub placement: SignedPlacement,
    /// First epoch after each place's agreement, in the order of the placement.
    #[n(2)]
    pub ends: Vec<u64>,
    /// Every guard of the object.
    #[n(3)]
    pub guards: Vec<NamedGuard>,
    /// Seconds in which every shard is challenged once.
    #[n(4)]
    pub round_s: u64,
    /// Leaves of each challenge.
    #[n(5)]
    pub leaves: u32,
    /// Repair begins when fewer than `data` and this many shards of a segment are alive.
    #[n(6)]
    pub margin: u16,
    /// What the owner pays for a verdict that holds, smallest units.
    #[n(7)]
    pub price: Amount,
    /// One grant for each guard that may repair.
    #[n(8)]
    pub grants: Vec<SignedGrant>,
    /// The number of the order for this placement; a higher one replaces a lower one.
    #[n(9)]
    pub serial: u64,
}

/// A grant with its owner's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedGrant {
    /// The grant.
    #[n(0)]
    pub grant: RepairGrant,
    /// The owner's signature over its EIP-712 digest.
    #[n(1)]
    pub signature: Signature,
}

/// An order with its owner's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedOrder {
    /// The order.
    #[n(0)]
    pub order: GuardOrder,
    /// The owner's signature.
    #[n(1)]
    pub signature: Signature,
}

impl SignedGrant {
    /// Signs a grant with its owner's key. Errors: PeerKey when the guard is no key.
    pub fn sign(grant: RepairGrant, chain_id: u64, key: &SecretKey) -> Result<Self, Error> {
        let signature = key.sign(&grant.digest(chain_id)?);
        Ok(Self { grant, signature })
    }
}

impl GuardOrder {
    /// Its age: a later one replaces an earlier one of the same object.
    #[must_use]
    pub const fn age(&self) -> (u64, u64) {
        (self.placement.placement.version, self.serial)
    }

    /// The grant of one guard, if it has one.
    #[must_use]
    pub fn grant_of(&self, guard: &PeerId) -> Option<&RepairGrant> {
        let mut grants = self.grants.iter().map(|signed| &signed.grant);
        grants.find(|grant| grant.guard == *guard)
    }
}

impl SignedOrder {
    /// Signs an order with its owner's key.
    #[must_use]
    pub fn sign(order: GuardOrder, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, ORDER, network, &codec::to_bytes(&order));
        Self { order, signature }
    }

    /// Checks every signature and that its parts speak of one object; gives back the descriptor.
    /// Errors name the first broken fact.
    pub fn check(&self, network: &NetworkId, chain_id: u64) -> Result<Descriptor, Error> {
        let order = &self.order;
        let placement = &order.placement.placement;
        let owner = &placement.owner;
        let body = codec::to_bytes(order);
        signed::check_address(&self.signature, ORDER, network, &body, owner)?;
        order.placement.check(network)?;
        let descriptor = Descriptor::from_bytes(&order.descriptor)?;
        let of_object = descriptor.id() == placement.object;
        let fits = order.ends.len() == placement.places.len()
            && order.guards.len() <= GUARDS_MAX
            && order.leaves > 0
            && order.leaves <= crate::limits::CHALLENGE_LEAVES_MAX
            && order.round_s > 0;
        let known = |place: &Place| shard_of(&descriptor, place).is_some();
        if !of_object || !fits || !placement.places.iter().all(known) {
            return Err(Error::Encoding {
                what: "guard order",
            });
        }
        for signed in &order.grants {
            let digest = signed.grant.digest(chain_id)?;
            let signature = &signed.signature;
            signature.check_address("repair grant", &digest, owner)?;
            if signed.grant.object != placement.object {
                return Err(Error::Encoding {
                    what: "repair grant",
                });
            }
        }
        Ok(descriptor)
    }
}

/// The shard a place stands for: its name and length.
#[must_use]
pub fn shard_of(descriptor: &Descriptor, place: &Place) -> Option<(ShardId, u64)> {
    let segment = usize::try_from(place.segment).ok()?;
    let segment = descriptor.segments.get(segment)?;
    let shard = segment.shards.get(usize::from(place.index))?;
    Some((*shard, descriptor.geometry.shard_len(segment.len)))
}

/// One shard that has moved.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Moved {
    /// Where it was.
    #[n(0)]
    pub old: Place,
    /// Where it is now, under the guard's agreement.
    #[n(1)]
    pub new: Place,
    /// The new host's receipt.
    #[n(2)]
    pub receipt: Receipt,
    /// Why: verdicts on the old place.
    #[n(3)]
    pub verdicts: Vec<SignedVerdict>,
}

/// A guard's new version of a placement: what moved since the owner's version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Repair {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// The owner's version it changes.
    #[n(1)]
    pub base: u64,
    /// Rises with every repair of that version.
    #[n(2)]
    pub version: u64,
    /// Who repaired.
    #[n(3)]
    pub guard: PeerId,
    /// The epoch in which it repaired.
    #[n(4)]
    pub epoch: u64,
    /// What its agreements promised so far, smallest units.
    #[n(5)]
    pub spent: Amount,
    /// Every shard that moved, the earlier ones too.
    #[n(6)]
    pub moved: Vec<Moved>,
}

/// A repair with its guard's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedRepair {
    /// The repair.
    #[n(0)]
    pub repair: Repair,
    /// The guard's signature.
    #[n(1)]
    pub signature: Signature,
}

impl SignedRepair {
    /// Signs a repair with its guard's key.
    #[must_use]
    pub fn sign(repair: Repair, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, REPAIR, network, &codec::to_bytes(&repair));
        Self { repair, signature }
    }

    /// Checks a repair against the order it was made under: the guard's signature, its grant, each
    /// new host's receipt for the same shard, and two verdicts of two named guards on each old
    /// place. Whether a verdict's proof is judged rightly is `host_proof::check_verdict`.
    /// Errors name the first broken fact.
    pub fn check(&self, order: &GuardOrder, network: &NetworkId) -> Result<(), Error> {
        let repair = &self.repair;
        let body = codec::to_bytes(repair);
        signed::check_peer(&self.signature, REPAIR, network, &body, &repair.guard)?;
        let wrong = |what| Error::Repair {
            guard: repair.guard,
            what,
        };
        let placement = &order.placement.placement;
        if (repair.object, repair.base) != (placement.object, placement.version) {
            return Err(wrong("is of another placement"));
        }
        let grant = order.grant_of(&repair.guard);
        let grant = grant.ok_or_else(|| wrong("was not granted"))?;
        if repair.epoch >= grant.expiry {
            return Err(wrong("came after its grant's end"));
        }
        if repair.spent > grant.budget {
            return Err(wrong("spent more than its grant"));
        }
        let descriptor = Descriptor::from_bytes(&order.descriptor)?;
        repair
            .moved
            .iter()
            .try_for_each(|moved| check_moved(moved, order, &descriptor, network).map_err(&wrong))
    }
}

fn check_moved(
    moved: &Moved,
    order: &GuardOrder,
    descriptor: &Descriptor,
    network: &NetworkId,
) -> Result<(), &'static str> {
    let (old, new) = (&moved.old, &moved.new);
    if !order.placement.placement.places.contains(old) {
        return Err("moves a shard from where it never was");
    }
    let Some((shard, len)) = shard_of(descriptor, old) else {
        return Err("names a shard the object has not");
    };
    let body = &moved.receipt.body;
    let same = (old.segment, old.index) == (new.segment, new.index)
        && (body.shard, body.len, body.agreement) == (shard, len, new.agreement);
    if !same || moved.receipt.check(network, &new.host).is_err() {
        return Err("shows no receipt of the new host for the same shard");
    }
    let mut guards = BTreeSet::new();
    // An old verdict shown again does not confirm a new one.
    let newest = moved.verdicts.iter().map(|signed| signed.verdict.at_ms);
    let newest = newest.max().unwrap_or(0);
    for signed in &moved.verdicts {
        let asked = &signed.verdict.challenge;
        let named = order.guards.iter().any(|named| named.peer == asked.guard);
        let about = (asked.shard, asked.host, asked.agreement) == (shard, old.host, old.agreement);
        let bad = signed.verdict.finding != Finding::Kept;
        let fresh = signed.verdict.at_ms.saturating_add(VERDICT_AGE_MS) >= newest;
        if named && about && bad && fresh && signed.check(network).is_ok() {
            guards.insert(asked.guard);
        }
    }
    if guards.len() < VERDICTS_MIN {
        return Err("shows fewer than two verdicts of two named guards");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
