//! The receipt: the host's signed word that a shard is durable and recorded. It is given only
//! after bytes were flushed and the fact committed; a repeated upload gets the same receipt.

use minicbor::{Decode, Encode};

use crate::codec;
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{AgreementDigest, Digest32, NetworkId, PeerId, ShardId};
use crate::signed::{self, Kind};

/// What the host says is durable.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptBody {
    /// The agreement it is kept under.
    #[n(0)]
    pub agreement: AgreementDigest,
    /// The shard.
    #[n(1)]
    pub shard: ShardId,
    /// Its bytes.
    #[n(2)]
    pub len: u64,
    /// First epoch after the term.
    #[n(3)]
    pub end_epoch: u64,
}

/// A body with the host's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// What is durable.
    #[n(0)]
    pub body: ReceiptBody,
    /// The host's signature.
    #[n(1)]
    pub signature: Signature,
}

const KIND: Kind = Kind {
    name: "receipt",
    version: 1,
};

impl Receipt {
    /// What a host signs of a body on `network`.
    #[must_use]
    pub fn digest(body: &ReceiptBody, network: &NetworkId) -> Digest32 {
        signed::digest(KIND, network, &codec::to_bytes(body))
    }

    /// Signs a receipt with the host's identity key.
    #[must_use]
    pub fn sign(body: ReceiptBody, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, KIND, network, &codec::to_bytes(&body));
        Self { body, signature }
    }

    /// Checks that `host` signed this receipt on `network`.
    pub fn check(&self, network: &NetworkId, host: &PeerId) -> Result<(), Error> {
        signed::check_peer(
            &self.signature,
            KIND,
            network,
            &codec::to_bytes(&self.body),
            host,
        )
    }
}
