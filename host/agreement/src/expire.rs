//! Expiry by chain time: an agreement frees its space only when a block at the network's depth is
//! past its end plus grace. Runs in small commits, so a restart in the middle loses nothing and a
//! long list delays no upload.

use host_core::epoch::EpochRule;
use host_ledger::{AgreementState, Fact, Ledger};

use crate::error::Error;

/// Agreements ended in one commit.
const PAGE: usize = 128;

/// Ends every agreement that is past at head `block`; returns how many. Block 0 means that no
/// block is known: then nothing expires.
/// Durability: each page is committed before the next is read.
pub async fn expire(ledger: &Ledger, rule: &EpochRule, block: u64) -> Result<u64, Error> {
    let Some(before) = first_kept_end(rule, block) else {
        return Ok(0);
    };
    let mut ended = 0;
    loop {
        let page = ledger.read()?.expiring(before, PAGE)?;
        let count = page.len();
        let facts: Vec<Fact> = page
            .into_iter()
            .map(|agreement| Fact::AgreementClosed {
                agreement,
                state: AgreementState::Expired,
            })
            .collect();
        if !facts.is_empty() {
            ledger.commit(facts).await?;
        }
        ended += u64::try_from(count).unwrap_or(u64::MAX);
        if count < PAGE {
            return Ok(ended);
        }
    }
}

/// The smallest end epoch that is still kept at head `block`; none when nothing can have expired.
fn first_kept_end(rule: &EpochRule, block: u64) -> Option<u64> {
    let settled = block.checked_sub(rule.depth)?;
    if settled <= rule.genesis_block {
        return None;
    }
    let past = rule.epoch_of(settled).checked_sub(rule.grace_epochs)?;
    Some(past.saturating_add(1))
}

#[cfg(test)]
mod tests;
