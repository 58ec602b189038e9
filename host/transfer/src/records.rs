//! A renter's sealed records on hosts: put one, list all.

use host_core::NetworkId;
use host_core::identity::SecretKey;
use host_core::records::SignedRecord;
use host_core::seams::{PeerAddr, Peers};
use host_core::signed::{self, LIST, list_body};
use host_core::wire::{Protocol, RecordsReply, RecordsRequest};

use crate::error::Error;
use crate::link::Link;

/// Asks `to` to keep a record; returns when it is durable there.
pub async fn put(peers: &dyn Peers, to: &PeerAddr, record: SignedRecord) -> Result<(), Error> {
    let mut link = Link::open(peers, to, Protocol::Records).await?;
    link.say(&RecordsRequest::Put(record)).await?;
    match link.hear("keeping a record").await? {
        RecordsReply::Kept => {
            link.done().await;
            Ok(())
        }
        RecordsReply::Refused(refusal) => Err(link.refused(refusal)),
        RecordsReply::Page { .. } => Err(link.turn("keeping a record")),
    }
}

/// Hands every record `to` keeps for the key's account to `take`, a page in memory at a time;
/// records that do not verify are left out. Returns how many were handed on.
pub async fn each(
    peers: &dyn Peers,
    to: &PeerAddr,
    network: &NetworkId,
    key: &SecretKey,
    at_ms: u64,
    mut take: impl FnMut(SignedRecord) + Send,
) -> Result<usize, Error> {
    let owner = key.address();
    let mut link = Link::open(peers, to, Protocol::Records).await?;
    let (mut after, mut taken) = (None, 0);
    loop {
        let body = list_body(&owner, after.as_ref(), at_ms);
        let signature = signed::sign(key, LIST, network, &body);
        link.say(&RecordsRequest::List {
            owner,
            after,
            at_ms,
            signature,
        })
        .await?;
        match link.hear("listing records").await? {
            RecordsReply::Page { records, more } => {
                let before = taken;
                for signed in records {
                    let record = &signed.record;
                    let fresh = record.owner == owner && Some(record.object) > after;
                    if fresh && signed.check(network).is_ok() {
                        after = Some(record.object);
                        take(signed);
                        taken += 1;
                    }
                }
                if !more || taken == before {
                    link.done().await;
                    return Ok(taken);
                }
            }
            RecordsReply::Refused(refusal) => return Err(link.refused(refusal)),
            RecordsReply::Kept => return Err(link.turn("listing records")),
        }
    }
}
