//! Where records are kept: they are spread to hosts, buried there, and gathered again with nothing
//! but the keys. What this file does not do: decide which hosts; cut or put together (parts.rs).

use std::sync::{Mutex, PoisonError};

use futures::stream::{StreamExt, iter};
use host_core::records::SignedRecord;
use host_core::seams::PeerAddr;
use host_transfer::{pay, records};

use super::ObjectRecord;
use super::parts::{self, Gathering};
use crate::Inner;
use crate::error::Error;
use crate::hosts;

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
    Ok(give(inner, hosts, &all).await)
}

/// Replaces an object's record on hosts by nothing, under a higher version.
pub(crate) async fn bury(inner: &Inner, hosts: &[PeerAddr], record: &ObjectRecord) -> usize {
    give(inner, hosts, &parts::bury(inner, record)).await
}

/// Gives records to hosts, to each one after the other; returns how many hosts keep all of them.
async fn give(inner: &Inner, hosts: &[PeerAddr], all: &[SignedRecord]) -> usize {
    let gifts = hosts.iter().map(|to| async move {
        for signed in all {
            let put = records::put(inner.peers.as_ref(), to, signed.clone());
            if let Err(err) = put.await {
                tracing::debug!(peer = %to.peer, err = %err, "host does not keep the record");
                return false;
            }
        }
        true
    });
    let kept = iter(gifts).buffer_unordered(AT_ONCE);
    kept.filter(|kept| std::future::ready(*kept)).count().await
}

/// Asks every announced host for this wallet's records, writes the objects into the book and
/// takes up the cheques that were promised. Returns how many objects there are. In memory: each
/// record once, however many hosts keep it.
pub(crate) async fn recover(inner: &Inner) -> Result<usize, Error> {
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
    let answered = iter(lists).buffer_unordered(AT_ONCE);
    answered
        .filter(|answer| std::future::ready(answer.is_ok()))
        .count()
        .await;
    let gathering = gathering.into_inner();
    let (whole, torn) = gathering.unwrap_or_else(PoisonError::into_inner).finish();
    for object in torn {
        tracing::warn!(object = %object, "parts of the object's record are missing");
    }
    let mut count = 0;
    for record in whole {
        match record.placement.check(&inner.id) {
            Ok(()) => {
                inner.book.keep(&record)?;
                count += 1;
            }
            Err(err) => tracing::warn!(err = %err, "placement is not this wallet's"),
        }
    }
    recall_promises(inner, &hosts).await?;
    Ok(count)
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
