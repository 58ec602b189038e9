//! Before the first byte: the term, the hosts, the cost, the vault's cover, and what earlier runs
//! of the session left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use host_core::Amount;
use host_core::agreement::PayMode;
use host_core::announce::HostOffer;
use tokio::sync::watch;

use super::body::Room;
use super::cover::Cover;
use super::noted::Noted;
use super::reuse::Again;
use super::{PIECES_MIN, Put, geometry_of, quote};
use crate::error::Error;
use crate::hosts::{Chosen, Wanted};
use crate::progress::{Phase, Phases, Progress};
use crate::session::{Entry, Session};
use crate::{Inner, Renter};

/// Who keeps each shard already.
type Keepers = BTreeMap<(u32, u16), Vec<HostOffer>>;

/// Makes a put ready to run. Returns the cost of the whole term at the prices found. No host is
/// contacted before the vault was seen to cover it.
pub(super) async fn prepare<'a>(
    renter: &'a Renter,
    session: &Session,
    noted: &Noted,
    again: Option<&Again>,
    progress: &'a watch::Sender<Progress>,
) -> Result<(Put<'a>, Amount), Error> {
    let inner = &*renter.inner;
    let begin = &session.begin;
    let geometry = match again {
        Some(again) => again.descriptor.geometry,
        None => {
            let pieces = begin.pieces.unwrap_or(PIECES_MIN);
            geometry_of(begin.data, begin.parity, pieces)?
        }
    };
    let shape = quote::shape(&geometry, begin.bytes, begin.public);
    let wanted = Wanted {
        need: usize::from(geometry.total()),
        bytes: shape.0 * shape.1,
        epochs: inner.network.epoch.epochs_of_days(begin.days)?,
        price_max: begin.price_max,
        parity: usize::from(geometry.parity),
        policy: renter.policy()?,
    };
    let end_epoch = end_of_term(renter, session, noted, again, wanted.epochs).await?;
    let phases = Phases::new(Arc::clone(&inner.meter));
    let chosen = phases
        .poll(Phase::Find, choose(renter, session, &wanted))
        .await?;
    phases.note_peak(Phase::Find);
    inner.book.keep_evidence(session.id, &chosen.evidence)?;
    let cover = Cover::default();
    let pay = begin.pay.unwrap_or(PayMode::Cheque);
    let (cost, keepers) = reckon(renter, session, &cover, (&wanted, shape), &chosen, again).await?;
    progress.send_modify(|p| {
        p.hosts_known = u64::try_from(chosen.known).unwrap_or(0);
        p.cost = cost;
    });
    let earlier = session.trials.values().filter(|trial| trial.is_under_way());
    let earlier = earlier.map(|trial| ((trial.place.segment, trial.place.index), trial.clone()));
    let put = Put {
        renter,
        inner,
        geometry,
        end_epoch,
        least_end: session
            .end_epoch
            .map_or(end_epoch, |end| end.min(end_epoch)),
        least: geometry.total(),
        enough: watch::Sender::new(0),
        lacking: Mutex::default(),
        hosts: chosen.hosts,
        keepers,
        places: Mutex::new(session.places.clone()),
        terms: Mutex::new(session.all_terms()),
        receipts: Mutex::default(),
        earlier: Mutex::new(earlier.collect()),
        loose: Mutex::new(session.loose().cloned().collect()),
        cover,
        pay,
        // Twice: a host that fails after its lock leaves the lock behind.
        budget: cost.plus(cost)?,
        locked: Mutex::default(),
        progress,
        phases,
        noted: noted.clone(),
        room: Room::new(geometry.total()),
    };
    Ok((put, cost))
}

/// First epoch after the term of shards placed now; the first run's is written down.
async fn end_of_term(
    renter: &Renter,
    session: &Session,
    noted: &Noted,
    again: Option<&Again>,
    epochs: u64,
) -> Result<u64, Error> {
    let inner = &renter.inner;
    let block = inner.chain.head().await?.block;
    let end_epoch = inner.network.epoch.epoch_of(block) + epochs;
    if let Some(again) = again {
        again.must_extend(end_epoch)?;
    }
    if session.end_epoch.is_none() {
        noted.note(&Entry::Term { end_epoch })?;
    }
    Ok(end_epoch)
}

/// Hosts for the shards. For a lease again nobody is needed but those that keep them, and for what
/// an object still lacks those that are at it: the others stand by, if there are any.
async fn choose(renter: &Renter, session: &Session, wanted: &Wanted) -> Result<Chosen, Error> {
    match renter.choose(wanted).await {
        Err(err) if session.is_reuse() || session.object.is_some() => {
            tracing::info!(session = %session.id, err = %err, "no host stands by");
            Ok(Chosen {
                hosts: Vec::new(),
                fit: 0,
                known: 0,
                evidence: Default::default(),
            })
        }
        chosen => chosen,
    }
}

/// What the whole term costs, seen to be covered: at the prices hubs list, and for a lease again
/// then at those its keepers ask when they are asked.
async fn reckon(
    renter: &Renter,
    session: &Session,
    cover: &Cover,
    (wanted, shape): (&Wanted, (u64, u64)),
    chosen: &Chosen,
    again: Option<&Again>,
) -> Result<(Amount, Keepers), Error> {
    let inner = &renter.inner;
    let promised = promised(session)?;
    let rest = |cost: Amount| Amount(cost.0.saturating_sub(promised.0));
    let cost = quote::cost(&chosen.hosts, wanted.need, shape, wanted.epochs)?;
    let pay = session.begin.pay.unwrap_or(PayMode::Cheque);
    covered(inner, cover, pay, rest(cost)).await?;
    let Some(again) = again else {
        return Ok((cost, Keepers::new()));
    };
    let keepers = again.keepers(renter, wanted.price_max).await;
    let cost = again.cost(&keepers, wanted.epochs)?;
    covered(inner, cover, pay, rest(cost)).await?;
    Ok((cost, keepers))
}

/// Errors when what pays, the vault or for the escrow the account, holds less than `needed`.
async fn covered(inner: &Inner, cover: &Cover, pay: PayMode, needed: Amount) -> Result<(), Error> {
    if pay == PayMode::Cheque {
        return cover.check(inner, needed).await;
    }
    let available = inner.escrow()?.purse().await?;
    if available >= needed {
        return Ok(());
    }
    Err(Error::PurseShort {
        needed,
        available,
        missing: needed.minus(available)?,
    })
}

/// What the first cheques of a session's placed shards promised.
fn promised(session: &Session) -> Result<Amount, Error> {
    let mut sum = Amount::ZERO;
    for place in &session.places {
        if let Some(terms) = session.terms(&place.agreement) {
            let epochs = match terms.pay_mode {
                PayMode::Cheque => 1,
                PayMode::Escrow => terms.epochs(),
            };
            sum = sum.plus(terms.cost_of(epochs)?)?;
        }
    }
    Ok(sum)
}
