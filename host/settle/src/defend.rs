//! The host's answers to bonded challenges: whoever doubts that it has a shard is shown the leaf on
//! chain, and the host earns the bond.
//!
//! Enters: the seam of challenges, the ledger, whoever reads leaves. Leaves: wishes in the outbox
//! under an intent of the proofs' kind, so that money waits behind them. Invariants: an answer is
//! durable before it is sent, and is one the contract would take; what is open is asked of the
//! chain each turn, so a crash forgets nothing. Does not: open challenges.

use std::sync::Arc;

use host_core::Address;
use host_core::seams::{Chain, DisputeChain, DisputeVerb, ShardChallenge};
use host_ledger::{CallRow, IntentKey, Ledger, OutboxRow};
use host_proof::LeafProof;
use tracing::{error, info, warn};

use crate::error::Error;
use crate::outbox::{Bounds, Outbox, Purse};
use crate::prove::{INTENTS, Leaves};

/// What a defender works with.
pub struct DefenderParts {
    /// All durable facts.
    pub ledger: Ledger,
    /// The chain, with the host's account.
    pub chain: Arc<dyn Chain>,
    /// The contract of challenges.
    pub disputes: Arc<dyn DisputeChain>,
    /// Reads leaves of stored shards.
    pub leaves: Arc<dyn Leaves>,
    /// The host's account.
    pub host: Address,
    /// What a transaction may cost, and how deep it must lie.
    pub bounds: Bounds,
}

/// Answers for one host.
pub struct Defender {
    ledger: Ledger,
    disputes: Arc<dyn DisputeChain>,
    leaves: Arc<dyn Leaves>,
    host: Address,
    outbox: Outbox,
}

/// A leaf and its path as the contract reads them.
fn shown(proof: &LeafProof) -> Vec<u8> {
    let path = proof.path.iter().flat_map(|node| node.0);
    proof.leaf.iter().copied().chain(path).collect()
}

impl Defender {
    /// A defender; nothing is read or sent.
    #[must_use]
    pub fn new(parts: DefenderParts) -> Self {
        let purse = Purse {
            beneficiary: parts.host,
            recipient: parts.host,
        };
        Self {
            outbox: Outbox::new(parts.ledger.clone(), parts.chain, purse, parts.bounds),
            ledger: parts.ledger,
            disputes: parts.disputes,
            leaves: parts.leaves,
            host: parts.host,
        }
    }

    /// One turn: what is open is answered, what is under way is followed. Returns how many are
    /// open. Errors when the chain does not answer; what one answer lacks is told and the others go
    /// out. Cost: one question for logs when nothing is open.
    pub async fn turn(&self) -> Result<usize, Error> {
        let (_, blocks) = self.disputes.terms().await?;
        let block = self.disputes.head().await?.block;
        // A pause makes a challenge live longer; twice its time is looked back.
        let from = block.saturating_sub(blocks.saturating_mul(2));
        let open = self.disputes.open_on(self.host, from).await?;
        for one in &open {
            if let Err(err) = self.answer(one).await {
                let (shard, left) = (one.entry.shard, one.until.saturating_sub(block));
                error!(shard = %shard, left, err = %err, "a challenge on chain is not answered");
            }
        }
        self.outbox
            .follow_those(&format!("{INTENTS}answer/"))
            .await?;
        Ok(open.len())
    }

    async fn answer(&self, one: &ShardChallenge) -> Result<(), Error> {
        let intent = IntentKey(format!("{INTENTS}answer/{}", one.id));
        let pending = self.ledger.read()?.outbox_pending()?;
        if pending.iter().any(|row| row.intent() == intent) {
            return Ok(());
        }
        let (id, entry, index) = (one.id, one.entry.clone(), one.index);
        let released = self.ledger.read()?.release(&entry.agreement)?;
        let verb = match released {
            Some(row) => DisputeVerb::Released {
                id,
                entry,
                index,
                terms: Box::new(row.terms),
                signature: row.signature.0.to_vec(),
            },
            None => {
                let shard = entry.shard;
                let read = self.leaves.leaf(shard, index).await;
                let proof = read.map_err(|why| Error::Leaf { shard, index, why })?;
                DisputeVerb::Answer {
                    id,
                    entry,
                    index,
                    shown: shown(&proof),
                }
            }
        };
        self.disputes.try_call(self.host, &verb).await?;
        let call = self.disputes.call(&verb)?;
        let row = OutboxRow::wanted_call(intent, CallRow::from(call));
        if self.outbox.want(row).await? {
            let (shard, challenger) = (one.entry.shard, one.challenger);
            info!(shard = %shard, %challenger, "a challenge on chain is answered");
        } else {
            warn!(id, "an answer is under way already");
        }
        Ok(())
    }
}
