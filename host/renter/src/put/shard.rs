//! One shard on one host: terms, bytes, receipt, first cheque, each step written into the session's
//! journal before the next.
//!
//! Invariants: terms are in the journal before they leave, so that whatever a host may have signed
//! can be gone on with or released; the cheque leaves only after a receipt that verifies, under
//! the host's purse, with its sum in the book; a shard counts as placed only after its cheque was
//! accepted, and that is flushed before anything else is done with it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::announce::HostOffer;
use host_core::object::Place;
use host_core::seams::{ChainError, LeaseState, LinkError, PeerAddr};
use host_core::wire::RefusalCode;
use host_core::{AgreementId, Amount, ShardId, limits};
use host_transfer::pay;
use host_transfer::upload::{self, Opened, StoredShard};

use super::Put;
use super::body::Body;
use super::segment::{Race, Track};
use crate::error::Error;
use crate::fault::Fault;
use crate::progress::Phase;
use crate::purse::{Debt, Purse};
use crate::session::{Entry, ShardState, Trial};

/// Times a cheque whose answer was lost is handed over again.
const ANSWERS_LOST_MAX: u32 = 2;
/// Pause before that.
const ANSWER_AGAIN: Duration = Duration::from_millis(500);

fn addr(place: &Place) -> PeerAddr {
    PeerAddr {
        peer: place.host,
        addrs: place.addrs.clone(),
    }
}

