//! Names of things: shards, objects, agreements, peers, addresses. Each is a newtype over its
//! bytes, so that one cannot be passed for another; each prints in the one encoding people see.

use std::fmt;
use std::str::FromStr;

use cid::Cid;
use minicbor::{Decode, Decoder, Encode, Encoder};
use secp256k1::PublicKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sha3::Keccak256;

use crate::error::Error;

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] #[cbor(with = "minicbor::bytes")] pub [u8; $len]);

        impl $name {
            /// Reads the id from a slice. Errors when the length differs.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
                let have = bytes.len();
                let fixed = <[u8; $len]>::try_from(bytes)
                    .map_err(|_| Error::IdLength { kind: $kind, need: $len, have })?;
                Ok(Self(fixed))
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! hex_text {
    ($name:ident, $kind:literal, $prefix:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let digits = text.strip_prefix("0x").unwrap_or(text);
                let bytes = hex::decode(digits).map_err(|_| Error::IdText {
                    kind: $kind,
                    encoding: "hex",
                })?;
                Self::from_slice(&bytes)
            }
        }
    };
}

byte_id!(
    /// The name of a shard: binds its length and the root of its proof tree (see `host-proof`).
    ShardId, 32, "shard id"
);
hex_text!(ShardId, "shard id", "");
byte_id!(
    /// The EIP-712 digest of an agreement: its name in ledger, wire, dataset and logs.
    AgreementDigest, 32, "agreement digest"
);
hex_text!(AgreementDigest, "agreement digest", "");
byte_id!(
    /// The number a renter draws for an agreement before either side has signed.
    AgreementId, 32, "agreement id"
);
hex_text!(AgreementId, "agreement id", "");
byte_id!(
    /// The name of a network; every off-chain signature covers it.
    NetworkId, 32, "network id"
);
hex_text!(NetworkId, "network id", "");
byte_id!(
    /// A plain 32-byte digest: block hash, transaction hash, tree node.
    Digest32, 32, "digest"
);
hex_text!(Digest32, "digest", "0x");
byte_id!(
    /// The random name written into a volume's label when it is formatted.
    VolumeId, 16, "volume id"
);
hex_text!(VolumeId, "volume id", "");
byte_id!(
    /// An account on the chain.
    Address, 20, "address"
);
byte_id!(
    /// A peer, named by its compressed secp256k1 key; prints as the libp2p peer id of that key.
    PeerId, 33, "peer id"
);

impl NetworkId {
    /// The id of the network called `name`: SHA-256("holdfast.network.1" || name).
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"holdfast.network.1");
        hash.update(name.as_bytes());
        Self(hash.finalize().into())
    }
}

impl Address {
    /// The zero address: "no account".
    pub const ZERO: Self = Self([0; 20]);

    /// The same account as Tron writes it: base58 of 0x41, the 20 bytes, and four bytes of their
    /// double SHA-256.
    #[must_use]
    pub fn to_tron(&self) -> String {
        let mut bytes = vec![0x41];
        bytes.extend(self.0);
        let check = Sha256::digest(Sha256::digest(&bytes));
        bytes.extend(check.iter().take(4));
        bs58::encode(bytes).into_string()
    }

    /// The address of an uncompressed secp256k1 key: the last 20 bytes of keccak256(x || y).
    #[must_use]
    pub fn of_public_key(key: &PublicKey) -> Self {
        let point = key.serialize_uncompressed();
        let hash = Keccak256::digest(point.get(1..).unwrap_or_default());
        let mut address = [0; 20];
        address.copy_from_slice(hash.get(12..32).unwrap_or(&[0; 20]));
        Self(address)
    }
}

impl fmt::Display for Address {
    /// Writes the address with the mixed-case checksum of EIP-55.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex::encode(self.0);
        let hash = hex::encode(Keccak256::digest(digits.as_bytes()));
        f.write_str("0x")?;
        for (digit, nibble) in digits.chars().zip(hash.chars()) {
            let raised = nibble.to_digit(16).is_some_and(|value| value >= 8);
            let shown = if raised {
                digit.to_ascii_uppercase()
            } else {
                digit
            };
            fmt::Write::write_char(f, shown)?;
        }
        Ok(())
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let bytes = hex::decode(digits).map_err(|_| Error::IdText {
            kind: "address",
            encoding: "hex",
        })?;
        Self::from_slice(&bytes)
    }
}

/// Multihash header of a peer id that embeds its key: identity, 37 bytes, then the protobuf
/// fields key type = secp256k1 and key bytes (33). Source: libp2p peer-ids specification.
const PEER_ID_HEADER: [u8; 6] = [0x00, 0x25, 0x08, 0x02, 0x12, 0x21];

impl PeerId {
    /// The peer id of a public key.
    #[must_use]
    pub fn of_public_key(key: &PublicKey) -> Self {
        Self(key.serialize())
    }

    /// The public key. Errors when the 33 bytes are no point of the curve.
    pub fn public_key(&self) -> Result<PublicKey, Error> {
        PublicKey::from_byte_array_compressed(self.0).map_err(|_| Error::PeerKey)
    }

    /// The account on the chain that the same key controls.
    pub fn address(&self) -> Result<Address, Error> {
        Ok(Address::of_public_key(&self.public_key()?))
    }

    /// The bytes libp2p puts on the wire (a 39-byte identity multihash).
    #[must_use]
    pub fn to_multihash(&self) -> Vec<u8> {
        [PEER_ID_HEADER.as_slice(), &self.0].concat()
    }

    /// Reads the bytes libp2p puts on the wire. Errors for any other kind of key.
    pub fn from_multihash(bytes: &[u8]) -> Result<Self, Error> {
        let key = bytes.strip_prefix(&PEER_ID_HEADER).ok_or(Error::PeerKey)?;
        let peer = Self::from_slice(key)?;
        peer.public_key()?;
        Ok(peer)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.to_multihash()).into_string())
    }
}

impl FromStr for PeerId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = bs58::decode(text).into_vec().map_err(|_| Error::IdText {
            kind: "peer id",
            encoding: "base58",
        })?;
        Self::from_multihash(&bytes)
    }
}

/// The name of an object: the CIDv1 (dag-cbor, SHA-256) of its descriptor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 32]);

/// Multicodec of deterministic CBOR blocks.
const DAG_CBOR: u64 = 0x71;
/// Multihash code of SHA-256.
const SHA2_256: u64 = 0x12;

impl ObjectId {
    /// The id of a descriptor's canonical bytes.
    #[must_use]
    pub fn of_descriptor(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    fn to_cid(self) -> Cid {
        let hash = cid::multihash::Multihash::<64>::wrap(SHA2_256, &self.0)
            .expect("32 bytes fit a 64-byte multihash");
        Cid::new_v1(DAG_CBOR, hash)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_cid())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::IdText {
            kind: "object id",
            encoding: "a dag-cbor CIDv1",
        };
        let cid = Cid::try_from(text).map_err(|_| wrong())?;
        if cid.codec() != DAG_CBOR || cid.hash().code() != SHA2_256 {
            return Err(wrong());
        }
        let digest = <[u8; 32]>::try_from(cid.hash().digest()).map_err(|_| wrong())?;
        Ok(Self(digest))
    }
}

impl<C> Encode<C> for ObjectId {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ObjectId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        <[u8; 32]>::try_from(d.bytes()?)
            .map(Self)
            .map_err(|_| minicbor::decode::Error::message("object id is 32 bytes"))
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
