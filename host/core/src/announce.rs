//! The announcement: what a host says of itself, signed, so that any hub can pass it on and no
//! hub can change it.

use minicbor::{Decode, Encode};

use crate::amount::Amount;
use crate::codec;
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, Digest32, NetworkId, PeerId};
use crate::limits;
use crate::signed::{self, Kind};

/// A host's own words about itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HostOffer {
    /// Who speaks.
    #[n(0)]
    pub peer: PeerId,
    /// Where it can be reached (multiaddresses as text, without the peer id).
    #[n(1)]
    pub addrs: Vec<String>,
    /// Ask price: smallest token units per GiB and epoch.
    #[n(2)]
    pub price: Amount,
    /// Ask price of reading back: smallest token units per GiB.
    #[n(3)]
    pub egress_price: Amount,
    /// Bytes it can still take.
    #[n(4)]
    pub free: u64,
    /// Bytes it keeps.
    #[n(5)]
    pub used: u64,
    /// Where it wants to be paid.
    #[n(6)]
    pub payout: Address,
    /// Its software, for example `holdfast/0.1.0`.
    #[n(7)]
    pub version: String,
    /// Longest term it accepts, in epochs.
    #[n(8)]
    pub epochs_max: u64,
    /// Milliseconds since 1970 when it was signed; a newer one replaces an older one.
    #[n(9)]
    pub at_ms: u64,
    /// Which copy of the host speaks: a key can be copied, this name is not.
    #[n(10)]
    #[cbor(with = "minicbor::bytes")]
    pub instance: [u8; 16],
    /// How many restores lie between that copy and the first one; the higher one stands.
    #[n(11)]
    pub generation: u64,
    /// Whether it stops with this word; then it is not alive, however young the word is.
    #[n(12)]
    pub leaving: bool,
}

/// An offer with its host's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Announcement {
    /// The offer.
    #[n(0)]
    pub offer: HostOffer,
    /// The host's signature.
    #[n(1)]
    pub signature: Signature,
}

const KIND: Kind = Kind {
    name: "announcement",
    version: 1,
};
/// Bytes of a version text a peer may send.
const VERSION_LEN_MAX: usize = 64;
/// Bytes of one address text a peer may send.
const ADDR_LEN_MAX: usize = 256;

impl Announcement {
    /// What a host signs of an offer on `network`.
    #[must_use]
    pub fn digest(offer: &HostOffer, network: &NetworkId) -> Digest32 {
        signed::digest(KIND, network, &codec::to_bytes(offer))
    }

    /// Signs an offer with the host's identity key.
    #[must_use]
    pub fn sign(offer: HostOffer, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, KIND, network, &codec::to_bytes(&offer));
        Self { offer, signature }
    }

    /// Checks bounds and that the named peer signed. Errors name the first broken fact.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        let offer = &self.offer;
        let long = offer.addrs.iter().any(|addr| addr.len() > ADDR_LEN_MAX);
        if long || offer.addrs.len() > limits::ADDRS_MAX || offer.version.len() > VERSION_LEN_MAX {
            return Err(Error::Encoding {
                what: "announcement",
            });
        }
        signed::check_peer(
            &self.signature,
            KIND,
            network,
            &codec::to_bytes(offer),
            &offer.peer,
        )
    }
}
