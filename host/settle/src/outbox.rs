//! The outbox: what the host means to do on chain, each thing once, through crashes, silence,
//! dropped
//! transactions, taken nonces, dear gas and reorganisations.
//!
//! Enters: wishes (a row without bytes) and the chain seam. Leaves: facts in the ledger.
//! Invariants:
//! every form of a transaction is committed before its first broadcast and never forgotten while
//! the
//! transaction is under way; a new nonce is taken only after another transaction has held the old
//! one for the depth; a transaction ends only `depth` blocks deep in the canonical chain, or with a
//! reason. Does not: decide what is worth a transaction (cash, policy).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host_core::seams::{Chain, ChainError, Head, TxReceipt};
use host_core::{Amount, Digest32};
use host_ledger::{Fact, FormRow, IntentKey, Ledger, MinedRow, OutboxRow, OutboxState};
use tracing::{debug, info, warn};

use crate::error::Error;
use crate::prove::INTENTS;

mod recent;
mod sign;

pub use sign::Purse;

/// Blocks without the transaction before its price is raised.
const BUMP_AFTER: u64 = 4;
/// Blocks at its highest price before a transaction that others wait for is cleared away.
const CLEAR_AFTER: u64 = 12;
/// Nonces one intent may use up before a person must look.
const NONCES_MAX: usize = 4;
/// Least blocks another transaction must hold a nonce before it counts as taken.
const TAKEN_DEPTH_MIN: u64 = 2;

/// What one transaction may cost and how deep it must lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Blocks on top of a transaction before it is final.
    pub depth: u64,
    /// Wei one intent may cost at most, all raises counted in.
    pub cost_max: Amount,
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Transactions signed.
    pub begun: usize,
    /// Transactions that are deep enough and succeeded.
    pub cashed: usize,
    /// Transactions that failed on chain.
    pub failed: usize,
    /// Transactions given up, or whose nonce another one took for good.
    pub ended: usize,
    /// Transactions that a reorganisation took out of their block.
    pub rewound: usize,
    /// Transactions whose price was raised.
    pub raised: usize,
    /// Transactions still under way.
    pub pending: usize,
}

/// A transaction under way, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What it is for.
    pub intent: IntentKey,
    /// `wanted` or `pending`.
    pub state: &'static str,
    /// Its newest form; none while nothing is signed.
    pub hash: Option<Digest32>,
    /// That form's nonce.
    pub nonce: Option<u64>,
    /// Forms signed so far.
    pub forms: usize,
    /// The block it is in, when it waits for depth only.
    pub block: Option<u64>,
    /// What it waits for.
    pub why: String,
}

/// What is remembered of a transaction between rounds; a restart merely forgets it.
#[derive(Debug, Clone, Default)]
struct Note {
    taken_since: Option<u64>,
    why: String,
}

/// The outbox over a ledger and a chain.
pub struct Outbox {
    ledger: Ledger,
    chain: Arc<dyn Chain>,
    purse: Purse,
    bounds: Bounds,
    notes: Mutex<HashMap<IntentKey, Note>>,
    /// The factory refused a batch: cheques go one by one until the next start.
    no_batches: AtomicBool,
    /// What ended lately; none before the first look.
    recent: Mutex<Option<Vec<OutboxRow>>>,
}

impl Outbox {
    /// An outbox whose cheques are made out to and paid to the accounts of `purse`.
    #[must_use]
    pub fn new(ledger: Ledger, chain: Arc<dyn Chain>, purse: Purse, bounds: Bounds) -> Self {
        Self {
            ledger,
            chain,
            purse,
            bounds,
            notes: Mutex::default(),
            no_batches: AtomicBool::new(false),
            recent: Mutex::default(),
        }
    }

