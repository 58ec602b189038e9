//! Key material: the one secret that is peer id, chain account and signer of receipts.
//!
//! A secret lives in memory that is wiped when dropped, never prints, and signs only 32-byte
//! digests made by this crate (`signed`, `eip712`): a raw digest chosen by a peer never reaches it.
//! The one other form, `sign_btfs`, is reachable only through a BTFS contract's terms.

use std::fmt;

use minicbor::{Decode, Encode};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature as EcdsaSignature};
use secp256k1::{Message, PublicKey, SECP256K1};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::ids::{Address, Digest32, PeerId};

/// A recoverable secp256k1 signature: r, s (low), then v as 27 or 28.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Signature(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 65],
);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Signature {
    /// r and s as numbers, and which of the curve's points r stands for. Errors when they are no
    /// scalars, or s is not low.
    fn parts(&self, what: &'static str) -> Result<(EcdsaSignature, RecoveryId), Error> {
        let form = || Error::SignatureForm { what };
        let (body, v) = self.0.split_last_chunk::<1>().ok_or_else(form)?;
        let point = v[0].checked_sub(27).ok_or_else(form)?;
        let point = RecoveryId::try_from(i32::from(point)).map_err(|_| form())?;
        let signature = EcdsaSignature::from_compact(body).map_err(|_| form())?;
        if !is_low(&signature) {
            return Err(form());
        }
        Ok((signature, point))
    }

    /// The key that made this signature over `digest`. Errors when none could have.
    fn recover(&self, what: &'static str, digest: &Digest32) -> Result<PublicKey, Error> {
        let form = |_| Error::SignatureForm { what };
        let (signature, point) = self.parts(what)?;
        let signature = RecoverableSignature::from_compact(&signature.serialize_compact(), point)
            .map_err(form)?;
        SECP256K1
            .recover_ecdsa(Message::from_digest(digest.0), &signature)
            .map_err(form)
    }

    /// The same r and s as ASN.1 DER, as libp2p writes them. Errors when they are no scalars.
    pub fn to_der(&self, what: &'static str) -> Result<Vec<u8>, Error> {
        let form = || Error::SignatureForm { what };
        let (body, _) = self.0.split_last_chunk::<1>().ok_or_else(form)?;
        let signature = EcdsaSignature::from_compact(body).map_err(|_| form())?;
        Ok(signature.serialize_der().to_vec())
    }

    /// The account that made this signature over `digest`; `what` names the signed thing in the
    /// error. Errors when the bytes are no low-s signature of any key. Cost: one curve recovery.
    pub fn recover_address(&self, what: &'static str, digest: &Digest32) -> Result<Address, Error> {
        Ok(Address::of_public_key(&self.recover(what, digest)?))
    }

    /// Checks that `peer` made this signature over `digest`.
    pub fn check_peer(
        &self,
        what: &'static str,
        digest: &Digest32,
        peer: &PeerId,
    ) -> Result<(), Error> {
        if PeerId::of_public_key(&self.recover(what, digest)?) == *peer {
            return Ok(());
        }
        Err(Error::Signature {
            what,
            signer: peer.to_string(),
        })
    }

    /// Checks that `account` made this signature over `digest`.
    pub fn check_address(
        &self,
        what: &'static str,
        digest: &Digest32,
        account: &Address,
    ) -> Result<(), Error> {
        if self.recover_address(what, digest)? == *account {
            return Ok(());
        }
        Err(Error::Signature {
            what,
            signer: account.to_string(),
        })
    }
}

/// Whether s is in the lower half of the curve's order, as every signature here must be.
fn is_low(signature: &EcdsaSignature) -> bool {
    let mut low = *signature;
    low.normalize_s();
    low == *signature
}

/// A secp256k1 secret key, with the public key it makes.
#[derive(Clone)]
pub struct SecretKey {
    key: secp256k1::SecretKey,
    public: PublicKey,
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.key.non_secure_erase();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.address())
    }
}

impl SecretKey {
    /// Takes 32 secret bytes. Errors when they are zero or beyond the curve's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let key = secp256k1::SecretKey::from_byte_array(*bytes).map_err(|_| Error::SecretKey)?;
        let public = PublicKey::from_secret_key(SECP256K1, &key);
        Ok(Self { key, public })
    }

    /// The secret bytes, in memory that wipes itself. For sealing and for drivers only.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.secret_bytes())
    }

    /// The peer this key is.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        PeerId::of_public_key(&self.public)
    }

    /// The account this key controls.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of_public_key(&self.public)
    }

    /// Signs a digest made by this crate (RFC 6979 nonce, low s).
    #[must_use]
    pub fn sign(&self, digest: &Digest32) -> Signature {
        let made = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &self.key);
        let (point, body) = made.serialize_compact();
        let mut bytes = [0; 65];
        if let Some((front, v)) = bytes.split_last_chunk_mut::<1>() {
            front.copy_from_slice(&body);
            v[0] = 27 + u8::try_from(i32::from(point)).unwrap_or_default();
        }
        Signature(bytes)
    }

    /// Signs the bytes of a BTFS contract's terms as libp2p identities do: SHA-256 of the bytes,
    /// RFC 6979 nonce, low s, DER. Private to this crate: bytes chosen by a peer must not reach
    /// it, or they could be those of another protocol that signs with the same key (a Noise
    /// handshake begins with its own text, which no encoded terms begin with).
    #[must_use]
    pub(crate) fn sign_btfs(&self, terms: &[u8]) -> Vec<u8> {
        let made = SECP256K1.sign_ecdsa(sha256(terms), &self.key);
        made.serialize_der().to_vec()
    }
}

fn sha256(bytes: &[u8]) -> Message {
    Message::from_digest(Sha256::digest(bytes).into())
}

impl PeerId {
    /// Checks that this peer made the DER `signature` over the bytes of BTFS terms; `what` names
    /// them in the error. Errors when it is no low-s signature, or another key's.
    pub(crate) fn check_btfs(
        &self,
        what: &'static str,
        terms: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let form = |_| Error::SignatureForm { what };
        let signature = EcdsaSignature::from_der(signature).map_err(form)?;
        if !is_low(&signature) {
            return Err(Error::SignatureForm { what });
        }
        SECP256K1
            .verify_ecdsa(sha256(terms), &signature, &self.public_key()?)
            .map_err(|_| Error::Signature {
                what,
                signer: self.to_string(),
            })
    }
}
