//! Key material: the one secret that is peer id, chain account and signer of receipts.
//!
//! A secret lives in memory that is wiped when dropped, never prints, and signs only 32-byte
//! digests made by this crate (`signed`, `eip712`): a raw digest chosen by a peer never reaches it.

use std::fmt;

use k256::ecdsa::{RecoveryId, Signature as EcdsaSignature, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};
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
}
