//! Reads that cost: a run of a shard from a host that may ask to be paid first.
//!
//! Enters: a host, a run, what its agreements say a read costs. Leaves: verified units. Invariants:
//! never more a GiB than was agreed with this host (or than `set_read_price_max` allows); never
//! further ahead of what came than `READ_AHEAD_MAX` bytes and the run asked for, so that a host
//! which takes money and sends nothing gets that much at most; sums double up to that bound, so
//! that many small reads need few cheques, which are cashed as one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use host_core::seams::PeerAddr;
use host_core::signed::{self, READ, read_body};
use host_core::wire::ReadPayer;
use host_core::{Address, Amount, ObjectId, PeerId, ShardId, limits};
use host_transfer::download::{self, DownloadStream};

use crate::Inner;
use crate::fault::Fault;
use crate::lease;
use crate::purse::Purse;
use crate::record::ObjectRecord;

/// Times a run is asked for: without a word, with it, and after two payments.
const TRIES: usize = 4;
/// Objects whose terms are remembered as known.
const OBJECTS_MAX: usize = 4096;

/// One host that asked to be paid.
#[derive(Debug, Clone, Default)]
struct Seller {
    payer: Option<ReadPayer>,
    price: Amount,
    paid: Amount,
    /// What came, in 2^-30 of a smallest unit.
    came: Amount,
}

#[derive(Debug, Default)]
struct State {
    sellers: BTreeMap<PeerId, Seller>,
    /// The highest price agreed with a host.
    agreed: BTreeMap<Address, Amount>,
    /// Objects whose terms are in `agreed`, with the version of their placement.
    known: BTreeMap<ObjectId, u64>,
    most: Amount,
}

/// What this process knows of hosts that sell reads.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    state: Mutex<State>,
}

impl Reads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays up to this a GiB to hosts nothing was agreed with.
    pub(crate) fn set_most(&self, most: Amount) {
        self.state().most = most;
    }

    /// Everything paid for reads by this process.
    pub(crate) fn paid(&self) -> Amount {
        let paid = self.state();
        let paid = paid.sellers.values().map(|seller| seller.paid.0);
        Amount(paid.fold(0, u128::saturating_add))
    }

    /// Learns what was agreed for an object's reads; an object of another's tells nothing.
    pub(crate) fn learn(&self, inner: &Inner, object: ObjectId, record: &ObjectRecord) {
        let version = record.placement.placement.version;
        if self.state().known.get(&object) == Some(&version) {
            return;
        }
        let terms = lease::read(inner, record).unwrap_or_default();
        let mut state = self.state();
        if state.known.len() >= OBJECTS_MAX {
            state.known.clear();
        }
        state.known.insert(object, version);
        drop(state);
        for terms in terms.values() {
            self.agree(terms.host, terms.egress_price);
        }
    }

    /// A price that stands in an agreement with this host.
    pub(crate) fn agree(&self, host: Address, price: Amount) {
        let mut state = self.state();
        let known = state.agreed.entry(host).or_default();
        *known = (*known).max(price);
    }

    /// Bytes that were paid for came, verified.
    pub(crate) fn came(&self, host: &PeerId, bytes: u64) {
        if let Some(seller) = self.state().sellers.get_mut(host) {
            let cost = seller.price.0.saturating_mul(bytes.into());
            seller.came = Amount(seller.came.0.saturating_add(cost));
        }
    }

    fn payer(&self, host: &PeerId) -> Option<ReadPayer> {
        self.state().sellers.get(host)?.payer.clone()
    }

    fn paid_to(&self, host: &PeerId) -> Amount {
        let state = self.state();
        state
            .sellers
            .get(host)
            .map(|one| one.paid)
            .unwrap_or_default()
    }
}

/// Opens a run of a shard, and pays for it where that is asked for and within the bounds. Errors
/// as `download::open`; `Unpaid` when a bound forbids to pay.
pub(crate) async fn open(
    inner: &Inner,
    to: &PeerAddr,
    shard: &ShardId,
    shard_len: u64,
    run: Range<u64>,
) -> Result<DownloadStream, Fault> {
    let peers = inner.peers.as_ref();
    let mut tries = 0;
    loop {
        tries += 1;
        let paid = inner.reads.paid_to(&to.peer);
        let payer = inner.reads.payer(&to.peer);
        let known = payer.is_some();
        let opened = download::open_paid(peers, to, shard, shard_len, run.clone(), payer).await;
        let (price, needs) = match &opened {
            Err(host_transfer::Error::Unpaid { price, needs, .. }) => (*price, *needs),
            _ => return Ok(opened?),
        };
        if tries >= TRIES {
            return Ok(opened?);
        }
        if !known {
            introduce(inner, &to.peer, price);
            continue;
        }
        let len = run.end.saturating_sub(run.start);
        let asked = Asked { price, needs, len };
        if !pay(inner, to, asked, paid).await? {
            return Ok(opened?);
        }
    }
}

/// What a host asked for before a run.
#[derive(Debug, Clone, Copy)]
struct Asked {
    price: Amount,
    needs: Amount,
    len: u64,
}

/// Signs the word with which this process reads on its vault's account at a host.
fn introduce(inner: &Inner, host: &PeerId, price: Amount) {
    let reader = inner.peers.own().unwrap_or_else(|| inner.key.peer_id());
    let body = read_body(host, &reader, &inner.vault);
    let payer = ReadPayer {
        vault: inner.vault,
        signature: signed::sign(&inner.key, READ, &inner.id, &body),
    };
    let mut state = inner.reads.state();
    let seller = state.sellers.entry(*host).or_default();
    seller.payer = Some(payer);
    seller.price = price;
}

/// Pays what a host asked for, or more ahead; false when a bound forbids it. `before` is what it
/// was paid when the run was asked for: another read may have paid meanwhile.
async fn pay(inner: &Inner, to: &PeerAddr, asked: Asked, before: Amount) -> Result<bool, Fault> {
    let host = to.peer.address()?;
    let mut purse = Purse::take(inner, host).await?;
    let sum = {
        let mut state = inner.reads.state();
        let agreed = state.agreed.get(&host).copied().unwrap_or_default();
        if asked.price > agreed.max(state.most) {
            return Ok(false);
        }
        let seller = state.sellers.entry(to.peer).or_default();
        if seller.paid > before {
            return Ok(true);
        }
        seller.price = asked.price;
        match ahead(seller, asked) {
            Some(sum) => sum,
            None => return Ok(false),
        }
    };
    let added = purse.prepay(to, sum).await?;
    let mut state = inner.reads.state();
    let seller = state.sellers.entry(to.peer).or_default();
    seller.paid = Amount(seller.paid.0.saturating_add(added.0));
    Ok(true)
}

/// What is paid now: what is asked for, or as much as was paid so far, up to the bound. None when
/// what is asked for is beyond it.
fn ahead(seller: &Seller, asked: Asked) -> Option<Amount> {
    let bound = Amount::of_reads(limits::READ_AHEAD_MAX, asked.price).ok()?;
    let run = Amount::of_reads(asked.len, asked.price).ok()?;
    // What a cut made either side forget is owed still.
    let most = Amount::of_fine(seller.came.plus(bound).ok()?.plus(run).ok()?);
    let left = Amount(most.0.saturating_sub(seller.paid.0));
    if asked.needs > left {
        return None;
    }
    let more = seller.paid.min(Amount::of_fine(bound)).min(left);
    Some(asked.needs.max(more))
}

#[cfg(test)]
mod tests;
