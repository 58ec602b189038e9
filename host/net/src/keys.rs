//! The one identity in two vocabularies: our secp256k1 key and peer id, and libp2p's. Both name
//! the same public key, so a text peer id is the same everywhere.

use host_core::PeerId;
use host_core::identity::SecretKey;
use libp2p::identity::{Keypair, PublicKey, secp256k1};

use crate::error::Error;
use crate::noise::Noise;
use crate::options::NodeKey;

/// What the transport shows of the identity.
pub(crate) enum Credentials {
    /// The key pair itself.
    Own(Keypair),
    /// The public key, and a handshake it vouched for.
    Kept(PublicKey, Noise),
}

impl Credentials {
    /// Asks a kept key to vouch for a handshake; the own one needs nobody.
    /// Errors: the key is not usable, or its keeper refuses or is silent.
    pub(crate) async fn of(key: &NodeKey) -> Result<Self, Error> {
        match key {
            NodeKey::Own(key) => keypair(key).map(Self::Own),
            NodeKey::Kept(identity) => {
                let compressed = identity.peer_id().0;
                let public = secp256k1::PublicKey::try_from_bytes(&compressed);
                let public = PublicKey::from(public.map_err(|_| Error::Key)?);
                let noise = Noise::draw(identity, &public).await?;
                Ok(Self::Kept(public, noise))
            }
        }
    }

    /// The public key.
    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Own(pair) => pair.public(),
            Self::Kept(public, _) => public.clone(),
        }
    }
}

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
