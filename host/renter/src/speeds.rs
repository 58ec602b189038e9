//! How fast hosts were in this renter's own transfers, told to the hubs with what shows that there
//! were transfers (docs/formats/score.md).
//!
//! Enters: uploads with their receipts, downloads of verified bytes. Leaves: one signed word a host
//! and direction, from its best transfer since the last word: transfers run side by side and share
//! this renter's line, so the best of them is the least that the host can do. Invariants: nothing
//! is said of a host without its receipt; a host is told of at most once in a 120th of the scores'
//! window; a hub that is dead or slow holds nothing up for more than seconds. Does not: decide
//! what a word weighs (`host-score`), fail a put or a get.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{join_all, select};
use host_core::agreement::Agreement;
use host_core::receipt::Receipt;
use host_core::witness::{SPEED_BYTES_MIN, SpeedBody, SpeedWord};
use host_core::{PeerId, codec};
use host_transfer::hub;
use minicbor::{Decode, Encode};

use crate::{Inner, hosts};

/// Longest time all hubs together are waited for.
const HUBS_PATIENCE: Duration = Duration::from_secs(5);
/// Words of one host in a window of the scores.
const WORDS_A_WINDOW: u64 = 120;
/// Hosts remembered between two tellings.
const HOSTS_MAX: usize = 4096;

/// One measured transfer.
#[derive(Debug, Clone, Copy)]
struct Line {
    bytes: u64,
    micros: u64,
}

impl Line {
    fn is_faster(&self, than: &Self) -> bool {
        let own = u128::from(self.bytes) * u128::from(than.micros.max(1));
        own > u128::from(than.bytes) * u128::from(self.micros.max(1))
    }
}

/// What shows that there were transfers with a host, as the book keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Shown {
    #[n(0)]
    agreement: Agreement,
    #[n(1)]
    receipt: Receipt,
    /// When uploads to it were told of last: milliseconds since 1970.
    #[n(2)]
    up_ms: u64,
    /// The same of downloads.
    #[n(3)]
    down_ms: u64,
}

/// Measured since the last telling.
#[derive(Debug, Default)]
struct Fresh {
    /// The best by host and direction; true is to the host.
    best: BTreeMap<(PeerId, bool), Line>,
    receipts: BTreeMap<PeerId, (Agreement, Receipt)>,
}

/// The measurements of a running renter.
#[derive(Debug, Default)]
pub(crate) struct Speeds(Mutex<Fresh>);

impl Speeds {
    fn lock(&self) -> MutexGuard<'_, Fresh> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A shard went to a host, which gave its receipt.
    pub(crate) fn sent(&self, host: PeerId, terms: &Agreement, receipt: &Receipt, took: Duration) {
        let mut fresh = self.lock();
        fresh.note(host, true, terms.shard_len, took);
        let known = fresh.receipts.get(&host);
        let is_longer = known.is_none_or(|(known, _)| known.shard_len < terms.shard_len);
        if is_longer && fresh.receipts.len() < HOSTS_MAX {
            fresh
                .receipts
                .insert(host, (terms.clone(), receipt.clone()));
        }
    }

    /// Bytes of a shard came from a host and were what they had to be.
    pub(crate) fn came(&self, host: PeerId, bytes: u64, took: Duration) {
        self.lock().note(host, false, bytes, took);
    }
}

impl Fresh {
    fn note(&mut self, host: PeerId, up: bool, bytes: u64, took: Duration) {
        if bytes < SPEED_BYTES_MIN || self.best.len() >= HOSTS_MAX {
            return;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let line = Line { bytes, micros };
        let best = self.best.entry((host, up)).or_insert(line);
        if line.is_faster(best) {
            *best = line;
        }
    }
}

fn path(inner: &Inner, host: &PeerId) -> std::path::PathBuf {
    inner.book.path(&format!("speeds/{host}"))
}

/// What is kept of a host, or what came with this run, whichever is of the longer shard.
fn shown(inner: &Inner, host: &PeerId, fresh: Option<(Agreement, Receipt)>) -> Option<Shown> {
    let kept = std::fs::read(path(inner, host)).ok();
    let kept: Option<Shown> = kept.and_then(|bytes| codec::from_bytes("speeds", &bytes).ok());
    let Some((agreement, receipt)) = fresh else {
        return kept;
    };
    let (up_ms, down_ms) = kept
        .as_ref()
        .map_or((0, 0), |kept| (kept.up_ms, kept.down_ms));
    let is_longer = |kept: &Shown| kept.agreement.shard_len > agreement.shard_len;
    kept.filter(is_longer).or(Some(Shown {
        agreement,
        receipt,
        up_ms,
        down_ms,
    }))
}

/// Signs what was measured since the last time and tells every hub. Returns how many words a hub
/// took. What could not be told is forgotten: the next transfer measures again.
pub(crate) async fn tell(inner: &Inner) -> usize {
    let Fresh { best, receipts } = std::mem::take(&mut *inner.speeds.lock());
    let now_ms = inner.clock.wall_ms();
    let pause_ms = inner.network.services.score.window_ms() / WORDS_A_WINDOW;
    let (mut words, mut all) = (Vec::new(), BTreeMap::new());
    for ((host, up), line) in best {
        if !all.contains_key(&host) {
            let fresh = receipts.get(&host).cloned();
            all.extend(shown(inner, &host, fresh).map(|shown| (host, shown)));
        }
        let Some(shown) = all.get_mut(&host) else {
            continue;
        };
        let last = match up {
            true => &mut shown.up_ms,
            false => &mut shown.down_ms,
        };
        if now_ms < last.saturating_add(pause_ms) || line.bytes > shown.agreement.shard_len {
            continue;
        }
        *last = now_ms;
        let body = SpeedBody {
            agreement: shown.agreement.clone(),
            host,
            receipt: shown.receipt.clone(),
            up,
            bytes: line.bytes,
            micros: line.micros,
            at_ms: now_ms,
        };
        words.push(SpeedWord::sign(body, &inner.id, &inner.key));
    }
    let taken = tell_hubs(inner, &words).await;
    for (host, shown) in &all {
        // Not flushed: what is lost here is measured again.
        if let Err(err) = std::fs::write(path(inner, host), codec::to_bytes(shown)) {
            tracing::debug!(peer = %host, err = %err, "a host's receipt for its speed is not kept");
        }
    }
    taken
}

/// The most words that one hub took.
async fn tell_hubs(inner: &Inner, words: &[SpeedWord]) -> usize {
    if words.is_empty() {
        return 0;
    }
    let hubs = hosts::hub_peers(&inner.network.hubs);
    let peers = inner.peers.as_ref();
    let told = hubs.iter().map(|hub| {
        let telling = Box::pin(hub::speeds(peers, hub, words));
        let timer = inner.clock.sleep(HUBS_PATIENCE);
        async move {
            match select(telling, timer).await {
                futures::future::Either::Left((taken, _)) => taken,
                futures::future::Either::Right(_) => 0,
            }
        }
    });
    join_all(told).await.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
