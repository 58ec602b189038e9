//! From agreements that wait to a commitment: they enter a draft in the order in which they end,
//! as far as the stake covers them; the draft is sealed with its root; the root goes out.
//!
//! Invariant: each step is a fact of the ledger before the next is taken, and repeating one
//! changes nothing. Does not: unstake.

use std::sync::Arc;

use host_core::Amount;
use host_core::seams::{ChainError, ProofLook, ProofVerb};
use host_ledger::{BatchRow, Fact, IntentKey, LEAVES_PER_ROW, Snapshot};
use host_proof::dataset::batch_root;
use tracing::{info, warn};

use super::answers::BatchLeaves;
use super::plan::Situation;
use super::{INTENTS, Prover, hex_start};
use crate::error::Error;

const GIB: u128 = 1 << 30;
/// Leaves of one batch at most: each inclusion hashes them all, in some 50 ms.
const BATCH_MAX: usize = 1 << 16;

impl Prover {
    /// Whether something waits that the stake covers, or a draft is open.
    pub(super) fn has_work(&self, view: &Snapshot, look: &ProofLook) -> Result<bool, Error> {
        let next = self.memory().rows.len() as u64;
        if view.leaves(next, 0)?.is_some() {
            return Ok(true);
        }
        let Some(first) = view.uncommitted(1)?.first().copied() else {
            self.memory().short = Amount::ZERO;
            return Ok(false);
        };
        let len = view
            .agreement(&first)?
            .map_or(0, |row| row.signed.terms.shard_len);
        let fits = len <= self.room(look);
        if fits {
            self.memory().short = Amount::ZERO;
        } else {
            self.say_short(look, len);
        }
        // Without stake there is work only where it may be put in.
        Ok(fits || self.stake_max > Amount::ZERO)
    }

    /// Says once what stake is missing.
    fn say_short(&self, look: &ProofLook, len: u64) {
        let need = self.needed(look, len);
        let short = Amount(need.0.saturating_sub(look.stake.0));
        let known = std::mem::replace(&mut self.memory().short, short);
        if known == Amount::ZERO && short > Amount::ZERO {
            warn!(amount = %short, "stake is missing; what waits is kept, not committed");
        }
    }

    /// Live bytes of the newest commitment in the period that runs.
    fn live_now(&self, look: &ProofLook) -> u64 {
        let memory = self.memory();
        memory
            .history
            .peaks()
            .live_bytes(look.period.saturating_add(1))
    }

    /// Stake needed for what is live and `more` bytes.
    fn needed(&self, look: &ProofLook, more: u64) -> Amount {
        let bytes = u128::from(self.live_now(look)) + u128::from(more);
        Amount(bytes.saturating_mul(look.stake_per_gib.0).div_ceil(GIB))
    }

    /// Bytes the stake covers beyond what is live.
    fn room(&self, look: &ProofLook) -> u64 {
        if look.stake_per_gib == Amount::ZERO {
            return u64::MAX;
        }
        let all = look.stake.0.saturating_mul(GIB) / look.stake_per_gib.0;
        let all = u64::try_from(all).unwrap_or(u64::MAX);
        all.saturating_sub(self.live_now(look))
    }

    /// Commits the next batch the chain has not, making it first when there is none.
    pub(super) async fn commit(&self, at: &Situation) -> Result<(), Error> {
        let (on_chain, made) = {
            let memory = self.memory();
            (memory.on_chain, memory.rows.len())
        };
        let row = if on_chain < made {
            self.memory().rows.get(on_chain).copied()
        } else {
            self.make(at).await?
        };
        let Some(row) = row else { return Ok(()) };
        let peaks = self.memory().history.peaks();
        let base = hex_start(&peaks.commitment());
        let verb = ProofVerb::Commit {
            peaks: peaks.to_bytes(),
            node: row.node,
            sum: row.sum,
            end: row.end,
            count: row.count,
        };
        let intent = IntentKey(format!("{INTENTS}commit/{on_chain}/{base}"));
        if self.want(intent, &verb).await? {
            let (count, bytes, block) = (row.count, row.sum, at.block);
            info!(count, bytes, block, "dataset commitment goes out");
        }
        Ok(())
    }

    /// Drafts what waits and seals it; none when nothing could enter.
    async fn make(&self, at: &Situation) -> Result<Option<BatchRow>, Error> {
        let batch = self.memory().rows.len() as u64;
        let drafted = BatchLeaves::new(Arc::new(self.ledger.read()?), batch);
        let drafted: u64 = drafted.map(|leaf| leaf.len).fold(0, u64::saturating_add);
        let mut room = self.room(&at.look).saturating_sub(drafted);
        let mut left = BATCH_MAX;
        while left > 0 {
            let view = self.ledger.read()?;
            let page = view.uncommitted(LEAVES_PER_ROW)?;
            let mut agreements = Vec::new();
            let (mut bytes, mut full) = (0_u64, page.len() < LEAVES_PER_ROW);
            for digest in page {
                let len = view
                    .agreement(&digest)?
                    .map_or(0, |row| row.signed.terms.shard_len);
                if bytes.saturating_add(len) > room {
                    full = true;
                    self.stake(&at.look, bytes.saturating_add(len)).await?;
                    break;
                }
                bytes += len;
                agreements.push(digest);
            }
            left = left.saturating_sub(agreements.len().max(1));
            room = room.saturating_sub(bytes);
            if !agreements.is_empty() {
                let draft = Fact::LeavesDrafted { batch, agreements };
                self.ledger.commit(vec![draft]).await?;
            }
            if full {
                break;
            }
        }
        self.seal_batch(batch).await
    }

    /// Seals the draft with its root; none when it is empty.
    async fn seal_batch(&self, batch: u64) -> Result<Option<BatchRow>, Error> {
        let leaves = BatchLeaves::new(Arc::new(self.ledger.read()?), batch);
        let Some((root, count)) = batch_root(leaves)? else {
            return Ok(None);
        };
        let row = BatchRow {
            node: root.node,
            sum: root.sum,
            end: root.end,
            count,
            period: None,
        };
        let sealed = Fact::BatchSealed { batch, row };
        self.ledger.commit(vec![sealed]).await?;
        let mut memory = self.memory();
        memory.rows.push(row);
        memory.told = None;
        Ok(Some(row))
    }

    /// Puts stake in for what waits, as far as the operator allowed and the account's tokens go.
    async fn stake(&self, look: &ProofLook, more: u64) -> Result<(), Error> {
        let need = self.needed(look, more);
        let short = Amount(need.0.saturating_sub(look.stake.0));
        self.say_short(look, more);
        if short == Amount::ZERO || need > self.stake_max {
            return Ok(());
        }
        let (staking, approval) = (
            IntentKey(format!("{INTENTS}stake")),
            IntentKey(format!("{INTENTS}approve")),
        );
        let view = self.ledger.read()?;
        if view.outbox(&staking)?.is_some() || view.outbox(&approval)?.is_some() {
            return Ok(());
        }
        if self.proofs.tokens(self.host).await? < short {
            return Ok(());
        }
        match self.want(staking, &ProofVerb::Stake { sum: short }).await {
            Ok(true) => info!(amount = %short, "stake goes out"),
            Ok(false) => {}
            // No allowance yet.
            Err(Error::Chain(ChainError::Reverted { .. })) => {
                let verb = ProofVerb::Approve { sum: short };
                self.want(approval, &verb).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
