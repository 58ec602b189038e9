//! Who keeps the identity key, and what it may be asked to sign.
//!
//! The key may lie in this process or in one of its own: rooms hold an [`Identity`] and never
//! know which. Enters: typed things, each with its own domain, never a digest chosen by somebody
//! else. Leaves: a signature, or why there is none. Does not: judge what is asked; a keeper in
//! another process has a policy for that (`host/signer`).

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::agreement::Agreement;
use crate::announce::{Announcement, HostOffer};
use crate::challenge::{Challenge, ShownProof};
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, AgreementDigest, Digest32, NetworkId, PeerId};
use crate::receipt::{Receipt, ReceiptBody};
use crate::seams::BoxFuture;
use crate::signed::{self, DELETED, deleted_body};
use crate::tx::TxBody;

/// Something an identity key signs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Signable {
    /// The host's word under an agreement.
    #[n(0)]
    Agreement {
        /// The terms.
        #[n(0)]
        terms: Box<Agreement>,
        /// The network's chain.
        #[n(1)]
        chain_id: u64,
    },
    /// That a shard is durable.
    #[n(1)]
    Receipt {
        /// What is durable.
        #[n(0)]
        body: ReceiptBody,
        /// On which network.
        #[n(1)]
        network: NetworkId,
    },
    /// What the host says of itself.
    #[n(2)]
    Announcement {
        /// The offer.
        #[n(0)]
        offer: Box<HostOffer>,
        /// On which network.
        #[n(1)]
        network: NetworkId,
    },
    /// That an agreement is closed.
    #[n(3)]
    Deleted {
        /// Which one.
        #[n(0)]
        agreement: AgreementDigest,
        /// Whether the bytes went too.
        #[n(1)]
        freed: bool,
        /// On which network.
        #[n(2)]
        network: NetworkId,
    },
    /// A transaction of the identity's account.
    #[n(4)]
    Transaction {
        /// Its fields.
        #[n(0)]
        body: Box<TxBody>,
    },
    /// That a transport key speaks for this peer: the static key of a Noise handshake.
    #[n(5)]
    Transport {
        /// The X25519 public key.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        static_key: [u8; 32],
    },
    /// That these are the leaves a challenge asked for.
    #[n(6)]
    Shown {
        /// The question.
        #[n(0)]
        challenge: Box<Challenge>,
        /// The digest of the leaves.
        #[n(1)]
        leaves: Digest32,
        /// On which network.
        #[n(2)]
        network: NetworkId,
    },
}

/// Prefix of what an identity signs about its Noise key, as libp2p defines it.
const NOISE_DOMAIN: &[u8] = b"noise-libp2p-static-key:";

impl Signable {
    /// The 32 bytes that are signed. No two kinds share any: each hashes its own prefix.
    #[must_use]
    pub fn digest(&self) -> Digest32 {
        match self {
            Self::Agreement { terms, chain_id } => Digest32(terms.digest(*chain_id).0),
            Self::Receipt { body, network } => Receipt::digest(body, network),
            Self::Announcement { offer, network } => Announcement::digest(offer, network),
            Self::Deleted {
                agreement,
                freed,
                network,
            } => signed::digest(DELETED, network, &deleted_body(agreement, *freed)),
            Self::Transaction { body } => body.digest(),
            Self::Shown {
                challenge,
                leaves,
                network,
            } => ShownProof::digest(challenge, leaves, network),
            Self::Transport { static_key } => {
                let mut hash = Sha256::new();
                hash.update(NOISE_DOMAIN);
                hash.update(static_key);
                Digest32(hash.finalize().into())
            }
        }
    }

    /// The word for logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Agreement { .. } => "agreement",
            Self::Receipt { .. } => "receipt",
            Self::Announcement { .. } => "announcement",
            Self::Deleted { .. } => "deletion",
            Self::Transaction { .. } => "transaction",
            Self::Transport { .. } => "transport key",
            Self::Shown { .. } => "challenge proof",
        }
    }
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeeperError {
    /// The policy says no.
    #[error("the signer refuses the {what}: {why}")]
    Refused {
        /// What was to be signed.
        what: &'static str,
        /// The rule.
        why: String,
    },
    /// The signer does not answer.
    #[error("the signer does not answer: {why}")]
    Silent {
        /// What happened.
        why: String,
    },
}

/// Keeps a key and signs with it.
pub trait Keeper: Send + Sync + 'static {
    /// The peer the key is.
    fn peer_id(&self) -> PeerId;
    /// The account the key controls.
    fn address(&self) -> Address;
    /// Signs one thing. Errors: the keeper's policy refuses, or it does not answer.
    fn sign<'a>(&'a self, what: &'a Signable) -> BoxFuture<'a, Result<Signature, KeeperError>>;
}

impl Keeper for SecretKey {
    fn peer_id(&self) -> PeerId {
        Self::peer_id(self)
    }

    fn address(&self) -> Address {
        Self::address(self)
    }

    fn sign<'a>(&'a self, what: &'a Signable) -> BoxFuture<'a, Result<Signature, KeeperError>> {
        Box::pin(std::future::ready(Ok(Self::sign(self, &what.digest()))))
    }
}

/// A peer's identity, wherever its key is kept. Clones share the keeper.
#[derive(Clone)]
pub struct Identity(Arc<dyn Keeper>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.address())
    }
}

impl From<SecretKey> for Identity {
    fn from(key: SecretKey) -> Self {
        Self(Arc::new(key))
    }
}

impl Identity {
    /// The identity of a keeper.
    #[must_use]
    pub fn kept(keeper: Arc<dyn Keeper>) -> Self {
        Self(keeper)
    }

    /// The peer the key is.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.0.peer_id()
    }

    /// The account the key controls.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs one thing and checks that this identity signed just that. Errors: the keeper's policy
    /// refuses, it does not answer, or what it gave is no signature of this identity.
    pub async fn sign(&self, what: &Signable) -> Result<Signature, KeeperError> {
        let signature = self.0.sign(what).await?;
        let signer = signature.check_address(what.label(), &what.digest(), &self.address());
        signer.map_err(|error| KeeperError::Silent {
            why: error.to_string(),
        })?;
        Ok(signature)
    }
}

#[cfg(test)]
mod tests;
