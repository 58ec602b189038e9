//! What hubs counted of hosts, merged: a hub's list is a claim that is recomputed here.
//!
//! Enters: signed statements of every hub that answers. Leaves: facts of a host and its score by
//! the network's own rules. Invariant: a hub weighs one among those that answered; one that keeps
//! no counts, or whose pages do not verify, is none of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use host_core::PeerId;
use host_core::witness::ScoreRules;
use host_score::{Facts, Score, facts, merge, score};
use host_transfer::hub;

use super::{HUBS_GRACE, HUBS_PATIENCE, hub_peers};
use crate::Inner;

/// What hubs counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rules: ScoreRules,
    /// Facts of each host, one map a hub that answered.
    pub(crate) by_hub: Vec<BTreeMap<PeerId, Facts>>,
}

impl Counts {
    /// Facts and score of a host; none when no hub keeps counts.
    pub(crate) fn of(&self, host: &PeerId) -> Option<(Facts, Score)> {
        if self.by_hub.is_empty() {
            return None;
        }
        let told: Vec<_> = self
            .by_hub
            .iter()
            .map(|hub| hub.get(host).copied())
            .collect();
        let facts = merge(&told);
        Some((facts, score(&facts, &self.rules)))
    }
}

/// Reads the counts of all hubs side by side; a hub that does not answer delays nothing beyond the
/// grace the others' lists are given too.
pub(crate) async fn read(inner: &Inner) -> Counts {
    let rules = inner.network.services.score.clone();
    let hubs = hub_peers(&inner.network.hubs);
    let asked = hubs.iter().map(|to| async {
        let told = Mutex::new(BTreeMap::new());
        let take = |page: host_core::witness::Statement| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            for watched in &page.body.hosts {
                told.insert(watched.host, facts(watched, page.body.at_ms, &rules));
            }
        };
        let read = hub::counts(inner.peers.as_ref(), to, &inner.id, take).await;
        read.map(|_| told.into_inner().unwrap_or_else(PoisonError::into_inner))
    });
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut patience = inner.clock.sleep(HUBS_PATIENCE);
    let mut by_hub = Vec::new();
    while let Either::Left((Some(told), rest)) = select(asked.next(), patience).await {
        patience = rest;
        match told {
            Ok(told) => {
                if by_hub.is_empty() {
                    patience = inner.clock.sleep(HUBS_GRACE);
                }
                by_hub.push(told);
            }
            Err(err) => tracing::debug!(err = %err, "hub tells no counts"),
        }
    }
    drop(asked);
    Counts { rules, by_hub }
}
