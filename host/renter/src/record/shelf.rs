//! Where records are kept: they are spread to hosts, buried there, and gathered again with nothing
//! but the keys. What this file does not do: decide which hosts; cut or put together (parts.rs).

use std::sync::{Mutex, PoisonError};

use futures::stream::{StreamExt, iter};
use host_core::records::SignedRecord;
use host_core::seams::PeerAddr;
use host_core::{ObjectId, PeerId};
use host_transfer::{pay, records};
use serde::Serialize;

use super::ObjectRecord;
use super::parts::{self, Gathering};
use crate::Inner;
use crate::error::Error;
use crate::hosts;
use crate::share::capsule;

/// What a recovery found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// Objects that are back in the book.
    pub objects: usize,
    /// Objects whose records are there in parts only, or whose placement is not this wallet's.
    pub torn: Vec<ObjectId>,
    /// Hosts that are announced.
    pub hosts: usize,
    /// Those of them that answered.
    pub answered: usize,
}

/// Hosts asked at the same time.
const AT_ONCE: usize = 32;

/// Gives an object's record to hosts; returns how many keep all of it.
/// Errors: a record too long for its number of parts.
pub(crate) async fn spread(
    inner: &Inner,
    hosts: &[PeerAddr],
    record: &ObjectRecord,
) -> Result<usize, Error> {
    let all = parts::sign(inner, record)?;
    Ok(give(inner, hosts, &all).await.len())
}

/// Replaces an object's record on hosts by nothing, under a higher version; returns which did.
pub(crate) async fn bury(inner: &Inner, hosts: &[PeerAddr], record: &ObjectRecord) -> Vec<PeerId> {
    give(inner, hosts, &parts::bury(inner, record)).await
}

/// Gives records to hosts, to each one after the other; returns which hosts keep all of them.
async fn give(inner: &Inner, hosts: &[PeerAddr], all: &[SignedRecord]) -> Vec<PeerId> {
    // Made before they are polled: a closure held over an await would bind the future to a thread.
    let gifts: Vec<_> = hosts.iter().map(|to| give_one(inner, to, all)).collect();
    let kept = iter(gifts).buffer_unordered(AT_ONCE);
    kept.filter_map(std::future::ready).collect().await
}

async fn give_one(inner: &Inner, to: &PeerAddr, all: &[SignedRecord]) -> Option<PeerId> {
    for signed in all {
        let put = records::put(inner.peers.as_ref(), to, signed.clone());
        if let Err(err) = put.await {
            tracing::debug!(peer = %to.peer, err = %err, "host does not keep the record");
            return None;
        }
    }
    Some(to.peer)
}

/// Asks every announced host for this wallet's records, writes the objects into the book and
/// takes up the cheques that were promised. In memory: each record once, however many hosts keep
/// it.
pub(crate) async fn recover(inner: &Inner) -> Result<Recovered, Error> {
    let hosts = hosts::everybody(inner).await?;
    let at_ms = inner.clock.wall_ms();
    let gathering = Mutex::new(Gathering::default());
    let take = |signed: SignedRecord| {
        let object = signed.record.object;
        let mut gathering = gathering.lock().unwrap_or_else(PoisonError::into_inner);
        // One record that does not read must not keep the others away.
        if let Err(err) = gathering.take(&inner.seal, signed) {
            tracing::warn!(object = %object, err = %err, "record does not open");
        }
    };
    let lists = hosts.iter().map(|to| {
        let (peers, key) = (inner.peers.as_ref(), &inner.key);
        records::each(peers, to, &inner.id, key, at_ms, take)
    });
    let answers = iter(lists).buffer_unordered(AT_ONCE);
    let answers = answers.filter(|answer| std::future::ready(answer.is_ok()));
    let answered = answers.count().await;
    let gathering = gathering.into_inner();
    let (whole, mut torn) = gathering.unwrap_or_else(PoisonError::into_inner).finish();
    let mut objects = 0;
    for record in whole {
        let placement = &record.placement;
        if placement.check(&inner.id).is_ok() && placement.placement.owner == inner.owner {
            inner.book.keep(&record)?;
            if let Ok(secret) = super::secret(&inner.seal, &record.secret) {
                capsule::recall(&inner.book, &secret.name, record.placement.placement.object)?;
            }
            objects += 1;
        } else {
            torn.push(placement.placement.object);
        }
    }
    recall_promises(inner, &hosts).await?;
    Ok(Recovered {
        objects,
        torn,
        hosts: hosts.len(),
        answered,
    })
}

/// Asks each host which cheque of our vault it counts on, so that the next one promises more.
async fn recall_promises(inner: &Inner, hosts: &[PeerAddr]) -> Result<(), Error> {
    let asked = hosts
        .iter()
        .map(|to| pay::last(inner.peers.as_ref(), to, inner.vault));
    let kept: Vec<_> = iter(asked).buffer_unordered(AT_ONCE).collect().await;
    for signed in kept.into_iter().flatten().flatten() {
        let own = signed.issuer(inner.network.chain_id).ok() == Some(inner.owner);
        let cheque = signed.cheque;
        if own && cheque.vault == inner.vault && cheque.token.is_none() {
            let (to, sum) = (cheque.beneficiary, cheque.cumulative);
            inner.book.promised(inner.vault, to, sum)?;
        }
    }
    Ok(())
}
