//! Every host of an object is challenged: drawn leaves with their paths, signed by the host and
//! judged by the same function as a guard's and the contract's. Cheaper than reading: a shard costs
//! some kilobytes, whatever its length.

use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{StreamExt, iter};
use host_core::challenge::Challenge;
use host_core::object::{Descriptor, Place};
use host_core::repair::shard_of;
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_core::{AgreementDigest, Digest32, ObjectId, PeerId, ShardId, limits};
use host_transfer::challenge;

use crate::error::Error;
use crate::health::{Condition, ShardHealth};
use crate::{Inner, Renter, Whereabouts};

/// Leaves drawn of each shard.
const LEAVES: u32 = 16;
/// Challenges under way at the same time.
const AT_ONCE: usize = 32;

/// What each shard's host showed, in the order of the placement.
pub(crate) async fn run(renter: &Renter, object: ObjectId) -> Result<Vec<ShardHealth>, Error> {
    let record = renter.inner.book.object(&object)?;
    let descriptor = record.descriptor()?;
    let places = &record.placement.placement.places;
    let now = Whereabouts(renter.addresses(places).await);
    let asked: Vec<_> = places
        .iter()
        .map(|place| one(&renter.inner, &now, &descriptor, place))
        .collect();
    Ok(iter(asked).buffered(AT_ONCE).collect().await)
}

/// Challenges one host for the shard of this place.
async fn one(
    inner: &Inner,
    now: &Whereabouts,
    descriptor: &Descriptor,
    place: &Place,
) -> ShardHealth {
    let since = inner.clock.monotonic();
    let (condition, why) = shown(inner, now, descriptor, place).await;
    let took = inner.clock.monotonic().saturating_sub(since);
    ShardHealth {
        place: place.clone(),
        condition,
        unit: None,
        took_ms: Some(ms(took)),
        why,
    }
}

async fn shown(
    inner: &Inner,
    now: &Whereabouts,
    descriptor: &Descriptor,
    place: &Place,
) -> (Condition, Option<String>) {
    let Some((shard, shard_len)) = shard_of(descriptor, place) else {
        let why = "the object has no such shard".to_owned();
        return (Condition::Unasked, Some(why));
    };
    let of = Kept {
        agreement: place.agreement,
        shard,
        shard_len,
    };
    let to = now.of(place);
    let asking = leaves(inner, &to, of);
    let timer = inner.clock.sleep(limits::CHALLENGE_PATIENCE);
    match select(std::pin::pin!(asking), timer).await {
        Either::Left((Ok(Ok(())), _)) => (Condition::Alive, None),
        Either::Left((Ok(Err(why)), _)) => (Condition::Lied, Some(why.to_string())),
        Either::Left((Err(error), _)) => (condition(&error), Some(error.to_string())),
        Either::Right(_) => (Condition::Unreachable, Some("it was too slow".into())),
    }
}

/// What a host is asked to show leaves of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// The agreement it is kept under.
    pub(crate) agreement: AgreementDigest,
    pub(crate) shard: ShardId,
    pub(crate) shard_len: u64,
}

/// Asks a host for leaves of what it keeps and judges them. Errors when nothing was shown.
pub(crate) async fn leaves(
    inner: &Inner,
    to: &PeerAddr,
    of: Kept,
) -> Result<Result<(), host_proof::Error>, host_transfer::Error> {
    let question = question(inner, to.peer, of);
    let proof = challenge::ask(inner.peers.as_ref(), to, &inner.id, &question).await?;
    Ok(host_proof::judge(&question, &proof))
}

/// A fresh challenge of this renter.
fn question(inner: &Inner, host: PeerId, of: Kept) -> Challenge {
    let mut seed = [0; 32];
    inner.entropy.fill(&mut seed);
    let at_ms = inner.clock.wall_ms();
    Challenge {
        guard: inner.peers.own().unwrap_or_else(|| inner.key.peer_id()),
        host,
        agreement: of.agreement,
        shard: of.shard,
        shard_len: of.shard_len,
        seed: Digest32(seed),
        leaves: LEAVES,
        at_ms,
        until_ms: at_ms.saturating_add(ms(limits::CHALLENGE_PATIENCE)),
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// What a host that showed nothing of a shard says of it.
pub(crate) fn condition(error: &host_transfer::Error) -> Condition {
    let refused = error.refusal().map(|refusal| refusal.code);
    match (refused, error) {
        (Some(RefusalCode::Unknown | RefusalCode::Damaged), _) => Condition::Missing,
        (Some(RefusalCode::Leaving), _) => Condition::Leaving,
        (_, host_transfer::Error::Bytes { .. } | host_transfer::Error::Word { .. }) => {
            Condition::Lied
        }
        _ => Condition::Unreachable,
    }
}
