//! Release: what a host earned under agreements whose money waits in the escrow.
//!
//! Enters: the ledger's agreements, the prover's dataset and the escrow's word. Leaves: wishes in
//! the outbox, one transaction for several proven epochs of an agreement. Invariants: an epoch is
//! asked for only when the contract would pay it now; inclusion is shown in the dataset that the
//! epoch's own proof was about; nothing is remembered that the chain would not tell again, so a
//! crash at any place pays nothing twice. Does not: send, or take back what was missed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use host_core::AgreementDigest;
use host_core::agreement::{Agreement, PayMode};
use host_core::seams::{ChainError, Claimed, Escrow, LeaseState};
use host_ledger::{AgreementRow, AgreementState, CallRow, IntentKey, Ledger, OutboxRow};
use tracing::{debug, info};

use crate::error::Error;
use crate::outbox::Outbox;
use crate::prove::Prover;

/// How the intents of this room begin.
pub const INTENTS: &str = "escrow/";
/// Agreements read a page at a time.
const PAGE: usize = 256;
/// Epochs back for which the contract of proofs answers.
const HISTORY: u64 = 31;
/// Epochs of one transaction: the escrow's own bound.
const BATCH_MAX: usize = 32;

/// Has proven epochs paid.
pub struct Releaser {
    ledger: Ledger,
    escrow: Arc<dyn Escrow>,
    prover: Arc<Prover>,
    /// The first epoch of each agreement that may still be paid, as far as it was looked.
    seen: OnceLock<Mutex<Seen>>,
}

type Seen = HashMap<AgreementDigest, u64>;

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // Plain values: a panic in between leaves nothing half written.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an epoch of an agreement is worth looking at.
enum Look {
    /// Paid, or can never be.
    Over,
    /// Not now.
    Later,
    /// The contract would pay it.
    Ready(Claimed),
}

impl Releaser {
    /// A releaser; nothing is read or sent.
    #[must_use]
    pub fn new(ledger: Ledger, escrow: Arc<dyn Escrow>, prover: Arc<Prover>) -> Self {
        Self {
            ledger,
            escrow,
            prover,
            seen: OnceLock::new(),
        }
    }

    /// The escrow's word, for whoever checks locks.
    #[must_use]
    pub const fn escrow(&self) -> &Arc<dyn Escrow> {
        &self.escrow
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        locked(self.seen.get_or_init(Mutex::default))
    }

    /// Looks at every agreement in the escrow at epoch `now` and writes a wish for each whose
    /// proven epochs are `batch` or more, or cannot wait: half the claim window is over, or the
    /// term is. Returns how many wishes were written. Cost: a walk over the open agreements; the
    /// first look walks the ended ones too.
    /// Durability: each is committed when this returns.
    pub async fn look(&self, outbox: &Outbox, now: u64, batch: usize) -> Result<usize, Error> {
        if self.prover.report().block == 0 {
            // What the dataset holds is not known before the prover's first turn.
            return Ok(0);
        }
        let claim = self.escrow.claim_epochs().await?;
        let mut rest = self.ended()?;
        let (mut wishes, mut after) = (0, None);
        loop {
            let page = self.ledger.read()?.agreements(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.digest);
            for row in &page {
                rest.remove(&row.digest);
                wishes += self.one(outbox, row, (now, claim), batch).await?;
            }
        }
        for name in rest {
            match self.ledger.read()?.agreement(&name)? {
                Some(row) => wishes += self.one(outbox, &row, (now, claim), batch).await?,
                None => drop(self.seen().remove(&name)),
            }
        }
        Ok(wishes)
    }

    /// Agreements to be looked at although they may have ended: those looked at before, and at
    /// the first look all that ended.
    fn ended(&self) -> Result<HashSet<AgreementDigest>, Error> {
        if let Some(seen) = self.seen.get() {
            return Ok(locked(seen).keys().copied().collect());
        }
        let (mut names, mut after) = (HashSet::new(), None);
        loop {
            let page = self.ledger.read()?.ended_agreements(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.digest);
            let held = |row: &&AgreementRow| row.signed.terms.pay_mode == PayMode::Escrow;
            names.extend(page.iter().filter(held).map(|row| row.digest));
        }
        Ok(names)
    }

