//! A shard enters a host: agreement, bytes, receipt, cheque, in this order and no other.
//!
//! The renter's side of the order of trust: the cheque leaves only after a receipt that verifies,
//! and the receipt must name exactly the agreed shard, length and end.

use host_core::agreement::Agreement;
use host_core::cheque::SignedCheque;
use host_core::identity::Signature;
use host_core::receipt::Receipt;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{Protocol, UploadReply, UploadRequest};
use host_core::{AgreementDigest, Amount, NetworkId, limits};

use crate::error::Error;
use crate::link::Link;

/// What the host answered to the terms.
pub enum Opened {
    /// Send the body.
    Send(UploadStream),
    /// The host already keeps the shard; the agreement counts and nothing is sent.
    Stored(StoredShard),
}

/// What an upload is checked against.
#[derive(Debug, Clone)]
struct Expected {
    network: NetworkId,
    digest: AgreementDigest,
    terms: Agreement,
}

/// A conversation that takes body bytes.
pub struct UploadStream {
    link: Link,
    expected: Expected,
    host_signature: Signature,
    sent: u64,
}

/// A shard the host has given its receipt for.
pub struct StoredShard {
    link: Link,
    /// The host's signature over the agreement.
    pub host_signature: Signature,
    /// The host's signed word that the shard is durable.
    pub receipt: Receipt,
}

/// Proposes signed terms. The host signs them too or refuses; no body byte moves before.
/// Errors: link, refusal, or a host signature that is not the agreed host's.
pub async fn open(
    peers: &dyn Peers,
    to: &PeerAddr,
    chain_id: u64,
    network: &NetworkId,
    terms: &Agreement,
    renter_signature: Signature,
) -> Result<Opened, Error> {
    let mut link = Link::open(peers, to, Protocol::Upload).await?;
    let request = UploadRequest::Open {
        terms: terms.clone(),
        signature: renter_signature,
    };
    link.say(&request).await?;
    let expected = Expected {
        network: *network,
        digest: terms.digest(chain_id),
        terms: terms.clone(),
    };
    match link.hear("waiting for the host's signature").await? {
        UploadReply::Ready { signature, receipt } => {
            terms
                .check_host(chain_id, &signature, &to.peer)
                .map_err(|source| link.word("agreement", source))?;
            match receipt {
                None => Ok(Opened::Send(UploadStream {
                    link,
                    expected,
                    host_signature: signature,
                    sent: 0,
                })),
                Some(receipt) => {
                    check_receipt(&link, &expected, &receipt)?;
                    Ok(Opened::Stored(StoredShard {
                        link,
                        host_signature: signature,
                        receipt,
                    }))
                }
            }
        }
        UploadReply::Refused(refusal) => Err(link.refused(refusal)),
        _ => Err(link.turn("waiting for the host's signature")),
    }
}

fn check_receipt(link: &Link, expected: &Expected, receipt: &Receipt) -> Result<(), Error> {
    let body = &receipt.body;
    let terms = &expected.terms;
    let same = body.agreement == expected.digest
        && body.shard == terms.shard
        && body.len == terms.shard_len
        && body.end_epoch == terms.end_epoch;
    if !same {
        return Err(link.word("receipt", host_core::Error::Encoding { what: "receipt" }));
    }
    receipt
        .check(&expected.network, &link.peer())
        .map_err(|source| link.word("receipt", source))
}

impl UploadStream {
    /// The host's signature over the agreement.
    #[must_use]
    pub const fn host_signature(&self) -> Signature {
        self.host_signature
    }

    /// Leaves before a byte was sent, with the host's signature in hand.
    pub async fn leave(self) {
        self.link.done().await;
    }

    /// Sends the next bytes of the shard, cut into frames. Waits while the stream is full.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for run in bytes.chunks(limits::BODY_LEN_MAX) {
            self.link.run(run).await?;
            self.sent += u64::try_from(run.len()).unwrap_or(u64::MAX);
        }
        Ok(())
    }

    /// Says that the body is whole and waits for the receipt.
    pub async fn finish(mut self) -> Result<StoredShard, Error> {
        self.link.say(&UploadRequest::End).await?;
        match self.link.hear("waiting for the receipt").await? {
            UploadReply::Stored { receipt } => {
                check_receipt(&self.link, &self.expected, &receipt)?;
                Ok(StoredShard {
                    link: self.link,
                    host_signature: self.host_signature,
                    receipt,
                })
            }
            UploadReply::Refused(refusal) => Err(self.link.refused(refusal)),
            _ => Err(self.link.turn("waiting for the receipt")),
        }
    }
}

impl StoredShard {
    /// Pays the agreement through an epoch; returns the sum the host now counts on.
    pub async fn pay(&mut self, through_epoch: u64, cheque: SignedCheque) -> Result<Amount, Error> {
        self.link
            .say(&UploadRequest::Pay {
                through_epoch,
                cheque,
            })
            .await?;
        match self
            .link
            .hear("waiting for the cheque's acceptance")
            .await?
        {
            UploadReply::Paid { cumulative } => Ok(cumulative),
            UploadReply::Refused(refusal) => Err(self.link.refused(refusal)),
            _ => Err(self.link.turn("waiting for the cheque's acceptance")),
        }
    }

    /// Ends the conversation cleanly.
    pub async fn close(self) {
        self.link.done().await;
    }
}
