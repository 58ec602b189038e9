//! Giving up an agreement: the renter signs the wish, the host signs what it did.

use host_core::identity::{SecretKey, Signature};
use host_core::seams::{PeerAddr, Peers};
use host_core::signed::{self, Kind};
use host_core::wire::{DeleteReply, DeleteRequest, Protocol};
use host_core::{AgreementDigest, NetworkId};

use crate::error::Error;
use crate::link::Link;

/// The kind of the renter's signature: covers the agreement digest.
pub const DELETE: Kind = Kind {
    name: "delete",
    version: 1,
};
/// The kind of the host's signature: covers the agreement digest and one byte, 1 when bytes went.
pub const DELETED: Kind = Kind {
    name: "deleted",
    version: 1,
};

/// The host's signed word that an agreement is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteReceipt {
    /// The agreement.
    pub agreement: AgreementDigest,
    /// Whether the bytes went too (false while another agreement keeps the shard).
    pub freed: bool,
    /// The host's signature.
    pub signature: Signature,
}

/// The bytes the host signs on closing.
#[must_use]
pub fn deleted_body(agreement: &AgreementDigest, freed: bool) -> Vec<u8> {
    [agreement.0.as_slice(), &[u8::from(freed)]].concat()
}

/// Closes `agreement` at `to`, signed with the renter's key.
pub async fn close(
    peers: &dyn Peers,
    to: &PeerAddr,
    network: &NetworkId,
    agreement: AgreementDigest,
    key: &SecretKey,
) -> Result<DeleteReceipt, Error> {
    let mut link = Link::open(peers, to, Protocol::Delete).await?;
    let signature = signed::sign(key, DELETE, network, &agreement.0);
    link.say(&DeleteRequest {
        agreement,
        signature,
    })
    .await?;
    match link.hear("closing an agreement").await? {
        DeleteReply::Closed { freed, signature } => {
            let body = deleted_body(&agreement, freed);
            signed::check_peer(&signature, DELETED, network, &body, &to.peer)
                .map_err(|source| link.word("delete receipt", source))?;
            link.done().await;
            Ok(DeleteReceipt {
                agreement,
                freed,
                signature,
            })
        }
        DeleteReply::Refused(refusal) => Err(link.refused(refusal)),
    }
}
