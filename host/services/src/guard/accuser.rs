//! A guard's challenges on chain: opened with its bond, followed, claimed when nobody answers.
//!
//! Enters: an accusation with the host's own inclusion proof. Leaves: transactions of the guard's
//! account, and how each challenge ended. Invariants: the signed bytes are durable before they
//! leave, and what was written and never seen is sent again as the same bytes at the same nonce, so
//! that neither a crash nor a dead endpoint opens a second one; another is signed for an agreement
//! only once the first can never get there; the contract alone judges. Does not: find out who lost
//! what.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use host_core::seams::{
    Chain, ChainCall, ChainError, DatasetEntry, DisputeChain, DisputeVerb, ShardChallenge,
    SignedTx, TxReceipt,
};
use host_core::{Address, AgreementDigest, Amount, ObjectId, PeerId};

use super::files::{Accused, Files, Signed};
use crate::error::Error;

/// Bonds approved at once.
const BONDS: u128 = 8;
/// Answer times during which a challenge that the contract does not show is sent again; after them
/// it did not get there.
const SENT_FOR: u64 = 2;

/// Who opens and follows the challenges of one account.
pub struct Accuser {
    files: Files,
    chain: Arc<dyn Chain>,
    disputes: Arc<dyn DisputeChain>,
    own: Address,
    /// The block after which bonds may be approved again.
    approve_after: AtomicU64,
}

/// Whom a challenge is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accusation {
    /// The object whose owner named this guard.
    pub object: ObjectId,
    /// The host.
    pub host: PeerId,
    /// What its dataset has.
    pub entry: DatasetEntry,
    /// The leaf that is asked for.
    pub index: u64,
}

/// How a challenge ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The host showed the leaf and has the bond.
    Answered,
    /// Nobody answered; the host was slashed and the bond is back with a share of that.
    Slashed,
    /// The contract never showed it open.
    Unseen,
}

impl Ending {
    /// In words.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Answered => "the host showed the leaf",
            Self::Slashed => "the host was slashed",
            Self::Unseen => "it never got to the chain, or ended unseen",
        }
    }
}

impl Accuser {
    /// An accuser that writes down what it does below `home`. Nothing is sent.
    /// Errors: the directory cannot be written.
    pub fn open(
        home: &Path,
        chain: Arc<dyn Chain>,
        disputes: Arc<dyn DisputeChain>,
        own: Address,
    ) -> Result<Self, Error> {
        Ok(Self {
            files: Files::open(home)?,
            chain,
            disputes,
            own,
            approve_after: AtomicU64::new(0),
        })
    }

    /// Whether an agreement was challenged by this account, as far as its files say; one that was
    /// never seen on chain may be challenged again.
    pub fn knows(&self, agreement: &AgreementDigest) -> Result<bool, Error> {
        let known = self.files.accused(agreement)?;
        Ok(known.is_some_and(|known| !known.is_unseen()))
    }

    /// Challenges a host; whether it is written down and was sent. The first time the contract is
    /// only let take bonds, and the challenge leaves at a later call. Durable before it is sent:
    /// after an error of the chain `follow` sends what was written.
    pub async fn accuse(&self, about: &Accusation, inclusion: Vec<u8>) -> Result<bool, Error> {
        let before = self.files.accused(&about.entry.agreement)?;
        if before.as_ref().is_some_and(|before| !before.is_unseen()) {
            return Ok(false);
        }
        let (bond, blocks) = self.disputes.terms().await?;
        let peer = about.host;
        if self.disputes.tokens(self.own).await? < bond {
            tracing::warn!(%peer, %bond, "no tokens for the bond of a challenge on chain");
            return Ok(false);
        }
        let verb = DisputeVerb::Open {
            host: peer.address()?,
            entry: about.entry.clone(),
            inclusion,
            index: about.index,
        };
        let head = self.disputes.head().await?.block;
        if let Err(err) = self.disputes.try_call(self.own, &verb).await {
            tracing::debug!(err = %err, "a challenge would be refused");
            self.approve(bond, head, blocks).await?;
            return Ok(false);
        }
        let tx = self.sign(&verb).await?;
        if let Some(signed) = before.and_then(|before| before.tx)
            && !self.replaces(&tx, &signed).await?
        {
            return Ok(false);
        }
        let accused = Accused {
            object: about.object,
            host: peer,
            agreement: about.entry.agreement,
            since: head,
            seen: false,
            claimed: false,
            ended: None,
            tx: Some(Signed::of(&tx)),
        };
        self.files.keep_accused(&accused.agreement, &accused)?;
        self.chain.broadcast(&tx).await?;
        let agreement = accused.agreement;
        tracing::info!(%peer, %agreement, %bond, "challenged on chain");
        Ok(true)
    }

    /// Lets the contract take bonds, once an answer time.
    async fn approve(&self, bond: Amount, head: u64, blocks: u64) -> Result<(), Error> {
        if head < self.approve_after.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sum = Amount(bond.0.saturating_mul(BONDS));
        let tx = self.sign(&DisputeVerb::Approve { sum }).await?;
        self.chain.broadcast(&tx).await?;
        let after = head.saturating_add(blocks);
        self.approve_after.store(after, Ordering::Relaxed);
        Ok(())
    }

    /// Whether of `fresh` and an older challenge at most one can still open anything: they share a
    /// nonce, or the older one's nonce was used by something else or by its own failure.
    async fn replaces(&self, fresh: &SignedTx, old: &Signed) -> Result<bool, Error> {
        if fresh.nonce <= old.nonce {
            return Ok(true);
        }
        let receipt = self.chain.receipt(old.tx().hash).await?;
        let mined = self.chain.nonce().await?;
        Ok(match receipt {
            Some(receipt) => !receipt.success,
            None => mined > old.nonce,
        })
    }

