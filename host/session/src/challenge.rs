//! A guard asks for leaves of a shard that its seed draws; the host shows them with their paths
//! and signs what it showed.
//!
//! Anybody may ask about an agreement that is kept here: who is asked too much says so and names
//! the bound. Invariants: a challenge is answered only to the peer it names, about the shard of the
//! agreement it names, so that a proof can be held against nobody else; each drawn leaf costs one
//! read of 64 KiB, and one guard's reads of a minute are bounded. Does not: take a seat of the
//! downloads, which a guard must not be able to fill.

use std::collections::HashMap;
use std::time::Duration;

use host_core::challenge::{Challenge, ShownLeaf, ShownProof};
use host_core::keeper::Signable;
use host_core::seams::Device;
use host_core::wire::{ChallengeReply, ChallengeRequest};
use host_core::{PeerId, limits};
use host_ledger::AgreementState;
use host_proof::LEAVES_PER_UNIT;
use tracing::error;

use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

const UNIT: u64 = limits::UNIT_LEN as u64;
const MINUTE: Duration = Duration::from_secs(60);

/// What each guard asked for in its minute.
#[derive(Debug, Default)]
pub(crate) struct Challengers(HashMap<PeerId, (Duration, u32)>);

impl Challengers {
    /// Takes leaves of a guard's minute. Errors: Demand.
    pub(crate) fn take(&mut self, guard: &PeerId, asked: u32, now: Duration) -> Result<(), Error> {
        let bound = limits::CHALLENGE_LEAVES_PER_MINUTE;
        let is_over = |since: Duration| now.saturating_sub(since) >= MINUTE;
        if self.0.len() >= limits::CHALLENGERS_MAX {
            self.0.retain(|_, (since, _)| !is_over(*since));
        }
        let is_full = self.0.len() >= limits::CHALLENGERS_MAX && !self.0.contains_key(guard);
        let minute = self.0.get(guard).copied();
        let (since, taken) = minute
            .filter(|(since, _)| !is_over(*since))
            .unwrap_or((now, 0));
        let left = if is_full { 0 } else { bound - taken.min(bound) };
        if asked > left || asked > limits::CHALLENGE_LEAVES_MAX {
            return Err(Error::Demand {
                guard: *guard,
                asked,
                left: left.min(limits::CHALLENGE_LEAVES_MAX),
                bound,
            });
        }
        self.0.insert(*guard, (since, taken + asked));
        Ok(())
    }
}

/// Serves one challenge.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let Some(request) = talk.hear::<ChallengeRequest>("challenge request").await? else {
        return Ok(());
    };
    match show(desk, talk.peer(), &request.challenge).await {
        Ok(proof) => talk.say(&ChallengeReply::Shown(proof)).await,
        Err(error) => {
            talk.say(&ChallengeReply::Refused(error.refusal())).await?;
            Err(error)
        }
    }
}

async fn show<D: Device>(
    desk: &Desk<D>,
    from: PeerId,
    challenge: &Challenge,
) -> Result<ShownProof, Error> {
    check(desk, from, challenge)?;
    let shard = challenge.shard;
    let reader = desk.store().open_shard(&shard).await?;
    let mut reader = reader.ok_or(Error::NoShard { shard })?;
    let (len, units) = (reader.len(), reader.units().to_vec());
    let mut leaves = Vec::new();
    for index in host_proof::draw(&challenge.seed, &shard, len, challenge.leaves) {
        let unit = index / LEAVES_PER_UNIT as u64;
        let offset = unit * UNIT;
        let run = reader.read(offset, UNIT.min(len - offset)).await;
        let run = run.inspect_err(|err| {
            error!(shard = %shard, err = %err, "stored shard does not verify");
        })?;
        let shown = host_proof::prove(index, run.as_ref(), &units, len);
        let shown = shown.map_err(|_| Error::NoShard { shard })?;
        leaves.push(ShownLeaf {
            leaf: shown.leaf,
            path: shown.path,
        });
    }
    let what = Signable::Shown {
        challenge: Box::new(challenge.clone()),
        leaves: ShownProof::leaves_digest(&leaves),
        network: desk.policy().network,
    };
    let signature = desk.key().sign(&what).await?;
    Ok(ShownProof { leaves, signature })
}

/// Whether the challenge is for this host, from who sent it, and about what is agreed.
fn check<D: Device>(desk: &Desk<D>, from: PeerId, challenge: &Challenge) -> Result<(), Error> {
    let wrong = |what| Error::Challenge { guard: from, what };
    if challenge.guard != from {
        return Err(wrong("names another guard"));
    }
    if challenge.host != desk.key().peer_id() {
        return Err(wrong("names another host"));
    }
    if challenge.leaves == 0 {
        return Err(wrong("asks for no leaf"));
    }
    let agreement = challenge.agreement;
    let row = desk.ledger().read()?.agreement(&agreement)?;
    let row = row.filter(|row| row.state == AgreementState::Active);
    let row = row.ok_or(Error::NoAgreement { agreement })?;
    let terms = &row.signed.terms;
    if (terms.shard, terms.shard_len) != (challenge.shard, challenge.shard_len) {
        return Err(wrong("is about another shard than agreed"));
    }
    // Said of what is kept alone: an agreement that nobody has here is unknown, not moved.
    if desk.is_leaving() {
        return Err(Error::Leaving);
    }
    desk.take_leaves(&from, challenge.leaves)
}

#[cfg(test)]
mod tests;
