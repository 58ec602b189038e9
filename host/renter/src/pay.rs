//! Later cheques: every agreement whose next epoch has begun is looked at and paid for it.
//!
//! An agreement is paid one epoch ahead, from the first epoch on, and only after its host showed
//! that it has the shard and answers for it on the chain (`inclusion`): so the renter never has
//! more than one epoch's price at stake, and a host that is paid late has the choice to wait or to
//! drop. The whole sum of a round is looked for in the vault before the first cheque of it leaves.
//! What was paid stands in the journal of the session that made the agreement; agreements that a
//! new placement replaced, or whose object was given up, are not paid any more.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use host_core::agreement::{Agreement, PayMode};
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_core::{AgreementDigest, Amount, ObjectId, PeerId};
use host_transfer::pay;
use serde::Serialize;

use crate::codes::Code;
use crate::error::Error;
use crate::fault::Fault;
use crate::purse::{Debt, Purse};
use crate::put::cover::Cover;
use crate::put::noted::Noted;
use crate::put::release::release;
use crate::session::{self, Entry, Journal, Session, SessionId, ShardState, State, Trial};
use crate::{Renter, Whereabouts};

mod adopt;
mod escrow;
mod inclusion;

use inclusion::Gate;

/// Hosts paid side by side.
const HOSTS_AT_ONCE: usize = 16;

/// What one round of payments came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paid {
    /// The epoch it paid for.
    pub epoch: u64,
    /// Agreements that were due.
    pub due: usize,
    /// Those that were paid.
    pub paid: usize,
    /// What their cheques promised.
    pub promised: Amount,
    /// Unused agreements that were given back on the way.
    pub released: usize,
    /// What came back from the escrow: missed epochs, and agreements that are over.
    pub returned: Amount,
    /// Those that were not paid, and why.
    pub missed: Vec<Missed>,
}

/// An agreement that was due and not paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// The object.
    pub object: ObjectId,
    /// The agreement.
    pub agreement: AgreementDigest,
    /// Its host.
    pub host: PeerId,
    /// Why.
    pub code: Code,
    /// The same in words.
    pub message: String,
    /// What to do about it.
    pub next: &'static str,
}

/// One agreement whose next epoch has begun.
struct Due {
    session: SessionId,
    object: ObjectId,
    /// Whether nobody works on the session any more.
    over: bool,
    trial: Trial,
    terms: Agreement,
    /// None when another home paid before and what is not known.
    paid_through: Option<u64>,
    through_epoch: u64,
}

impl Due {
    /// What is owed when the agreement is paid up to an epoch.
    const fn debt(&self, paid_through: u64) -> Debt<'_> {
        Debt {
            terms: &self.terms,
            paid_through,
            through_epoch: self.through_epoch,
        }
    }

    /// The least that may be owed: the epoch that has begun.
    fn least(&self) -> u64 {
        self.paid_through.unwrap_or(self.through_epoch - 1)
    }

    fn missed(&self, code: Code, message: String) -> Missed {
        Missed {
            object: self.object,
            agreement: self.trial.place.agreement,
            host: self.trial.place.host,
            code,
            message,
            next: code.next(),
        }
    }
}

/// Everything the book says is due at an epoch.
#[derive(Default)]
struct Round {
    due: Vec<Due>,
    missed: Vec<Missed>,
    loose: Vec<Session>,
    /// Agreements whose money is in the escrow.
    locked: Vec<Agreement>,
}

