//! The one identity in two vocabularies: our secp256k1 key and peer id, and libp2p's. Both name
//! the same public key, so a text peer id is the same everywhere.

use host_core::PeerId;
use host_core::identity::SecretKey;
use libp2p::identity::{Keypair, secp256k1};

use crate::error::Error;

/// The transport's key pair of an identity key.
pub(crate) fn keypair(key: &SecretKey) -> Result<Keypair, Error> {
    let mut secret = key.expose();
    let secret =
        secp256k1::SecretKey::try_from_bytes(secret.as_mut_slice()).map_err(|_| Error::Key)?;
    Ok(Keypair::from(secp256k1::Keypair::from(secret)))
}

/// The transport's name of a peer. None when the 33 bytes are no key.
pub(crate) fn outward(peer: &PeerId) -> Option<libp2p::PeerId> {
    peer.public_key().ok()?;
    libp2p::PeerId::from_bytes(&peer.to_multihash()).ok()
}

/// Our name of a peer. None when its key is of another kind.
pub(crate) fn inward(peer: &libp2p::PeerId) -> Option<PeerId> {
    PeerId::from_multihash(&peer.to_bytes()).ok()
}

#[cfg(test)]
mod tests;
