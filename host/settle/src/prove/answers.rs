//! A period's answers from the ledger's leaves and the drives' bytes.
//!
//! Enters: the merged batches, what is asked, and whoever reads leaves. Leaves: the bytes that the
//! contract takes, judged here first by the same rules. Invariants: of a shard nothing is read but
//! what recomputes the path of the asked leaf; every read of a period is under way together, within
//! a bound; an answer that the contract would refuse never leaves. Does not: send.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt, iter};
use host_core::agreement::{Agreement, PayMode};
use host_core::seams::BoxFuture;
use host_core::{Address, AgreementDigest, ShardId};
use host_ledger::{LeafRow, Ledger, Snapshot};
use host_proof::LeafProof;
use host_proof::dataset::{
    Answer, Asked, History, Leaf, Shelves, judge, prove_draws, prove_inclusion,
};

use crate::error::Error;

/// Leaves read from the drives at once.
const READS_AT_ONCE: usize = 8;

/// Whoever reads one leaf of a stored shard, with what recomputes its path.
pub trait Leaves: Send + Sync + 'static {
    /// The leaf's proof, checked against the shard's name. Errors with the reason in words.
    fn leaf(&self, shard: ShardId, index: u64) -> BoxFuture<'_, Result<LeafProof, String>>;
}

pub(crate) const fn leaf_of(row: &LeafRow) -> Leaf {
    Leaf {
        agreement: row.agreement,
        shard: row.shard,
        len: row.len,
        end_epoch: row.end_epoch,
    }
}

/// The leaves of one batch in their order, a row of the ledger at a time.
pub(crate) struct BatchLeaves {
    view: Arc<Snapshot>,
    batch: u64,
    row: u32,
    held: std::vec::IntoIter<LeafRow>,
}

impl BatchLeaves {
    pub(crate) fn new(view: Arc<Snapshot>, batch: u64) -> Self {
        let held = Vec::new().into_iter();
        Self {
            view,
            batch,
            row: 0,
            held,
        }
    }
}

impl Iterator for BatchLeaves {
    type Item = Leaf;

    /// A row that does not read ends the batch: then its root differs and the batch is named.
    fn next(&mut self) -> Option<Leaf> {
        loop {
            if let Some(leaf) = self.held.next() {
                return Some(leaf_of(&leaf));
            }
            let rows = self.view.leaves(self.batch, self.row).ok()??;
            self.row = self.row.checked_add(1)?;
            self.held = rows.into_iter();
        }
    }
}

/// A leaf that was drawn, by shard and index.
type Place = (AgreementDigest, u64);

/// Walks the draws without answering: what would have to be read.
struct Wanted {
    view: Arc<Snapshot>,
    found: Vec<(Leaf, u64)>,
}

impl Shelves for Wanted {
    type Error = Error;
    type Leaves = BatchLeaves;

    fn leaves(&mut self, index: usize) -> Result<BatchLeaves, Error> {
        Ok(BatchLeaves::new(Arc::clone(&self.view), index as u64))
    }

    fn answer(&mut self, leaf: &Leaf, leaf_index: u64) -> Result<Answer, Error> {
        self.found.push((leaf.clone(), leaf_index));
        Ok(Answer::Expired)
    }
}

/// Answers from what was read.
struct Ready {
    view: Arc<Snapshot>,
    answers: BTreeMap<Place, Answer>,
}

impl Shelves for Ready {
    type Error = Error;
    type Leaves = BatchLeaves;

    fn leaves(&mut self, index: usize) -> Result<BatchLeaves, Error> {
        Ok(BatchLeaves::new(Arc::clone(&self.view), index as u64))
    }

    fn answer(&mut self, leaf: &Leaf, leaf_index: u64) -> Result<Answer, Error> {
        let agreement = leaf.agreement;
        let ready = self.answers.get(&(agreement, leaf_index)).cloned();
        ready.ok_or(Error::Unread { agreement })
    }
}