    /// Looks at one agreement; how many wishes were written. What its renter gave up is not
    /// claimed any more.
    async fn one(
        &self,
        outbox: &Outbox,
        row: &AgreementRow,
        (now, claim): (u64, u64),
        batch: usize,
    ) -> Result<usize, Error> {
        let (name, terms) = (row.digest, &row.signed.terms);
        if terms.pay_mode != PayMode::Escrow {
            return Ok(0);
        }
        let kept = matches!(row.state, AgreementState::Active | AgreementState::Expired);
        if !kept || now > terms.end_epoch + claim {
            self.seen().remove(&name);
            return Ok(0);
        }
        if self.under_way(&name)? {
            return Ok(0);
        }
        let claims = self.ready(&name, terms, now).await?;
        let Some((first, last)) = claims.first().zip(claims.last()) else {
            return Ok(0);
        };
        let waits = claims.len() < batch.clamp(1, BATCH_MAX)
            && now < first.epoch + claim.div_ceil(2)
            && now < terms.end_epoch;
        if waits || self.escrow.lease(name).await?.state != LeaseState::Open {
            return Ok(0);
        }
        let (first, last) = (first.epoch, last.epoch);
        let call = self.escrow.release(terms, &claims).await?;
        let row = OutboxRow::wanted_call(
            IntentKey(format!("{INTENTS}{name}/{first}-{last}")),
            CallRow::from(call),
        );
        let count = claims.len();
        let wanted = outbox.want(row).await?;
        if wanted {
            info!(agreement = %name, count, "proven epochs are asked of the escrow");
        }
        Ok(usize::from(wanted))
    }

    fn under_way(&self, name: &AgreementDigest) -> Result<bool, Error> {
        let prefix = format!("{INTENTS}{name}/");
        let pending = self.ledger.read()?.outbox_pending()?;
        Ok(pending
            .iter()
            .any(|row| row.intent().0.starts_with(&prefix)))
    }

    /// The epochs the contract would pay now, oldest first.
    async fn ready(
        &self,
        name: &AgreementDigest,
        terms: &Agreement,
        now: u64,
    ) -> Result<Vec<Claimed>, Error> {
        let known = self.seen().get(name).copied().unwrap_or(0);
        let first = terms
            .start_epoch
            .max(known)
            .max(now.saturating_sub(HISTORY));
        let (mut claims, mut from) = (Vec::new(), first);
        for epoch in first..terms.end_epoch.min(now) {
            match self.epoch(name, terms, (epoch, now)).await? {
                Look::Over if from == epoch => from = epoch + 1,
                Look::Over | Look::Later => {}
                Look::Ready(claim) if claims.len() < BATCH_MAX => claims.push(claim),
                Look::Ready(_) => break,
            }
        }
        self.seen().insert(*name, from);
        Ok(claims)
    }

    async fn epoch(
        &self,
        name: &AgreementDigest,
        terms: &Agreement,
        (epoch, now): (u64, u64),
    ) -> Result<Look, Error> {
        if self.escrow.released(terms, epoch).await? {
            return Ok(Look::Over);
        }
        // An epoch's proof is taken in the one after it; later there is none.
        let settled = now > epoch + 2;
        let inclusion = match self.prover.inclusion_at(name, epoch) {
            Ok(inclusion) => inclusion,
            Err(Error::Uncommitted { .. }) if settled => return Ok(Look::Over),
            Err(Error::Uncommitted { .. }) => return Ok(Look::Later),
            Err(error) => return Err(error),
        };
        let claim = Claimed { epoch, inclusion };
        match self
            .escrow
            .release(terms, std::slice::from_ref(&claim))
            .await
        {
            Ok(_) => Ok(Look::Ready(claim)),
            Err(ChainError::Reverted { reason, .. }) => {
                debug!(agreement = %name, epoch, err = reason, "the escrow does not pay yet");
                Ok(if settled { Look::Over } else { Look::Later })
            }
            Err(error) => Err(error.into()),
        }
    }
}
