//! What ended lately: a reorganisation deeper than the outbox's own depth takes it up again.
//!
//! Enters: rows as they end, and at the start those the ledger has of the last blocks. Leaves: rows
//! that are under way again, with the same bytes. Invariant: what comes back is written down
//! before it is sent. Does not: look further back than `DEEP` blocks; below that a chain is final.

use std::collections::HashMap;

use host_core::seams::Head;
use host_ledger::{Fact, OutboxRow, OutboxState};
use tracing::{debug, error};

use super::{Outbox, Round};
use crate::error::Error;
use crate::prove::INTENTS;

/// Blocks a reorganisation may reach back.
const DEEP: u64 = 128;
/// Ended rows read at the start, a page at a time.
const PAGE: usize = 256;

impl Outbox {
    /// Remembers a row that ended in a block.
    pub(super) fn remember(&self, row: OutboxRow) {
        if row.mined.is_some()
            && let Some(recent) = self.recent().as_mut()
        {
            recent.push(row);
        }
    }

    /// Reads what ended in the last blocks, once.
    fn load(&self, head: Head) -> Result<(), Error> {
        if self.recent().is_some() {
            return Ok(());
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.ledger.read()?.outbox_ended(after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(last.clone());
            let late = page.into_iter().map(|(_, row)| row);
            // The prover reads from the chain itself what it has to do again.
            let own = |row: &OutboxRow| !row.intent().0.starts_with(INTENTS);
            found.extend(late.filter(|row| is_late(row, head) && own(row)));
        }
        *self.recent() = Some(found);
        Ok(())
    }

    /// Takes up again what stands in no block any more. Cost: one question to the chain for each
    /// block in which something ended lately.
    pub(super) async fn look_back(&self, head: Head, round: &mut Round) -> Result<(), Error> {
        self.load(head)?;
        let mut rows = self.recent().clone().unwrap_or_default();
        rows.retain(|row| is_late(row, head));
        let mut canonical = HashMap::new();
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(mined) = row.mined else { continue };
            if let std::collections::hash_map::Entry::Vacant(free) = canonical.entry(mined.block) {
                free.insert(self.chain.block_hash(mined.block).await?);
            }
            let stands = canonical.get(&mined.block).copied().flatten() == Some(mined.block_hash);
            let moved = !stands && self.chain.receipt(mined.hash).await?.is_some();
            if stands || moved {
                kept.push(row);
                continue;
            }
            self.take_up(row, (mined.block, head.block), round).await?;
        }
        *self.recent() = Some(kept);
        Ok(())
    }

    async fn take_up(
        &self,
        row: OutboxRow,
        (block, now): (u64, u64),
        round: &mut Round,
    ) -> Result<(), Error> {
        let intent = row.intent();
        let (state, tx) = (row.state.label(), row.hash);
        error!(intent = %intent, tx = %tx, block, state,
            "a deep reorganisation took a final transaction away; it is sent again");
        let row = OutboxRow {
            state: OutboxState::Pending,
            mined: None,
            // Sent now: it has not been waiting for a higher price since its first block.
            sent_block: now,
            reason: format!("a deep reorganisation took block {block} away"),
            ..row
        };
        let forms = row.forms();
        match self.ledger.commit(vec![Fact::OutboxPut(row)]).await {
            Ok(()) => {}
            // The same is wanted again already, or its nonce is somebody else's now.
            Err(
                error @ (host_ledger::Error::IntentBusy { .. }
                | host_ledger::Error::NonceBusy { .. }),
            ) => {
                debug!(intent = %intent, err = %error, "not taken up again");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        round.rewound += 1;
        for form in forms {
            if let Err(error) = self.chain.broadcast(&form.tx()).await {
                debug!(intent = %intent, tx = %form.hash, err = %error, "broadcast failed");
            }
        }
        Ok(())
    }
}

/// Whether a row ended in a block that may still be taken away.
fn is_late(row: &OutboxRow, head: Head) -> bool {
    let ended = matches!(row.state, OutboxState::Done | OutboxState::Failed);
    let block = row.mined.map(|mined| mined.block);
    ended && block.is_some_and(|block| block + DEEP > head.block)
}