/// The answers to a period's draws, and the bytes they prove. Cost: each drawn batch's leaves
/// twice from the ledger; for each draw one unit and the unit list of its shard from the drives.
/// Errors: Unread when a drawn leaf cannot be read; Proof; Ledger.
pub async fn answers(
    ledger: &Ledger,
    leaves: &dyn Leaves,
    history: &History,
    asked: &Asked,
) -> Result<(Vec<u8>, u64), Error> {
    let view = Arc::new(ledger.read()?);
    let mut wanted = Wanted {
        view: Arc::clone(&view),
        found: Vec::new(),
    };
    prove_draws(history, asked, &mut wanted)?;
    let reads = wanted.found.into_iter().map(|(leaf, index)| {
        let view = Arc::clone(&view);
        async move {
            let answer = answer(&view, leaves, &leaf, index).await?;
            Ok::<_, Error>(((leaf.agreement, index), answer))
        }
    });
    let answers = iter(reads).buffer_unordered(READS_AT_ONCE).try_collect();
    let mut ready = Ready {
        answers: answers.await?,
        view: Arc::clone(&view),
    };
    let bytes = prove_draws(history, asked, &mut ready)?;
    let live = judge(asked, &history.peaks(), &bytes, |leaf, terms, signature| {
        is_released(&view, leaf, terms, signature)
    })?;
    Ok((bytes, live))
}

/// What answers for one leaf.
async fn answer(
    view: &Snapshot,
    leaves: &dyn Leaves,
    leaf: &Leaf,
    index: u64,
) -> Result<Answer, Error> {
    if let Some(row) = view.release(&leaf.agreement)? {
        return Ok(Answer::Released {
            terms: words(&row.terms),
            signature: row.signature.0.to_vec(),
        });
    }
    let read = leaves.leaf(leaf.shard, index).await;
    read.map(Answer::Kept).map_err(|why| Error::Leaf {
        shard: leaf.shard,
        index,
        why,
    })
}

/// Whether these are the terms and the word that the ledger kept; both were checked when the
/// renter gave them.
fn is_released(view: &Snapshot, leaf: &Leaf, terms: &[u8], signature: &[u8]) -> bool {
    let kept = view.release(&leaf.agreement).ok().flatten();
    kept.is_some_and(|row| words(&row.terms) == terms && row.signature.0 == signature)
}

/// Where one agreement stands in the newest commitment, as renters and the contract take it.
/// Cost: hashes the leaves of its batch once.
/// Errors: Uncommitted while it stands in no batch the chain has; Proof; Ledger.
pub(crate) fn inclusion(
    ledger: &Ledger,
    history: &History,
    on_chain: usize,
    agreement: &AgreementDigest,
) -> Result<Vec<u8>, Error> {
    let agreement = *agreement;
    let view = Arc::new(ledger.read()?);
    let waits = Error::Uncommitted { agreement };
    let batch = view.batch_of(&agreement)?.ok_or(waits)?;
    let index = usize::try_from(batch).unwrap_or(usize::MAX);
    if index >= on_chain {
        return Err(Error::Uncommitted { agreement });
    }
    let leaves = BatchLeaves::new(view, batch);
    Ok(prove_inclusion(history, index, leaves, &agreement)?.to_bytes()?)
}

/// The 14 words of an agreement, as its digest and the contract read them.
fn words(terms: &Agreement) -> Vec<u8> {
    let mode: u128 = match terms.pay_mode {
        PayMode::Cheque => 0,
        PayMode::Escrow => 1,
    };
    let mut words = Vec::with_capacity(14 * 32);
    let address = |words: &mut Vec<u8>, of: &Address| {
        words.extend_from_slice(&[0; 12]);
        words.extend_from_slice(&of.0);
    };
    let number = |words: &mut Vec<u8>, of: u128| {
        words.extend_from_slice(&[0; 16]);
        words.extend_from_slice(&of.to_be_bytes());
    };
    words.extend_from_slice(&terms.network.0);
    words.extend_from_slice(&terms.id.0);
    address(&mut words, &terms.renter);
    address(&mut words, &terms.host);
    address(&mut words, &terms.payout);
    words.extend_from_slice(&terms.shard.0);
    number(&mut words, u128::from(terms.shard_len));
    number(&mut words, u128::from(terms.codec));
    number(&mut words, terms.price.0);
    number(&mut words, u128::from(terms.start_epoch));
    number(&mut words, u128::from(terms.end_epoch));
    number(&mut words, terms.egress_price.0);
    number(&mut words, mode);
    number(&mut words, u128::from(terms.nonce));
    words
}