/// Pays every agreement whose next epoch has begun. Errors when the vault does not cover all of
/// them; then nothing was paid.
pub(crate) async fn due(renter: &Renter) -> Result<Paid, Error> {
    let inner = &renter.inner;
    let block = inner.chain.head().await?.block;
    let epoch = inner.network.epoch.epoch_of(block);
    let round = gather(renter, epoch)?;
    let count = round.due.len() + round.missed.len();
    let mut needed = Amount::ZERO;
    for due in &round.due {
        needed = needed.plus(due.debt(due.least()).due()?)?;
    }
    if !round.due.is_empty() {
        Cover::default().check(inner, needed).await?;
    }
    let returned = escrow::take_back(inner, &round.locked, epoch).await?;
    let mut missed = round.missed;
    let mut done = (0, Amount::ZERO);
    let places: Vec<_> = round
        .due
        .iter()
        .map(|due| due.trial.place.clone())
        .collect();
    let now = Whereabouts(renter.addresses(&places).await);
    let mut by_host: BTreeMap<PeerId, Vec<Due>> = BTreeMap::new();
    for due in round.due {
        by_host.entry(due.trial.place.host).or_default().push(due);
    }
    let journals = journals(renter, by_host.values().flatten())?;
    let rounds = by_host
        .into_values()
        .map(|dues| pay_host(renter, &journals, (&now, epoch), dues));
    let mut rounds = stream::iter(rounds).buffer_unordered(HOSTS_AT_ONCE);
    while let Some((paid, promised, more)) = rounds.next().await.transpose()? {
        done = (done.0 + paid, done.1.plus(promised)?);
        missed.extend(more);
    }
    drop(rounds);
    drop(journals);
    let mut released = 0;
    for session in round.loose {
        released += give_back(renter, &session).await?;
    }
    Ok(Paid {
        epoch,
        due: count,
        paid: done.0,
        promised: done.1,
        released,
        returned,
        missed,
    })
}

/// Reads every session and finds what is due. Agreements of a home that was lost are taken up.
fn gather(renter: &Renter, epoch: u64) -> Result<Round, Error> {
    let book = &renter.inner.book;
    let mut round = Round::default();
    let objects = book.objects()?;
    let places = objects
        .iter()
        .flat_map(|one| &one.placement.placement.places);
    let live: BTreeSet<AgreementDigest> = places.map(|place| place.agreement).collect();
    let mut known = BTreeSet::new();
    for id in book.sessions()? {
        round.read(renter, id, epoch, &live, &mut known)?;
    }
    for record in &objects {
        let placement = &record.placement.placement;
        if placement.end_epoch <= epoch {
            continue;
        }
        if let Some(id) = adopt::adopt(renter, record, &known)? {
            round.read(renter, id, epoch, &live, &mut known)?;
        }
        let code = Code::TermsUnknown;
        let lost = placement.places.iter();
        let lost = lost.filter(|place| !known.contains(&place.agreement));
        round.missed.extend(lost.map(|place| Missed {
            object: placement.object,
            agreement: place.agreement,
            host: place.host,
            code,
            message: "this home does not hold the agreement's terms".to_owned(),
            next: code.next(),
        }));
    }
    Ok(round)
}

impl Round {
    /// Takes what one session says is due; one that does not read says nothing.
    fn read(
        &mut self,
        renter: &Renter,
        id: SessionId,
        epoch: u64,
        live: &BTreeSet<AgreementDigest>,
        known: &mut BTreeSet<AgreementDigest>,
    ) -> Result<(), Error> {
        let Ok(session) = session::read(&renter.inner.book.session(id), id) else {
            return Ok(());
        };
        let object = session
            .object
            .filter(|_| session.state() != State::Cancelled);
        for trial in session.trials.values() {
            let (agreement, Some(terms)) = (trial.place.agreement, &trial.terms) else {
                continue;
            };
            known.insert(agreement);
            let paid_through = trial.paid_through.unwrap_or(terms.start_epoch + 1);
            if terms.pay_mode == PayMode::Escrow {
                self.locked.push(terms.clone());
                continue;
            }
            let is_due = paid_through <= epoch && paid_through < terms.end_epoch;
            let used = trial.state == ShardState::Paid && live.contains(&agreement);
            if let Some(object) = object.filter(|_| is_due && used) {
                self.due.push(Due {
                    session: id,
                    object,
                    over: session.is_over(),
                    trial: trial.clone(),
                    terms: terms.clone(),
                    paid_through: trial.paid_through,
                    through_epoch: (epoch + 1).min(terms.end_epoch),
                });
            }
        }
        let over = session.is_over();
        if over && session.loose().next().is_some() {
            self.loose.push(session);
        }
        Ok(())
    }
}

