//! Giving up an agreement: the renter signs the wish, the host signs what it did.

use host_core::identity::{SecretKey, Signature};
use host_core::seams::{PeerAddr, Peers};
use host_core::signed::{self, DELETE, DELETED, deleted_body};
use host_core::wire::{DeleteReply, DeleteRequest, Protocol};
use host_core::{AgreementDigest, NetworkId};

use crate::error::Error;
use crate::link::Link;

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