impl Put<'_> {
    /// Draws terms for a shard on a host and writes them down; nothing leaves yet.
    pub(super) fn propose(
        &self,
        offer: &HostOffer,
        body: &Body,
        index: u16,
        now: u64,
    ) -> Result<Trial, Error> {
        let id = *body.ids.get(usize::from(index)).ok_or(Error::Worker)?;
        let terms = self.terms(offer, id, body.shard_len, now)?;
        let place = Place {
            segment: body.segment,
            index,
            host: offer.peer,
            addrs: offer.addrs.clone(),
            agreement: terms.digest(self.inner.network.chain_id),
        };
        let at_ms = self.inner.clock.wall_ms();
        self.noted.mention(&Entry::Proposed {
            place: place.clone(),
            terms: terms.clone(),
            at_ms,
        })?;
        Ok(Trial::new(place, Some(terms), at_ms))
    }

    fn terms(
        &self,
        offer: &HostOffer,
        shard: ShardId,
        shard_len: u64,
        now: u64,
    ) -> Result<Agreement, Error> {
        let mut number = [0; 32];
        self.inner.entropy.fill(&mut number);
        Ok(Agreement {
            network: self.inner.id,
            id: AgreementId(number),
            renter: self.inner.owner,
            host: offer.peer.address()?,
            payout: offer.payout,
            shard,
            shard_len,
            codec: self.geometry.codec.id(),
            price: offer.price,
            start_epoch: now,
            end_epoch: self.end_epoch,
            egress_price: offer.egress_price,
            pay_mode: self.pay,
            nonce: 0,
        })
    }

    /// A host's whole part under terms that were written down.
    pub(super) async fn try_host(
        &self,
        body: &Body,
        race: &Race,
        trial: &Trial,
        track: &Track,
    ) -> Result<(), Fault> {
        let terms = trial.terms.as_ref().ok_or(Fault::Left)?;
        if terms.pay_mode == PayMode::Escrow {
            self.lock(trial, terms, track).await?;
        }
        let mut stored = self.deliver(body, trial, terms, track).await?;
        self.note_receipt(trial, &stored);
        self.noted.step(&trial.place, ShardState::Stored)?;
        self.progress.send_modify(|p| p.shards_stored += 1);
        let paid = self.pay((race, body), trial, terms, Some(&mut stored), track);
        self.phases.poll(Phase::Cheques, paid).await?;
        stored.close().await;
        Ok(())
    }

    fn note_receipt(&self, trial: &Trial, stored: &StoredShard) {
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.insert(trial.place.agreement, stored.receipt.clone());
    }

    /// What an earlier run left: with a receipt in hand only the cheque is owed, and it is the
    /// same cheque when it had left already; without one the same terms are asked for again.
    pub(super) async fn go_on(
        &self,
        body: &Body,
        race: &Race,
        trial: &Trial,
        track: &Track,
    ) -> Result<(), Fault> {
        let terms = trial.terms.as_ref().ok_or(Fault::Left)?;
        if body.ids.get(usize::from(trial.place.index)) != Some(&terms.shard) {
            return Err(Fault::Left);
        }
        match trial.state {
            ShardState::Stored | ShardState::Paying => {
                let paid = self.pay((race, body), trial, terms, None, track);
                self.phases.poll(Phase::Cheques, paid).await
            }
            _ => self.try_host(body, race, trial, track).await,
        }
    }

    /// Agreement and bytes, until the host's receipt verifies.
    async fn deliver(
        &self,
        body: &Body,
        trial: &Trial,
        terms: &Agreement,
        track: &Track,
    ) -> Result<StoredShard, Fault> {
        let inner = self.inner;
        let chain_id = inner.network.chain_id;
        let to = addr(&trial.place);
        let signature = terms.sign(chain_id, &inner.key);
        let peers = inner.peers.as_ref();
        let opened = upload::open(peers, &to, chain_id, &inner.id, terms, signature);
        let opened = self.phases.poll(Phase::Agree, opened).await?;
        self.phases.note_peak(Phase::Agree);
        self.moved(track);
        let mut stream = match opened {
            Opened::Stored(stored) => return Ok(stored),
            Opened::Send(stream) => stream,
        };
        self.noted.step(&trial.place, ShardState::Agreed)?;
        let bytes = self.bytes(body, trial.place.index).await?;
        let since = inner.clock.monotonic();
        let sent = async {
            for run in bytes.chunks(limits::BODY_LEN_MAX) {
                stream.send(run).await?;
                self.moved(track);
                let moved = u64::try_from(run.len()).unwrap_or(0);
                self.progress.send_modify(|p| p.bytes_moved += moved);
            }
            stream.finish().await
        };
        let stored = self.phases.poll(Phase::Send, sent).await?;
        self.phases.note_peak(Phase::Send);
        self.moved(track);
        let took = inner.clock.monotonic().saturating_sub(since);
        let speeds = &inner.speeds;
        speeds.sent(trial.place.host, terms, &stored.receipt, took);
        Ok(stored)
    }

    /// Locks the price in the escrow, once: asks the host for its signature, and again only the
    /// chain when that is locked already. From here on the host is not cut until it is in a block.
    async fn lock(&self, trial: &Trial, terms: &Agreement, track: &Track) -> Result<(), Fault> {
        let inner = self.inner;
        let escrow = inner.escrow()?;
        let chain_id = inner.network.chain_id;
        let known = escrow.lease(trial.place.agreement).await;
        if known.map_err(Error::from)?.state == LeaseState::Open {
            return Ok(());
        }
        let renter_signature = terms.sign(chain_id, &inner.key);
        let (peers, to) = (inner.peers.as_ref(), addr(&trial.place));
        let opened = upload::open(peers, &to, chain_id, &inner.id, terms, renter_signature);
        let host_signature = match self.phases.poll(Phase::Agree, opened).await? {
            Opened::Stored(stored) => {
                let signature = stored.host_signature;
                stored.close().await;
                signature
            }
            Opened::Send(stream) => {
                let signature = stream.host_signature();
                stream.leave().await;
                signature
            }
        };
        self.noted.step(&trial.place, ShardState::Agreed)?;
        let signed = SignedAgreement {
            terms: terms.clone(),
            renter_signature,
            host_signature,
        };
        track.paying.store(true, Ordering::Release);
        let locking = escrow.lock(&signed, self.budget);
        let locked = self.phases.poll(Phase::Cheques, locking).await;
        track.paying.store(false, Ordering::Release);
        self.moved(track);
        let locked = locked.map_err(|error| match error {
            refused @ ChainError::Reverted { .. } => Fault::Lock(refused),
            other => Fault::Own(other.into()),
        })?;
        let mut sum = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        *sum = sum.plus(locked).map_err(Error::from)?;
        Ok(())
    }

    /// The first epoch's cheque: over the upload's own stream while that lives, else over one of
    /// its own. From here on the host is not cut any more.
    async fn pay(
        &self,
        (race, body): (&Race, &Body),
        trial: &Trial,
        terms: &Agreement,
        stored: Option<&mut StoredShard>,
        track: &Track,
    ) -> Result<(), Fault> {
        if terms.pay_mode == PayMode::Escrow {
            // Locked before the bytes left: nothing more is owed.
            self.noted.step(&trial.place, ShardState::Paying)?;
            return Ok(self.note_paid(trial, Amount::ZERO)?);
        }
        race.covered
            .get_or_try_init(|| self.cover_segment(body))
            .await?;
        let to = addr(&trial.place);
        let debt = Debt {
            terms,
            paid_through: terms.start_epoch,
            through_epoch: terms.start_epoch + 1,
        };
        let mut purse = Purse::take(self.inner, terms.host).await?;
        track.paying.store(true, Ordering::Release);
        self.noted.step(&trial.place, ShardState::Paying)?;
        let mut promised = match stored {
            Some(stored) => {
                let turn = purse.pay(&to, debt, |through, cheque| stored.pay(through, cheque));
                turn.await
            }
            None => self.pay_apart(&mut purse, &to, debt).await,
        };
        for _ in 0..ANSWERS_LOST_MAX {
            if !matches!(&promised, Err(Fault::Talk(error)) if is_lost(error)) {
                break;
            }
            self.inner.clock.sleep(ANSWER_AGAIN).await;
            promised = self.pay_apart(&mut purse, &to, debt).await;
        }
        drop(purse);
        if matches!(&promised, Err(Fault::Talk(e)) if is_refused(e, RefusalCode::Cover)) {
            self.cover_segment(body).await?;
        }
        self.note_paid(trial, promised?)?;
        Ok(())
    }

    async fn pay_apart(
        &self,
        purse: &mut Purse<'_>,
        to: &PeerAddr,
        debt: Debt<'_>,
    ) -> Result<Amount, Fault> {
        let agreement = debt.terms.digest(self.inner.network.chain_id);
        let peers = self.inner.peers.as_ref();
        let hand = |through, cheque| pay::pay(peers, to, agreement, through, cheque);
        purse.pay(to, debt, hand).await
    }

    fn note_paid(&self, trial: &Trial, promised: Amount) -> Result<(), Error> {
        self.phases.note_peak(Phase::Cheques);
        self.noted.note(&Entry::Placed(trial.place.clone()))?;
        self.progress.send_modify(|p| {
            p.shards_paid += 1;
            p.issued = Amount(p.issued.0.saturating_add(promised.0));
        });
        let agreement = trial.place.agreement;
        let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
        loose.retain(|other| other.place.agreement != agreement);
        drop(loose);
        let mut terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        terms.extend(trial.terms.clone().map(|terms| (agreement, terms)));
        drop(terms);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.push(trial.place.clone());
        Ok(())
    }

    /// Writes down that a host is left and why; its agreement is released with the others at the
    /// end. Returns the reason in words, or a fault of our own, which ends the put.
    /// `fresh` says that these terms were proposed for the first time just now.
    pub(super) fn give_up(
        &self,
        trial: &Trial,
        fault: Fault,
        fresh: bool,
    ) -> Result<String, Error> {
        let words = fault.to_string();
        let never = fresh && never_agreed(&fault);
        let state = if never {
            ShardState::Released
        } else {
            ShardState::GivenUp
        };
        self.noted.fault(&trial.place, state, &fault)?;
        if !never {
            let mut loose = self.loose.lock().unwrap_or_else(PoisonError::into_inner);
            loose.retain(|other| other.place.agreement != trial.place.agreement);
            loose.push(trial.clone());
        }
        match fault {
            Fault::Own(error) => Err(error),
            _ => Ok(words),
        }
    }
}

/// Whether the host cannot have signed: it was never reached.
const fn never_agreed(fault: &Fault) -> bool {
    use host_transfer::Error::Link;
    matches!(
        fault,
        Fault::Talk(Link(
            LinkError::Unreachable { .. }
                | LinkError::Unsupported { .. }
                | LinkError::Refused { .. }
        ))
    )
}

/// Whether the cheque may have arrived although no answer came.
const fn is_lost(error: &host_transfer::Error) -> bool {
    matches!(
        error,
        host_transfer::Error::Link(_) | host_transfer::Error::HungUp { .. }
    )
}

fn is_refused(error: &host_transfer::Error, code: RefusalCode) -> bool {
    error.refusal().is_some_and(|refusal| refusal.code == code)
}
