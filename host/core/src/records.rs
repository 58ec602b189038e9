//! Owner records: small signed values that hosts keep for a renter so that a recovery phrase
//! alone brings everything back. A host stores and returns them; it cannot read or change them.

use minicbor::{Decode, Encode};

use crate::codec;
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, NetworkId, ObjectId};
use crate::limits;
use crate::signed::{self, Kind};

/// One owner's record of one object. The body (descriptor, sealed secret, placement) is opaque
/// here; a higher version replaces a lower one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// Who may replace it.
    #[n(0)]
    pub owner: Address,
    /// The object it tells of.
    #[n(1)]
    pub object: ObjectId,
    /// Rises with every change.
    #[n(2)]
    pub version: u64,
    /// The host may forget the record once this epoch is past.
    #[n(3)]
    pub end_epoch: u64,
    /// Sealed bytes; empty when the object was removed.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub body: Vec<u8>,
}

/// A record with its owner's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedRecord {
    /// The record.
    #[n(0)]
    pub record: Record,
    /// The owner's signature.
    #[n(1)]
    pub signature: Signature,
}

const KIND: Kind = Kind {
    name: "record",
    version: 1,
};

impl SignedRecord {
    /// Signs a record with its owner's key.
    #[must_use]
    pub fn sign(record: Record, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, KIND, network, &codec::to_bytes(&record));
        Self { record, signature }
    }

    /// Checks bounds and that the named owner signed.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        if self.record.body.len() > limits::RECORD_LEN_MAX {
            return Err(Error::Encoding { what: "record" });
        }
        let body = codec::to_bytes(&self.record);
        signed::check_address(&self.signature, KIND, network, &body, &self.record.owner)
    }
}
