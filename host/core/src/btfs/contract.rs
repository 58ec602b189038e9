//! BTFS's storage contract as its programs write it: two protobuf messages and the signatures of
//! renter and host over the inner one.
//!
//! Enters: the fields, or bytes from a BTFS peer. Leaves: the only encoding of those fields
//! (ascending, defaults omitted, shortest varints), DER signatures, or the fields again. A meta
//! that is not written in that one way is refused, because signatures cover its bytes. What this
//! file does not do: judge the terms; that is the door's admission.
//! Source: go-btfs 4.1, protos/metadata/file_meta.proto.

use crate::error::Error;
use crate::identity::SecretKey;
use crate::ids::PeerId;

use super::protobuf::{Field, Reader, Writer};

/// Bytes of the longest meta: field vectors have 302; every text inside is an id.
pub const META_LEN_MAX: usize = 2048;
/// Bytes of the longest contract: a meta, two signatures of at most 72 bytes, two numbers.
pub const CONTRACT_LEN_MAX: usize = META_LEN_MAX + 512;
/// Bytes of the longest DER signature of a 256-bit curve.
const SIGNATURE_LEN_MAX: usize = 72;

const META: &str = "btfs contract meta";
const CONTRACT: &str = "btfs contract";

/// The terms both sides sign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContractMeta {
    /// `<session uuid>,<uuid>`.
    pub contract_id: String,
    /// The host's peer id.
    pub sp_id: String,
    /// The renter's peer id.
    pub user_id: String,
    /// The CID of the shard's root.
    pub shard_hash: String,
    /// Index of the shard in its file.
    pub shard_index: u64,
    /// Bytes of the shard's graph.
    pub shard_size: u64,
    /// Micro-token per GiB and day.
    pub price: u64,
    /// Micro-token for the whole term.
    pub amount: u64,
    /// The token's address, with EIP-55 checksum.
    pub token: String,
    /// Whether the renter will renew by itself.
    pub auto_renewal: bool,
    /// Begin of the term, unix seconds.
    pub storage_start: u64,
    /// End of the term, unix seconds.
    pub storage_end: u64,
}

impl ContractMeta {
    /// The bytes both sides sign.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(1, self.contract_id.as_bytes());
        out.bytes(2, self.sp_id.as_bytes());
        out.bytes(3, self.user_id.as_bytes());
        out.bytes(4, self.shard_hash.as_bytes());
        out.number(5, self.shard_index);
        out.number(6, self.shard_size);
        out.number(7, self.price);
        out.number(8, self.amount);
        out.bytes(9, self.token.as_bytes());
        out.number(10, u64::from(self.auto_renewal));
        out.number(11, self.storage_start);
        out.number(12, self.storage_end);
        out.finish()
    }

    /// Reads the meta. Errors when the bytes are too many, malformed, or not the one encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(META, bytes, META_LEN_MAX)?;
        let mut meta = Self::default();
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(text)) => meta.contract_id = reader.text(text)?,
                (2, Field::Bytes(text)) => meta.sp_id = reader.text(text)?,
                (3, Field::Bytes(text)) => meta.user_id = reader.text(text)?,
                (4, Field::Bytes(text)) => meta.shard_hash = reader.text(text)?,
                (5, Field::Number(value)) => meta.shard_index = value,
                (6, Field::Number(value)) => meta.shard_size = value,
                (7, Field::Number(value)) => meta.price = value,
                (8, Field::Number(value)) => meta.amount = value,
                (9, Field::Bytes(text)) => meta.token = reader.text(text)?,
                (10, Field::Number(value)) => meta.auto_renewal = value == 1,
                (11, Field::Number(value)) => meta.storage_start = value,
                (12, Field::Number(value)) => meta.storage_end = value,
                _ => return Err(reader.wrong("an unknown field stands in it")),
            }
        }
        if meta.encode() == bytes {
            return Ok(meta);
        }
        Err(reader.wrong("it is not the one encoding of its fields"))
    }

    /// Signs the meta as BTFS's peers do: the identity key over SHA-256 of its bytes, in DER.
    #[must_use]
    pub fn sign(&self, key: &SecretKey) -> Vec<u8> {
        key.sign_btfs(&self.encode())
    }

    /// Checks that `peer` made the DER `signature` over this meta.
    /// Errors when the bytes are no low-s signature, or another key's.
    pub fn check(&self, signature: &[u8], peer: &PeerId) -> Result<(), Error> {
        peer.check_btfs(META, &self.encode(), signature)
    }
}

/// Where a contract stands in BTFS's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Never written.
    #[default]
    Invalid,
    /// What a renter sends.
    Init,
    /// What a host reports on chain once it has the shard.
    Completed,
    /// Ended.
    Closed,
}

impl Status {
    fn from_number(number: u64) -> Option<Self> {
        [Self::Invalid, Self::Init, Self::Completed, Self::Closed]
            .into_iter()
            .find(|status| status.number() == number)
    }

    const fn number(self) -> u64 {
        match self {
            Self::Invalid => 0,
            Self::Init => 1,
            Self::Completed => 2,
            Self::Closed => 3,
        }
    }
}

/// The terms with what the two sides said to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contract {
    /// The terms.
    pub meta: ContractMeta,
    /// The host's DER signature over the meta; empty until it signs.
    pub sp_signature: Vec<u8>,
    /// The renter's DER signature over the meta.
    pub user_signature: Vec<u8>,
    /// When the renter wrote it, unix seconds.
    pub create_time: u64,
    /// Where it stands.
    pub status: Status,
}

impl Contract {
    /// The contract as it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(1, &self.meta.encode());
        out.bytes(2, &self.sp_signature);
        out.bytes(3, &self.user_signature);
        out.number(4, self.create_time);
        out.number(5, self.status.number());
        out.finish()
    }

    /// Reads a contract; fields this version does not know are skipped, since nothing signs them.
    /// Errors when it has no meta, the meta is refused, or a part is beyond its bound.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(CONTRACT, bytes, CONTRACT_LEN_MAX)?;
        let mut meta = None;
        let mut contract = Self::default();
        while let Some((number, field)) = reader.next()? {
            match (number, field) {
                (1, Field::Bytes(inner)) if meta.is_none() => {
                    meta = Some(ContractMeta::decode(inner)?);
                }
                (1, _) => return Err(reader.wrong("its meta stands in it twice")),
                (2 | 3, Field::Bytes(long)) if long.len() > SIGNATURE_LEN_MAX => {
                    return Err(reader.wrong("a signature is longer than 72 bytes"));
                }
                (2, Field::Bytes(signature)) => contract.sp_signature = signature.to_vec(),
                (3, Field::Bytes(signature)) => contract.user_signature = signature.to_vec(),
                (4, Field::Number(seconds)) => contract.create_time = seconds,
                (5, Field::Number(status)) => {
                    contract.status = Status::from_number(status)
                        .ok_or_else(|| reader.wrong("its status is unknown"))?;
                }
                _ => {}
            }
        }
        contract.meta = meta.ok_or_else(|| reader.wrong("it has no meta"))?;
        Ok(contract)
    }
}

#[cfg(test)]
mod tests;
