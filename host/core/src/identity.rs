//! Key material: the one secret that is peer id, chain account and signer of receipts.
//!
//! A secret lives in memory that is wiped when dropped, never prints, and signs only 32-byte
//! digests made by this crate (`signed`, `eip712`): a raw digest chosen by a peer never reaches it.
//! The one other form, `sign_btfs`, is reachable only through a BTFS contract's terms.

use std::fmt;

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{RecoveryId, Signature as EcdsaSignature, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};
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
    /// The key that made this signature over `digest`. Errors when none could have.
    fn recover(&self, what: &'static str, digest: &Digest32) -> Result<VerifyingKey, Error> {
        let form = || Error::SignatureForm { what };
        let (body, v) = self.0.split_last_chunk::<1>().ok_or_else(form)?;
        let recovery = v[0]
            .checked_sub(27)
            .and_then(RecoveryId::from_byte)
            .ok_or_else(form)?;
        let signature = EcdsaSignature::from_slice(body).map_err(|_| form())?;
        if signature.normalize_s().is_some() {
            return Err(form());
        }
        VerifyingKey::recover_from_prehash(&digest.0, &signature, recovery).map_err(|_| form())
    }

    /// The same r and s as ASN.1 DER, as libp2p writes them. Errors when they are no scalars.
    pub fn to_der(&self, what: &'static str) -> Result<Vec<u8>, Error> {
        let form = || Error::SignatureForm { what };
        let (body, _) = self.0.split_last_chunk::<1>().ok_or_else(form)?;
        let signature = EcdsaSignature::from_slice(body).map_err(|_| form())?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    /// The account that made this signature over `digest`; `what` names the signed thing in the
    /// error. Errors when the bytes are no low-s signature of any key. Cost: one curve recovery.
    pub fn recover_address(&self, what: &'static str, digest: &Digest32) -> Result<Address, Error> {
        Ok(Address::of_public_key(&self.recover(what, digest)?.into()))
    }

    /// Checks that `peer` made this signature over `digest`.
    pub fn check_peer(
        &self,
        what: &'static str,
        digest: &Digest32,
        peer: &PeerId,
    ) -> Result<(), Error> {
        if PeerId::of_public_key(&self.recover(what, digest)?.into()) == *peer {
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

/// A secp256k1 secret key.
#[derive(Clone)]
pub struct SecretKey {
    key: SigningKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.address())
    }
}

impl SecretKey {
    /// Takes 32 secret bytes. Errors when they are zero or beyond the curve's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        SigningKey::from_slice(bytes)
            .map(|key| Self { key })
            .map_err(|_| Error::SecretKey)
    }

    /// The secret bytes, in memory that wipes itself. For sealing and for drivers only.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes().into())
    }

    /// The peer this key is.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        PeerId::of_public_key(&self.key.verifying_key().into())
    }

    /// The account this key controls.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::of_public_key(&self.key.verifying_key().into())
    }

    /// Signs a digest made by this crate (RFC 6979 nonce, low s).
    #[must_use]
    pub fn sign(&self, digest: &Digest32) -> Signature {
        let (signature, recovery) = self
            .key
            .sign_prehash_recoverable(&digest.0)
            .expect("a 32-byte digest always signs");
        let mut bytes = [0; 65];
        if let Some((body, v)) = bytes.split_last_chunk_mut::<1>() {
            body.copy_from_slice(&signature.to_bytes());
            v[0] = 27 + recovery.to_byte();
        }
        Signature(bytes)
    }

    /// Signs the bytes of a BTFS contract's terms as libp2p identities do: SHA-256 of the bytes,
    /// RFC 6979 nonce, low s, DER. Private to this crate: bytes chosen by a peer must not reach
    /// it, or they could be those of another protocol that signs with the same key (a Noise
    /// handshake begins with its own text, which no encoded terms begin with).
    #[must_use]
    pub(crate) fn sign_btfs(&self, terms: &[u8]) -> Vec<u8> {
        let (signature, _) = self
            .key
            .sign_prehash_recoverable(&Sha256::digest(terms))
            .expect("a 32-byte digest always signs");
        signature.to_der().as_bytes().to_vec()
    }
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
        let signature =
            EcdsaSignature::from_der(signature).map_err(|_| Error::SignatureForm { what })?;
        if signature.normalize_s().is_some() {
            return Err(Error::SignatureForm { what });
        }
        VerifyingKey::from(self.public_key()?)
            .verify_prehash(&Sha256::digest(terms), &signature)
            .map_err(|_| Error::Signature {
                what,
                signer: self.to_string(),
            })
    }
}