/// The journals of the sessions that pay, each open once and held until the round ends. Without
/// that of a put that still places shards: what is due of it is paid in a later round.
fn journals<'d>(
    renter: &Renter,
    dues: impl Iterator<Item = &'d Due>,
) -> Result<BTreeMap<SessionId, Noted>, Error> {
    let inner = &renter.inner;
    let mut open = BTreeMap::new();
    for due in dues {
        if let Slot::Vacant(free) = open.entry(due.session) {
            match Journal::open(&inner.book.session(due.session)) {
                Ok(journal) => {
                    free.insert(Noted::new(inner, journal));
                }
                Err(Error::Busy { .. }) if !due.over => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(open)
}

/// Pays what is due to one host, one agreement after the other.
async fn pay_host(
    renter: &Renter,
    journals: &BTreeMap<SessionId, Noted>,
    (now, epoch): (&Whereabouts, u64),
    dues: Vec<Due>,
) -> Result<(usize, Amount, Vec<Missed>), Error> {
    let (mut paid, mut sum, mut missed) = (0, Amount::ZERO, Vec::new());
    let mut gate = Gate::at(epoch);
    for due in dues {
        let Some(noted) = journals.get(&due.session) else {
            continue;
        };
        let to = now.of(&due.trial.place);
        match pay_one(renter, &mut gate, &due, &to).await {
            Ok(promised) => {
                noted.note(&Entry::Paid {
                    agreement: due.trial.place.agreement,
                    through_epoch: due.through_epoch,
                    at_ms: renter.inner.clock.wall_ms(),
                })?;
                paid += 1;
                sum = sum.plus(promised)?;
            }
            Err(Fault::Own(error)) => return Err(error),
            Err(fault) => {
                noted.fault(&due.trial.place, ShardState::Paid, &fault)?;
                missed.push(due.missed(fault.code(), fault.to_string()));
            }
        }
    }
    Ok((paid, sum, missed))
}

/// Pays one agreement once its host showed the shard. Where it is not known up to which epoch it
/// was paid, the least sum is offered first and more only when the host asks for more: a sum that
/// was refused is part of the next one, so nothing is promised twice.
async fn pay_one(
    renter: &Renter,
    gate: &mut Gate,
    due: &Due,
    to: &PeerAddr,
) -> Result<Amount, Fault> {
    let inner = &*renter.inner;
    gate.check(inner, to, &due.terms).await?;
    let mut purse = Purse::take(inner, due.terms.host).await?;
    let (agreement, peers) = (due.trial.place.agreement, inner.peers.as_ref());
    let known = due.paid_through.is_some();
    let mut promised = inner.book.promised_to(inner.vault, due.terms.host)?;
    let before = promised;
    let mut from = due.least();
    loop {
        let hand = |through, cheque| pay::pay(peers, to, agreement, through, cheque);
        let paid = purse.pay(to, due.debt(from), hand).await;
        promised = promised.max(inner.book.promised_to(inner.vault, due.terms.host)?);
        match paid {
            Ok(_) => return Ok(promised.minus(before)?),
            Err(Fault::Talk(error))
                if !known && from > due.terms.start_epoch && asks_more(&error) =>
            {
                from -= 1;
            }
            Err(fault) => return Err(fault),
        }
    }
}

fn asks_more(error: &host_transfer::Error) -> bool {
    let refusal = error.refusal();
    refusal.is_some_and(|refusal| refusal.code == RefusalCode::Increment)
}

/// Gives the unused agreements of a session that is over back.
async fn give_back(renter: &Renter, session: &Session) -> Result<usize, Error> {
    let inner = &renter.inner;
    let journal = match Journal::open(&inner.book.session(session.id)) {
        Ok(journal) => journal,
        Err(Error::Busy { .. }) => return Ok(0),
        Err(error) => return Err(error),
    };
    let noted = Noted::new(inner, journal);
    let loose: Vec<Trial> = session.loose().cloned().collect();
    let (_, silent) = release(renter, &noted, &loose).await?;
    Ok(loose.len() - silent)
}
