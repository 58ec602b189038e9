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
    /// What else it says of itself; absent says nothing.
    #[n(13)]
    pub claims: Option<Claims>,
}

/// What a host says of its place and its means. Nothing here is believed: the stake stands on the
/// chain, the place shows in the addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Claims {
    /// Where it stands, as its operator names it: lower case letters, digits and `-`.
    #[n(0)]
    pub region: String,
    /// What its account has staked.
    #[n(1)]
    pub stake: Amount,
    /// Addresses inside its operator's own network, for peers of that network alone.
    #[n(2)]
    pub inside: Vec<String>,
}

impl Claims {
    fn check(&self) -> Result<(), Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let region = self.region.len() <= REGION_LEN_MAX && self.region.bytes().all(plain);
        let short = self.inside.iter().all(|addr| addr.len() <= ADDR_LEN_MAX);
        if region && short && self.inside.len() <= limits::ADDRS_MAX {
            return Ok(());
        }
        Err(Error::Encoding {
            what: "announcement",
        })
    }
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
/// Bytes of a region's name.
const REGION_LEN_MAX: usize = 32;
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
        offer.claims.as_ref().map_or(Ok(()), Claims::check)?;
        signed::check_peer(
            &self.signature,
            KIND,
            network,
            &codec::to_bytes(offer),
            &offer.peer,
        )
    }
}