    async fn sign(&self, verb: &DisputeVerb) -> Result<SignedTx, Error> {
        let call = self.disputes.call(verb)?;
        let call = ChainCall::Contract {
            what: verb.what(),
            to: call.to,
            value: Amount::ZERO,
            data: call.data,
        };
        Ok(self.chain.prepare(call, 0).await?)
    }

    /// Sends the same bytes again; whether they can still get into a block.
    async fn send_again(&self, signed: &Signed) -> Result<bool, Error> {
        match self.chain.broadcast(&signed.tx()).await {
            Err(ChainError::NonceTaken { .. }) => Ok(false),
            // A dearer one of ours waits at this nonce.
            Err(ChainError::Underpriced { .. }) | Ok(()) => Ok(true),
            Err(other) => Err(other.into()),
        }
    }

    /// Looks at what is open: sends what never got there, claims what nobody answered in time,
    /// writes down what ended, and returns that. What the chain does not answer about waits for
    /// the next call, and holds up nothing else. Errors: the first of those, once all were tried.
    pub async fn follow(&self) -> Result<Vec<(ObjectId, AgreementDigest, Ending)>, Error> {
        let mut running = self.files.all_accused()?;
        running.retain(|accused| accused.ended.is_none());
        let (mut over, mut broken) = (Vec::new(), None);
        for accused in running {
            match self.follow_one(&accused).await {
                Ok(Some(ending)) => over.push((accused.object, accused.agreement, ending)),
                Ok(None) => {}
                Err(err) => broken = broken.or(Some(err)),
            }
        }
        match broken {
            // An ending is told once: it goes before an error that comes again.
            Some(err) if over.is_empty() => Err(err),
            _ => Ok(over),
        }
    }

    async fn follow_one(&self, before: &Accused) -> Result<Option<Ending>, Error> {
        // The receipt before the list: what the list lacks then has ended.
        let receipt = match &before.tx {
            Some(signed) => self.chain.receipt(signed.tx().hash).await?,
            None => None,
        };
        let head = self.disputes.head().await?.block;
        let (_, blocks) = self.disputes.terms().await?;
        let open = self.disputes.open_on(before.host.address()?, before.since);
        let mut open = open.await?.into_iter();
        let is_mine = |agreement: &AgreementDigest, challenger: &Address| {
            *challenger == self.own && *agreement == before.agreement
        };
        let mine = open.find(|one| is_mine(&one.entry.agreement, &one.challenger));
        let late = before.since.saturating_add(blocks.saturating_mul(SENT_FOR));
        if let Some(one) = mine {
            let spoiled = receipt.is_some_and(|receipt| !receipt.success);
            self.claim_late(before, &one, head, spoiled).await?;
            return Ok(None);
        }
        let ended = if before.claimed || before.seen {
            self.closed(before, receipt.as_ref()).await?
        } else {
            match (receipt, &before.tx) {
                // Opened and answered between two looks.
                (Some(at), _) if at.success => (head > at.block).then_some(Ending::Answered),
                (Some(_), _) => Some(Ending::Unseen),
                (None, _) if head > late => Some(Ending::Unseen),
                (None, Some(signed)) if !self.send_again(signed).await? => Some(Ending::Unseen),
                (None, _) => None,
            }
        };
        if let Some(ending) = &ended {
            let how = ending.label();
            tracing::info!(peer = %before.host, agreement = %before.agreement, how);
            let mut after = before.clone();
            after.seen |= *ending != Ending::Unseen;
            after.ended = Some(how.to_owned());
            self.files.keep_accused(&after.agreement, &after)?;
        }
        Ok(ended)
    }

    /// How a challenge ended that was open once.
    async fn closed(
        &self,
        before: &Accused,
        receipt: Option<&TxReceipt>,
    ) -> Result<Option<Ending>, Error> {
        let Some(claim) = before.tx.as_ref().filter(|_| before.claimed) else {
            let claimed = before.claimed.then_some(Ending::Slashed);
            return Ok(claimed.or(Some(Ending::Answered)));
        };
        Ok(match receipt {
            Some(receipt) if receipt.success => Some(Ending::Slashed),
            Some(_) => Some(Ending::Answered),
            None => (!self.send_again(claim).await?).then_some(Ending::Answered),
        })
    }

    /// What is open was seen; past its time it is claimed, durably before the claim leaves, and
    /// again when the claim was `spoiled`.
    async fn claim_late(
        &self,
        before: &Accused,
        open: &ShardChallenge,
        head: u64,
        spoiled: bool,
    ) -> Result<(), Error> {
        let mut after = before.clone();
        after.seen = true;
        if head <= open.until {
            if after != *before {
                self.files.keep_accused(&after.agreement, &after)?;
            }
            return Ok(());
        }
        if let Some(signed) = before.tx.as_ref().filter(|_| before.claimed && !spoiled)
            && self.send_again(signed).await?
        {
            return Ok(());
        }
        let claim = DisputeVerb::Claim { id: open.id };
        if let Err(err) = self.disputes.try_call(self.own, &claim).await {
            tracing::debug!(err = %err, "a claim would be refused");
            return Ok(());
        }
        let tx = self.sign(&claim).await?;
        (after.claimed, after.tx) = (true, Some(Signed::of(&tx)));
        self.files.keep_accused(&after.agreement, &after)?;
        self.chain.broadcast(&tx).await?;
        Ok(())
    }
}

impl Accused {
    /// Whether it ended without the contract ever having had it.
    fn is_unseen(&self) -> bool {
        self.ended.is_some() && !self.seen && self.tx.is_some()
    }
}