    /// Writes a wish down; false when the same is under way. The chain need not answer.
    /// Durability: committed when this returns.
    pub async fn want(&self, row: OutboxRow) -> Result<bool, Error> {
        match self.ledger.commit(vec![Fact::OutboxPut(row)]).await {
            Ok(()) => Ok(true),
            Err(host_ledger::Error::IntentBusy { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether cheques may be cashed many at a time; a factory of BTFS's own cannot.
    #[must_use]
    pub fn takes_batches(&self) -> bool {
        !self.no_batches.load(Ordering::Relaxed)
    }

    fn refuse_batches(&self) {
        self.no_batches.store(true, Ordering::Relaxed);
    }

    /// Moves every transaction on by one step. Errors when the chain does not answer at all; what
    /// keeps a single one is told by `waiting`.
    pub async fn follow(&self) -> Result<Round, Error> {
        self.follow_those("").await
    }

    /// The same for the transactions whose intent begins with `prefix`. Two outboxes over one
    /// ledger may follow the same: what one has moved on, the other leaves alone.
    pub async fn follow_those(&self, prefix: &str) -> Result<Round, Error> {
        let mut round = Round::default();
        let head = self.chain.head().await;
        if let (Ok(head), "") = (&head, prefix) {
            self.look_back(*head, &mut round).await?;
        }
        let mut rows = self.ledger.read()?.outbox_pending()?;
        rows.retain(|row| row.intent().0.starts_with(prefix));
        if rows.is_empty() {
            return Ok(round);
        }
        // In the order of nonces, wishes last: a gap would hold up what comes after it.
        // Among wishes, proofs have a deadline and money has none.
        rows.sort_by_key(|row| {
            let later = !row.intent().0.starts_with(INTENTS);
            let wanted = row.state == OutboxState::Wanted;
            (wanted, wanted && later, row.nonce)
        });
        let head = match head {
            Ok(head) => head,
            Err(error) => {
                for row in &rows {
                    self.note(&row.intent()).why = format!("the chain: {error}");
                }
                return Err(error.into());
            }
        };
        for row in rows {
            let intent = row.intent();
            let step = match row.state {
                OutboxState::Wanted => self.sign(row, head, &mut round).await,
                _ => self.look(row, head, &mut round).await,
            };
            match step {
                Ok(()) => {}
                // Somebody else moved this row on between reading and writing it.
                Err(Error::Ledger(host_ledger::Error::NonceBusy { .. })) => round.pending += 1,
                Err(Error::Chain(error)) => {
                    debug!(intent = %intent, err = %error, "transaction waits");
                    self.note(&intent).why = error.to_string();
                    round.pending += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(round)
    }

    /// What is under way and what it waits for.
    pub fn waiting(&self) -> Result<Vec<Waiting>, Error> {
        let rows = self.ledger.read()?.outbox_pending()?;
        let notes = self.notes();
        let told = rows.into_iter().map(|row| {
            let intent = row.intent();
            let known = notes.get(&intent).map(|note| note.why.clone());
            let known = known.filter(|why| !why.is_empty());
            let newest = row.newest();
            Waiting {
                state: row.state.label(),
                hash: newest.as_ref().map(|form| form.hash),
                nonce: newest.as_ref().map(|form| form.nonce),
                forms: row.forms().len(),
                block: row.mined.map(|mined| mined.block),
                why: known.unwrap_or_else(|| row.reason.clone()),
                intent,
            }
        });
        Ok(told.collect())
    }

    fn notes(&self) -> MutexGuard<'_, HashMap<IntentKey, Note>> {
        // Plain values: a panic in between leaves nothing half written.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> MutexGuard<'_, Option<Vec<OutboxRow>>> {
        // Plain values: a panic in between leaves nothing half written.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, intent: &IntentKey) -> NoteGuard<'_> {
        NoteGuard(self.notes(), intent.clone())
    }

    /// One look at a signed transaction.
    async fn look(&self, row: OutboxRow, head: Head, round: &mut Round) -> Result<(), Error> {
        for form in row.forms() {
            let Some(receipt) = self.chain.receipt(form.hash).await? else {
                continue;
            };
            let canonical = self.chain.block_hash(receipt.block).await?;
            if canonical == Some(receipt.block_hash) {
                return self.mined(row, &form, &receipt, head, round).await;
            }
        }
        if let Some(mined) = row.mined {
            return self.rewind(row, mined, round).await;
        }
        let nonce = self.chain.nonce().await?;
        if nonce > row.nonce {
            return self.taken(row, head, round).await;
        }
        self.note(&row.intent()).taken_since = None;
        // A dearer price helps only the transaction whose turn it is.
        let stuck = head.block >= row.sent_block.saturating_add(BUMP_AFTER);
        if stuck && nonce == row.nonce {
            return self.raise(row, head, round).await;
        }
        round.pending += 1;
        self.send_newest(&row, head, round).await
    }

    /// Sends the newest form to everyone again; a refusal becomes the reason it waits.
    async fn send_newest(
        &self,
        row: &OutboxRow,
        head: Head,
        round: &mut Round,
    ) -> Result<(), Error> {
        let Some(form) = row.newest() else {
            return Ok(());
        };
        let intent = row.intent();
        let why = match self.chain.broadcast(&form.tx()).await {
            Ok(()) => format!("sent at nonce {}, not in a block yet", form.nonce),
            Err(ChainError::Underpriced { .. }) if row.sent_block < head.block => {
                round.pending -= 1;
                return self.raise(row.clone(), head, round).await;
            }
            Err(error) => {
                debug!(intent = %intent, tx = %form.hash, err = %error, "broadcast failed");
                format!("not sent: {error}")
            }
        };
        self.note(&intent).why = why;
        Ok(())
    }

    /// The transaction is in a block: it ends when that is deep enough.
    async fn mined(
        &self,
        row: OutboxRow,
        form: &FormRow,
        receipt: &TxReceipt,
        head: Head,
        round: &mut Round,
    ) -> Result<(), Error> {
        let intent = row.intent();
        let seen = MinedRow {
            hash: form.hash,
            block: receipt.block,
            block_hash: receipt.block_hash,
        };
        let mut row = row;
        if row.mined != Some(seen) {
            row.mined = Some(seen);
            let changed = Fact::OutboxChanged(row.clone());
            self.ledger.commit(vec![changed]).await?;
        }
        let final_at = receipt.block.saturating_add(self.bounds.depth);
        if head.block < final_at {
            self.note(&intent).why = format!(
                "in block {}, final at block {final_at}, head is {}",
                receipt.block, head.block
            );
            round.pending += 1;
            return Ok(());
        }
        if receipt.success {
            let facts = self.effects(&row).await?;
            self.end(&row, OutboxState::Done, "mined", facts).await?;
            round.cashed += 1;
            return Ok(());
        }
        let reason = self.chain.revert_reason(&form.tx(), receipt.block).await?;
        if intent.is_shared() {
            debug!(intent = %intent, tx = %form.hash, err = reason, "somebody else was faster");
        } else {
            warn!(intent = %intent, tx = %form.hash, err = reason, "transaction failed on chain");
        }
        self.end(&row, OutboxState::Failed, &reason, Vec::new())
            .await?;
        round.failed += 1;
        Ok(())
    }

    /// A reorganisation took the block away: back to broadcast with the same bytes.
    async fn rewind(
        &self,
        mut row: OutboxRow,
        mined: MinedRow,
        round: &mut Round,
    ) -> Result<(), Error> {
        let intent = row.intent();
        row.mined = None;
        row.reason = format!("a reorganisation took block {} away", mined.block);
        let block = mined.block;
        warn!(intent = %intent, tx = %mined.hash, block, "transaction left its block");
        self.note(&intent).why = row.reason.clone();
        let forms = row.forms();
        self.ledger.commit(vec![Fact::OutboxChanged(row)]).await?;
        round.rewound += 1;
        round.pending += 1;
        if let Some(form) = forms.iter().find(|form| form.hash == mined.hash)
            && let Err(error) = self.chain.broadcast(&form.tx()).await
        {
            debug!(intent = %intent, tx = %form.hash, err = %error, "broadcast failed");
        }
        Ok(())
    }

    /// Signs a dearer form, writes it down, sends it. At a bound the newest form is sent again.
    async fn raise(&self, row: OutboxRow, head: Head, round: &mut Round) -> Result<(), Error> {
        let intent = row.intent();
        let Some(newest) = row.newest() else {
            return Ok(());
        };
        round.pending += 1;
        let raised = self.chain.bump(&newest.tx(), self.bounds.cost_max).await;
        let dearer = match raised {
            Ok(dearer) => dearer,
            Err(error @ (ChainError::FeeCap { .. } | ChainError::Signer(_))) => {
                let _ = self.chain.broadcast(&newest.tx()).await;
                if self.clear(&row, head).await? {
                    return Ok(());
                }
                let what = match error {
                    ChainError::FeeCap { .. } => "gas is too dear",
                    _ => "the price is not raised",
                };
                self.note(&intent).why = format!("{what}: {error}");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        info!(intent = %intent, nonce = dearer.nonce, tx = %dearer.hash, "transaction fee raised");
        let row = row.signed(dearer.clone(), head.block);
        self.ledger.commit(vec![Fact::OutboxChanged(row)]).await?;
        round.raised += 1;
        let sent = self.chain.broadcast(&dearer).await;
        self.note(&intent).why = match sent {
            Ok(()) => format!("sent dearer at nonce {}", dearer.nonce),
            Err(error) => format!("dearer form not sent: {error}"),
        };
        Ok(())
    }

    /// Frees the nonce of a transaction that may not cost more, when others wait behind it: an
    /// empty transaction of the account to itself, dearer than any form, takes the nonce, and the
    /// intent is signed at a later one (`taken`). Nothing is written down: it moves nothing, and
    /// whether it or a form is mined, the nonce tells. Whether it was sent.
    async fn clear(&self, row: &OutboxRow, head: Head) -> Result<bool, Error> {
        let stuck = head.block >= row.sent_block.saturating_add(CLEAR_AFTER);
        let behind = self.ledger.read()?.outbox_pending()?;
        let own = row.intent();
        let behind = behind.iter().filter(|other| other.intent() != own);
        let waits = behind.filter(|other| other.newest().is_some_and(|one| one.nonce > row.nonce));
        let (Some(newest), Some(waiting)) = (row.newest(), waits.map(OutboxRow::intent).next())
        else {
            return Ok(false);
        };
        if !stuck {
            return Ok(false);
        }
        let cost_max = self.bounds.cost_max;
        let Ok(empty) = self.chain.clear(&newest.tx(), cost_max).await else {
            return Ok(false);
        };
        if self.chain.broadcast(&empty).await.is_err() {
            return Ok(false);
        }
        info!(intent = %own, nonce = empty.nonce, tx = %empty.hash, "stuck nonce is cleared");
        self.note(&own).why = format!(
            "nonce {} is cleared by an empty transaction, since {waiting} waits behind it; then it \
             is signed again",
            empty.nonce
        );
        Ok(true)
    }

    /// The account has gone past the nonce and no form is in a block: another transaction has it,
    /// once that has stood for the depth.
    async fn taken(&self, row: OutboxRow, head: Head, round: &mut Round) -> Result<(), Error> {
        let intent = row.intent();
        let wait = self.bounds.depth.max(TAKEN_DEPTH_MIN);
        let since = *self.note(&intent).taken_since.get_or_insert(head.block);
        if head.block < since.saturating_add(wait) {
            self.note(&intent).why = format!(
                "nonce {} seems used by another transaction since block {since}",
                row.nonce
            );
            round.pending += 1;
            return Ok(());
        }
        let Some(newest) = row.newest() else {
            return Ok(());
        };
        let mut nonces: Vec<u64> = row.forms().iter().map(|form| form.nonce).collect();
        nonces.dedup();
        if nonces.len() >= NONCES_MAX {
            let reason = format!("other transactions used its {} nonces", nonces.len());
            round.ended += 1;
            return self
                .end(&row, OutboxState::Replaced, &reason, Vec::new())
                .await;
        }
        let floor = self.nonce_floor()?;
        match self.chain.again(&newest.tx(), floor).await {
            Ok(tx) if self.chain.cost_of(&tx) > self.bounds.cost_max => {
                let (cost, cap) = (self.chain.cost_of(&tx), self.bounds.cost_max);
                self.note(&intent).why = format!("gas is too dear: {cost} wei of {cap}");
                round.pending += 1;
                Ok(())
            }
            Ok(tx) => {
                info!(intent = %intent, nonce = tx.nonce, "nonce was taken, signed at another one");
                let row = row.signed(tx, head.block);
                self.ledger
                    .commit(vec![Fact::OutboxChanged(row.clone())])
                    .await?;
                self.note(&intent).taken_since = None;
                round.pending += 1;
                self.send_newest(&row, head, round).await
            }
            Err(ChainError::Reverted { reason, .. }) => {
                let reason = format!(
                    "nonce {} was used by another transaction, and now: {reason}",
                    row.nonce
                );
                round.ended += 1;
                let facts = self.effects(&row).await?;
                self.end(&row, OutboxState::Replaced, &reason, facts).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The lowest nonce no transaction under way holds, beyond them all.
    fn nonce_floor(&self) -> Result<u64, Error> {
        let rows = self.ledger.read()?.outbox_pending()?;
        let nonces = rows.iter().flat_map(OutboxRow::forms);
        Ok(nonces.map(|form| form.nonce + 1).max().unwrap_or(0))
    }

    /// Ends a transaction together with its effects.
    async fn end(
        &self,
        row: &OutboxRow,
        state: OutboxState,
        reason: &str,
        mut facts: Vec<Fact>,
    ) -> Result<(), Error> {
        let intent = row.intent();
        facts.push(Fact::OutboxDone {
            intent: intent.clone(),
            state,
            reason: reason.to_owned(),
        });
        self.ledger.commit(facts).await?;
        self.notes().remove(&intent);
        self.remember(OutboxRow {
            state,
            reason: reason.to_owned(),
            ..row.clone()
        });
        info!(intent = %intent, state = state.label(), err = reason, "transaction ended");
        Ok(())
    }
}

/// One note, held while it is changed.
struct NoteGuard<'a>(MutexGuard<'a, HashMap<IntentKey, Note>>, IntentKey);

impl std::ops::Deref for NoteGuard<'_> {
    type Target = Note;

    fn deref(&self) -> &Note {
        static NONE: Note = Note {
            taken_since: None,
            why: String::new(),
        };
        self.0.get(&self.1).unwrap_or(&NONE)
    }
}

impl std::ops::DerefMut for NoteGuard<'_> {
    fn deref_mut(&mut self) -> &mut Note {
        self.0.entry(self.1.clone()).or_default()
    }
}
