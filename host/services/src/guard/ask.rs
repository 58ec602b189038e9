//! Asking and judging: the shards that are due are challenged side by side, each answer is judged,
//! and the verdict is durable before anything follows from it.

use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{StreamExt, iter};
use host_core::challenge::{Challenge, Finding, ShownProof, SignedVerdict, Verdict};
use host_core::object::Place;
use host_core::seams::{LinkError, PeerAddr};
use host_core::wire::RefusalCode;
use host_core::{AgreementDigest, Digest32, ObjectId, ShardId, limits};
use host_transfer::challenge;

use super::{Guard, locked};
use crate::error::Error;

/// Challenges under way at the same time.
const AT_ONCE: usize = 32;
/// Challenges of one step.
const STEP_MAX: usize = 256;

/// One question.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) object: ObjectId,
    pub(super) place: Place,
    pub(super) shard: ShardId,
    pub(super) len: u64,
    pub(super) leaves: u32,
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Guard {
    /// What is due now, the longest waiting first, bounded.
    fn due(&self) -> Vec<Ask> {
        let now = self.now();
        let watched = locked(&self.watched);
        let mut due: Vec<(Duration, ObjectId, AgreementDigest)> = Vec::new();
        for (object, one) in watched.iter() {
            let of = one.due(now).into_iter();
            due.extend(of.map(|(at, agreement)| (at, *object, agreement)));
        }
        due.sort_unstable();
        due.truncate(STEP_MAX);
        let ask = |(_, object, agreement)| {
            let one = watched.get(&object)?;
            let spot = one.spots.get(&agreement)?;
            Some(Ask {
                object,
                place: spot.place.clone(),
                shard: spot.shard,
                len: spot.len,
                leaves: one.order.leaves,
            })
        };
        due.into_iter().filter_map(ask).collect()
    }

    /// Challenges what is due and writes the verdicts down; returns how many.
    /// Errors: an audit could not be written.
    pub async fn look(&self) -> Result<usize, Error> {
        let due = self.due();
        let count = due.len();
        let asked = due.into_iter().map(|ask| async move {
            let found = self.challenge(&ask).await;
            (ask, found)
        });
        let mut asked = iter(asked).buffer_unordered(AT_ONCE);
        while let Some((ask, found)) = asked.next().await {
            match found {
                Some(signed) => self.record(&ask, &signed)?,
                None => self.put_off(&ask),
            }
        }
        Ok(count)
    }

    /// Writes a verdict down, then learns from it.
    pub(super) fn record(&self, ask: &Ask, signed: &SignedVerdict) -> Result<(), Error> {
        locked(&self.audits).append(&ask.object, signed)?;
        let verdict = &signed.verdict;
        if verdict.finding != Finding::Kept {
            let (shard, peer) = (ask.shard, ask.place.host);
            let finding = verdict.finding.label();
            tracing::info!(shard = %shard, %peer, finding, err = %verdict.why, "shard not shown");
        }
        let now = self.now();
        if let Some(one) = locked(&self.watched).get_mut(&ask.object) {
            one.learn(signed, now);
        }
        Ok(())
    }

    /// Nothing was found out, for a reason of our own: asked again after a round.
    fn put_off(&self, ask: &Ask) {
        let now = self.now();
        if let Some(one) = locked(&self.watched).get_mut(&ask.object) {
            let round = one.round();
            if let Some(spot) = one.spots.get_mut(&ask.place.agreement) {
                spot.due = now + round;
            }
        }
    }

    /// Asks one host where it was placed, then where hubs say it is now; none when the reason for
    /// no answer lies here.
    pub(super) async fn challenge(&self, ask: &Ask) -> Option<SignedVerdict> {
        let first = self.ask_at(ask, ask.place.addrs.clone()).await?;
        if first.verdict.finding != Finding::Missed {
            return Some(first);
        }
        let moved = self
            .parts
            .renter
            .whereabouts(std::slice::from_ref(&ask.place));
        let moved = moved.await.remove(&ask.place.host);
        match moved.filter(|addrs| *addrs != ask.place.addrs) {
            Some(addrs) => self.ask_at(ask, addrs).await,
            None => Some(first),
        }
    }

    async fn ask_at(&self, ask: &Ask, addrs: Vec<String>) -> Option<SignedVerdict> {
        let parts = &self.parts;
        let mut seed = [0; 32];
        parts.entropy.fill(&mut seed);
        let at_ms = parts.clock.wall_ms();
        let asked = Challenge {
            guard: self.own,
            host: ask.place.host,
            agreement: ask.place.agreement,
            shard: ask.shard,
            shard_len: ask.len,
            seed: Digest32(seed),
            leaves: ask.leaves,
            at_ms,
            until_ms: at_ms.saturating_add(ms(limits::CHALLENGE_PATIENCE)),
        };
        let to = PeerAddr {
            peer: ask.place.host,
            addrs,
        };
        let asking = challenge::ask(parts.peers.as_ref(), &to, &self.id, &asked);
        let timer = parts.clock.sleep(limits::CHALLENGE_PATIENCE);
        let answer = match select(std::pin::pin!(asking), timer).await {
            Either::Left((answer, _)) => answer.map_err(Some),
            Either::Right(_) => Err(None),
        };
        match answer {
            Ok(proof) => {
                let judged = host_proof::judge(&asked, &proof);
                let why = judged.as_ref().err().map(ToString::to_string);
                let finding = match judged {
                    Ok(()) => Finding::Kept,
                    Err(_) => Finding::Wrong,
                };
                Some(self.verdict(asked, finding, Some(proof), why.unwrap_or_default()))
            }
            Err(Some(error)) if is_ours(&error) => {
                tracing::debug!(err = %error, "not asked for a reason of our own");
                None
            }
            Err(Some(error)) => {
                let refused = error.refusal().map(|refusal| refusal.code);
                if refused == Some(RefusalCode::Leaving)
                    && let Some(one) = locked(&self.watched).get_mut(&ask.object)
                {
                    one.leaves(&ask.place.agreement);
                }
                Some(self.verdict(asked, Finding::Missed, None, error.to_string()))
            }
            Err(None) => {
                let why = "no answer in time".to_owned();
                Some(self.verdict(asked, Finding::Missed, None, why))
            }
        }
    }

    fn verdict(
        &self,
        challenge: Challenge,
        finding: Finding,
        proof: Option<ShownProof>,
        why: String,
    ) -> SignedVerdict {
        let verdict = Verdict {
            challenge,
            finding,
            proof,
            why,
            at_ms: self.parts.clock.wall_ms(),
        };
        SignedVerdict::sign(verdict, &self.id, &self.parts.key)
    }
}

/// Whether the reason lies here: the address may not be dialled, or this guard asks too much.
fn is_ours(error: &host_transfer::Error) -> bool {
    let refused = error.refusal().map(|refusal| refusal.code);
    let local = matches!(error, host_transfer::Error::Link(LinkError::Refused { .. }));
    let busy = matches!(
        refused,
        Some(RefusalCode::Quota | RefusalCode::Busy | RefusalCode::Pressure)
    );
    local || busy
}
