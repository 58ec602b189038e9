//! Forgetting what ended long ago: a page at a time, so that the ledger stays as large as what the
//! host keeps and no look takes long. What the rows counted for stays in the totals.
//!
//! Enters: the ledger and chain time. Leaves: facts. Invariants: a row goes only when its term
//! ended before the bound by the chain's epochs (peers: by the wall clock, which costs nothing but
//! an address); a place in the walk is memory alone, so that a restart merely begins again.

use host_core::{AgreementDigest, PeerId};
use host_ledger::{Fact, Ledger};

use crate::error::Error;

/// Rows looked at in one turn.
pub const PAGE: usize = 256;

/// How far the walk has come.
#[derive(Debug, Default)]
pub struct Walk {
    agreement: Option<AgreementDigest>,
    peer: Option<PeerId>,
}

impl Walk {
    /// Looks at the next page of ended agreements and forgets those whose term ended before epoch
    /// `before`; returns how many. Durability: committed when this returns.
    pub async fn agreements(&mut self, ledger: &Ledger, before: u64) -> Result<u64, Error> {
        let snapshot = ledger.read()?;
        let page = snapshot.ended_agreements(self.agreement.as_ref(), PAGE)?;
        self.agreement = page
            .last()
            .filter(|_| page.len() == PAGE)
            .map(|row| row.digest);
        let over = page
            .iter()
            .filter(|row| row.signed.terms.end_epoch < before);
        let ended: Vec<AgreementDigest> = over.map(|row| row.digest).collect();
        drop(snapshot);
        if ended.is_empty() {
            return Ok(0);
        }
        let known = ledger.read()?.totals()?.forgotten;
        let fact = Fact::AgreementsForgotten { ended, before };
        ledger.commit(vec![fact]).await?;
        Ok(ledger.read()?.totals()?.forgotten.saturating_sub(known))
    }

    /// Looks at the next page of peers and forgets those last seen before `before_ms`.
    /// Durability: committed when this returns.
    pub async fn peers(&mut self, ledger: &Ledger, before_ms: u64) -> Result<(), Error> {
        let page = ledger.read()?.peers(self.peer.as_ref(), PAGE)?;
        self.peer = page
            .last()
            .filter(|_| page.len() == PAGE)
            .map(|row| row.peer);
        let old = page.iter().filter(|row| row.seen_ms < before_ms);
        let peers: Vec<PeerId> = old.map(|row| row.peer).collect();
        if peers.is_empty() {
            return Ok(());
        }
        let fact = Fact::PeersForgotten { peers, before_ms };
        Ok(ledger.commit(vec![fact]).await?)
    }
}
