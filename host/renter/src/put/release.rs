//! Agreements that nobody uses are given back to their hosts: signed, and heard.
//!
//! A host that was dropped in the middle of the body may still finish it and hold an agreement, so
//! one that knows nothing of it is asked a second time. Who does not answer stays in the journal
//! as given up, and is asked again by the next verb that works on the session.

use std::time::Duration;

use futures::future::{Either, join_all, select};
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_transfer::delete;

use super::Noted;
use crate::error::Error;
use crate::session::{ShardState, Trial};
use crate::{Renter, Whereabouts};

/// A dropped host has this long to finish what it was at.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Longest wait for all of them together.
const LIMIT: Duration = Duration::from_secs(15);

/// What a host said of an agreement that is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Closed, in its signed word.
    Closed,
    /// It never had it.
    Nothing,
    /// No answer.
    Silence,
}

/// Closes the agreements of some trials and writes down which are; returns how many were closed
/// and how many hosts did not answer. Takes at most 15 seconds.
pub(crate) async fn release(
    renter: &Renter,
    noted: &Noted,
    trials: &[Trial],
) -> Result<(usize, usize), Error> {
    if trials.is_empty() {
        return Ok((0, 0));
    }
    let places: Vec<_> = trials.iter().map(|trial| trial.place.clone()).collect();
    let limit = renter.inner.clock.sleep(LIMIT);
    let now = match select(Box::pin(renter.addresses(&places)), limit).await {
        Either::Left((now, _)) => now,
        Either::Right(_) => std::collections::BTreeMap::new(),
    };
    let now = Whereabouts(now);
    let heard = join_all(trials.iter().map(|trial| async {
        let asked = Box::pin(ask_twice(renter, trial, now.of(&trial.place)));
        match select(asked, renter.inner.clock.sleep(LIMIT)).await {
            Either::Left((heard, _)) => heard,
            Either::Right(_) => Heard::Silence,
        }
    }));
    let heard = heard.await;
    for (trial, heard) in trials.iter().zip(&heard) {
        if *heard != Heard::Silence {
            noted.step(&trial.place, ShardState::Released)?;
        }
    }
    let count = |what| heard.iter().filter(|heard| **heard == what).count();
    Ok((count(Heard::Closed), count(Heard::Silence)))
}

async fn ask_twice(renter: &Renter, trial: &Trial, to: PeerAddr) -> Heard {
    match ask(renter, trial, &to).await {
        Heard::Nothing if trial.state != ShardState::Paid => {
            renter.inner.clock.sleep(ASK_AGAIN).await;
            ask(renter, trial, &to).await
        }
        heard => heard,
    }
}

async fn ask(renter: &Renter, trial: &Trial, to: &PeerAddr) -> Heard {
    let inner = &renter.inner;
    let agreement = trial.place.agreement;
    let asked = delete::close(inner.peers.as_ref(), to, &inner.id, agreement, &inner.key);
    match asked.await {
        Ok(_) => Heard::Closed,
        Err(error) => match error.refusal().map(|refusal| refusal.code) {
            Some(RefusalCode::Unknown) => Heard::Nothing,
            _ => Heard::Silence,
        },
    }
}
