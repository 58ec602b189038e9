//! The three records of an object. The descriptor is immutable and names the object; the secret
//! (sealed by the renter, see `host-renter`) says what it is; the placement says who keeps it and
//! changes with repair, each version signed and numbered.
//!
//! A descriptor is an array of integers, byte strings and arrays only, so its CBOR is also
//! dag-cbor and its SHA-256 makes a CIDv1.

use minicbor::{Decode, Encode};

use crate::codec;
use crate::error::Error;
use crate::geometry::Geometry;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, AgreementDigest, NetworkId, ObjectId, PeerId, ShardId};
use crate::signed::{self, Kind};

/// How an object's bytes are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Cipher {
    /// Open data: anyone with the descriptor can read it.
    #[n(0)]
    None,
    /// AES-256-GCM in chunks (docs/formats/object.md).
    #[n(1)]
    Aes256Gcm,
}

/// One segment: its ciphertext bytes and its shards in index order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Segment {
    /// Ciphertext bytes.
    #[n(0)]
    pub len: u64,
    /// `data + parity` shard ids.
    #[n(1)]
    pub shards: Vec<ShardId>,
}

/// The immutable record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Descriptor {
    /// Layout version, 1.
    #[n(0)]
    pub version: u8,
    /// Shape of every segment.
    #[n(1)]
    pub geometry: Geometry,
    /// Protection of the bytes.
    #[n(2)]
    pub cipher: Cipher,
    /// Ciphertext bytes of the whole object.
    #[n(3)]
    pub len: u64,
    /// The segments in order; none for an empty object.
    #[n(4)]
    pub segments: Vec<Segment>,
    /// SHA-256 of the plaintext, for open data only.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub sha256: Option<[u8; 32]>,
}

impl Descriptor {
    /// The object's name.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId::of_descriptor(&codec::to_bytes(self))
    }

    /// Reads and checks a descriptor. Errors when it is not canonical or contradicts itself.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = Error::Encoding { what: "descriptor" };
        let descriptor: Self = codec::from_signed_bytes("descriptor", bytes)?;
        descriptor.geometry.check()?;
        let total = usize::from(descriptor.geometry.total());
        let last = descriptor.segments.len().saturating_sub(1);
        let mut sum: u64 = 0;
        for (index, segment) in descriptor.segments.iter().enumerate() {
            let fits = segment.len == descriptor.geometry.segment_len
                || (index == last && segment.len < descriptor.geometry.segment_len);
            if segment.shards.len() != total || segment.len == 0 || !fits {
                return Err(wrong);
            }
            sum = sum.checked_add(segment.len).ok_or_else(|| wrong.clone())?;
        }
        if sum != descriptor.len || descriptor.version != 1 {
            return Err(wrong);
        }
        Ok(descriptor)
    }
}

/// Where one shard is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Place {
    /// Index of the segment.
    #[n(0)]
    pub segment: u32,
    /// Index of the shard in the segment.
    #[n(1)]
    pub index: u16,
    /// Who keeps it.
    #[n(2)]
    pub host: PeerId,
    /// Addresses that worked when it was placed.
    #[n(3)]
    pub addrs: Vec<String>,
    /// Under which agreement.
    #[n(4)]
    pub agreement: AgreementDigest,
}

/// The mutable record: monotone version, signed by the owner's account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Placement {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// Its owner.
    #[n(1)]
    pub owner: Address,
    /// Rises with every change.
    #[n(2)]
    pub version: u64,
    /// First epoch after the term.
    #[n(3)]
    pub end_epoch: u64,
    /// Every kept shard.
    #[n(4)]
    pub places: Vec<Place>,
}

/// A placement with its owner's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedPlacement {
    /// The record.
    #[n(0)]
    pub placement: Placement,
    /// The owner's signature.
    #[n(1)]
    pub signature: Signature,
}

const KIND: Kind = Kind {
    name: "placement",
    version: 1,
};

impl SignedPlacement {
    /// Signs a placement with its owner's key.
    #[must_use]
    pub fn sign(placement: Placement, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, KIND, network, &codec::to_bytes(&placement));
        Self {
            placement,
            signature,
        }
    }

    /// Checks that the named owner signed.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        let body = codec::to_bytes(&self.placement);
        signed::check_address(&self.signature, KIND, network, &body, &self.placement.owner)
    }
}
