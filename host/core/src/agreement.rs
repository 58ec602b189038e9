//! The storage agreement: what renter and host both sign before a byte moves. Its EIP-712 digest
//! is its name everywhere, because the chain's contracts must be able to read it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::eip712::{Domain, StructHash};
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, AgreementDigest, AgreementId, Digest32, NetworkId, PeerId, ShardId};

/// How the renter pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum PayMode {
    /// Signed cheques on the renter's vault.
    #[n(0)]
    Cheque,
    /// Funds locked in the escrow contract.
    #[n(1)]
    Escrow,
}

/// The terms of one shard on one host.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Agreement {
    /// The network it lives on.
    #[n(0)]
    pub network: NetworkId,
    /// The renter's number for it.
    #[n(1)]
    pub id: AgreementId,
    /// The renter's issuer account.
    #[n(2)]
    pub renter: Address,
    /// The host's identity account.
    #[n(3)]
    pub host: Address,
    /// Where the host is paid.
    #[n(4)]
    pub payout: Address,
    /// The shard.
    #[n(5)]
    pub shard: ShardId,
    /// Its bytes.
    #[n(6)]
    pub shard_len: u64,
    /// The codec id of the stripe it belongs to.
    #[n(7)]
    pub codec: u8,
    /// Smallest token units per GiB and epoch.
    #[n(8)]
    pub price: Amount,
    /// First epoch.
    #[n(9)]
    pub start_epoch: u64,
    /// First epoch after the term.
    #[n(10)]
    pub end_epoch: u64,
    /// Smallest token units per GiB read back.
    #[n(11)]
    pub egress_price: Amount,
    /// How it is paid.
    #[n(12)]
    pub pay_mode: PayMode,
    /// Distinguishes a second lease of the same terms.
    #[n(13)]
    pub nonce: u64,
}

const TYPE: &str = "Agreement(bytes32 network_id,bytes32 agreement_id,address renter,address host,\
address payout,bytes32 shard_id,uint64 shard_len,uint8 codec,uint128 price,uint64 start_epoch,\
uint64 end_epoch,uint128 egress_price,uint8 pay_mode,uint64 nonce)";

impl Agreement {
    /// The digest both sides sign; also its name. `chain_id` is the network's chain.
    #[must_use]
    pub fn digest(&self, chain_id: u64) -> AgreementDigest {
        let mode: u128 = match self.pay_mode {
            PayMode::Cheque => 0,
            PayMode::Escrow => 1,
        };
        let body = StructHash::new(TYPE)
            .word(self.network.0)
            .word(self.id.0)
            .address(&self.renter)
            .address(&self.host)
            .address(&self.payout)
            .word(self.shard.0)
            .number(u128::from(self.shard_len))
            .number(u128::from(self.codec))
            .number(self.price.0)
            .number(u128::from(self.start_epoch))
            .number(u128::from(self.end_epoch))
            .number(self.egress_price.0)
            .number(mode)
            .number(u128::from(self.nonce))
            .finish();
        let domain = Domain {
            name: "Holdfast",
            version: "1",
            chain_id,
        };
        AgreementDigest(domain.digest(&body).0)
    }

    /// Epochs of the term.
    #[must_use]
    pub const fn epochs(&self) -> u64 {
        self.end_epoch.saturating_sub(self.start_epoch)
    }

    /// What the first `epochs` epochs cost. Errors when the product leaves 128 bits.
    pub fn cost_of(&self, epochs: u64) -> Result<Amount, Error> {
        Amount::of_storage(self.shard_len, self.price, epochs.min(self.epochs()))
    }

    /// Signs the agreement as renter or host.
    #[must_use]
    pub fn sign(&self, chain_id: u64, key: &SecretKey) -> Signature {
        key.sign(&Digest32(self.digest(chain_id).0))
    }

    /// Checks the renter's signature.
    pub fn check_renter(&self, chain_id: u64, signature: &Signature) -> Result<(), Error> {
        signature.check_address(
            "agreement",
            &Digest32(self.digest(chain_id).0),
            &self.renter,
        )
    }

    /// Checks the host's signature and that `peer` is the host the terms name.
    pub fn check_host(
        &self,
        chain_id: u64,
        signature: &Signature,
        peer: &PeerId,
    ) -> Result<(), Error> {
        if peer.address()? != self.host {
            return Err(Error::Signature {
                what: "agreement",
                signer: peer.to_string(),
            });
        }
        signature.check_peer("agreement", &Digest32(self.digest(chain_id).0), peer)
    }
}

/// An agreement with both signatures.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedAgreement {
    /// The terms.
    #[n(0)]
    pub terms: Agreement,
    /// The renter's signature.
    #[n(1)]
    pub renter_signature: Signature,
    /// The host's signature.
    #[n(2)]
    pub host_signature: Signature,
}
