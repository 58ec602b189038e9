//! A guard's challenges on chain: opened with its bond, followed, claimed when nobody answers.
//!
//! Enters: an accusation with the host's own inclusion proof. Leaves: transactions of the guard's
//! account, and how each challenge ended. Invariants: an accusation is durable before it leaves, so
//! that a crash never opens a second one; one an agreement; the contract alone judges. Does not:
//! find out who lost what.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use host_core::seams::{Chain, ChainCall, DatasetEntry, DisputeChain, DisputeVerb};
use host_core::{Address, AgreementDigest, Amount, ObjectId, PeerId};

use super::files::{Accused, Files};
use crate::error::Error;

/// Bonds approved at once.
const BONDS: u128 = 8;
/// Answer times after which a challenge that the contract never showed did not get there.
const LOST_AFTER: u64 = 2;

/// Who opens and follows the challenges of one account.
pub struct Accuser {
    files: Files,
    chain: Arc<dyn Chain>,
    disputes: Arc<dyn DisputeChain>,
    own: Address,
    /// An approval of bonds is under way.
    approving: AtomicBool,
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
            approving: AtomicBool::new(false),
        })
    }

    /// Whether an agreement was ever challenged by this account.
    pub fn knows(&self, agreement: &AgreementDigest) -> Result<bool, Error> {
        Ok(self.files.accused(agreement)?.is_some())
    }

    /// Challenges a host; whether the challenge left. The first time the contract is only let take
    /// bonds, and the challenge leaves at the next call. Durable before it is sent.
    pub async fn accuse(&self, about: &Accusation, inclusion: Vec<u8>) -> Result<bool, Error> {
        if self.knows(&about.entry.agreement)? {
            return Ok(false);
        }
        let (bond, _) = self.disputes.terms().await?;
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
        if let Err(err) = self.disputes.try_call(self.own, &verb).await {
            tracing::debug!(err = %err, "a challenge would be refused");
            if !self.approving.swap(true, Ordering::Relaxed) {
                let sum = Amount(bond.0.saturating_mul(BONDS));
                self.send(&DisputeVerb::Approve { sum }).await?;
            }
            return Ok(false);
        }
        self.approving.store(false, Ordering::Relaxed);
        let accused = Accused {
            object: about.object,
            host: peer,
            agreement: about.entry.agreement,
            since: self.disputes.head().await?.block,
            seen: false,
            claimed: false,
            ended: None,
        };
        self.files.keep_accused(&accused.agreement, &accused)?;
        self.send(&verb).await?;
        let agreement = accused.agreement;
        tracing::info!(%peer, %agreement, %bond, "challenged on chain");
        Ok(true)
    }

    async fn send(&self, verb: &DisputeVerb) -> Result<(), Error> {
        let call = self.disputes.call(verb)?;
        let call = ChainCall::Contract {
            what: verb.what(),
            to: call.to,
            value: Amount::ZERO,
            data: call.data,
        };
        let tx = self.chain.prepare(call, 0).await?;
        Ok(self.chain.broadcast(&tx).await?)
    }

    /// Looks at what is open: claims what nobody answered in time, writes down what ended, and
    /// returns that.
    pub async fn follow(&self) -> Result<Vec<(ObjectId, AgreementDigest, Ending)>, Error> {
        let mut running = self.files.all_accused()?;
        running.retain(|accused| accused.ended.is_none());
        let mut over = Vec::new();
        for accused in running {
            if let Some(ending) = self.follow_one(&accused).await? {
                over.push((accused.object, accused.agreement, ending));
            }
        }
        Ok(over)
    }

    async fn follow_one(&self, before: &Accused) -> Result<Option<Ending>, Error> {
        let head = self.disputes.head().await?.block;
        let (_, blocks) = self.disputes.terms().await?;
        let open = self.disputes.open_on(before.host.address()?, before.since);
        let mut open = open.await?.into_iter();
        let is_mine = |agreement: &AgreementDigest, challenger: &Address| {
            *challenger == self.own && *agreement == before.agreement
        };
        let mine = open.find(|one| is_mine(&one.entry.agreement, &one.challenger));
        let late = before
            .since
            .saturating_add(blocks.saturating_mul(LOST_AFTER));
        let mut after = before.clone();
        let ending = match mine {
            Some(one) => {
                after.seen = true;
                if head > one.until {
                    let claim = DisputeVerb::Claim { id: one.id };
                    after.claimed = true;
                    if self.disputes.try_call(self.own, &claim).await.is_ok() {
                        self.send(&claim).await?;
                    }
                }
                None
            }
            None if before.claimed => Some(Ending::Slashed),
            None if before.seen => Some(Ending::Answered),
            // Answered between two looks, or never there.
            None if head > late => Some(Ending::Unseen),
            None => None,
        };
        if let Some(ending) = &ending {
            let how = ending.label();
            tracing::info!(peer = %before.host, agreement = %before.agreement, how);
            after.ended = Some(how.to_owned());
        }
        if after != *before {
            self.files.keep_accused(&after.agreement, &after)?;
        }
        Ok(ending)
    }
}
