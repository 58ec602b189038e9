//! Every host of an object is challenged: drawn leaves with their paths, signed by the host and
//! judged by the same function as a guard's and the contract's. Cheaper than reading: a shard costs
//! some kilobytes, whatever its length.

use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::{StreamExt, iter};
use host_core::challenge::Challenge;
use host_core::repair::shard_of;
use host_core::wire::RefusalCode;
use host_core::{Digest32, ObjectId, limits};
use host_transfer::challenge;

use crate::error::Error;
use crate::health::{Condition, ShardHealth};
use crate::{Renter, Whereabouts};

/// Leaves drawn of each shard.
const LEAVES: u32 = 16;
/// Challenges under way at the same time.
const AT_ONCE: usize = 32;

/// What each shard's host showed, in the order of the placement.
pub(crate) async fn run(renter: &Renter, object: ObjectId) -> Result<Vec<ShardHealth>, Error> {
    let inner = &*renter.inner;
    let record = inner.book.object(&object)?;
    let descriptor = record.descriptor()?;
    let places = &record.placement.placement.places;
    let now = Whereabouts(renter.addresses(places).await);
    let asked = places.iter().map(|place| {
        let (now, descriptor) = (&now, &descriptor);
        async move {
            let since = inner.clock.monotonic();
            let (condition, why) = match shard_of(descriptor, place) {
                None => (
                    Condition::Unasked,
                    Some("the object has no such shard".into()),
                ),
                Some((shard, shard_len)) => {
                    let mut seed = [0; 32];
                    inner.entropy.fill(&mut seed);
                    let at_ms = inner.clock.wall_ms();
                    let patience = limits::CHALLENGE_PATIENCE;
                    let question = Challenge {
                        guard: inner.peers.own().unwrap_or_else(|| inner.key.peer_id()),
                        host: place.host,
                        agreement: place.agreement,
                        shard,
                        shard_len,
                        seed: Digest32(seed),
                        leaves: LEAVES,
                        at_ms,
                        until_ms: at_ms.saturating_add(ms(patience)),
                    };
                    let to = now.of(place);
                    let asking = challenge::ask(inner.peers.as_ref(), &to, &inner.id, &question);
                    let timer = inner.clock.sleep(patience);
                    match select(std::pin::pin!(asking), timer).await {
                        Either::Left((Ok(proof), _)) => {
                            match host_proof::judge(&question, &proof) {
                                Ok(()) => (Condition::Alive, None),
                                Err(why) => (Condition::Lied, Some(why.to_string())),
                            }
                        }
                        Either::Left((Err(error), _)) => {
                            (condition(&error), Some(error.to_string()))
                        }
                        Either::Right(_) => {
                            (Condition::Unreachable, Some("it was too slow".into()))
                        }
                    }
                }
            };
            let took = inner.clock.monotonic().saturating_sub(since);
            ShardHealth {
                place: place.clone(),
                condition,
                unit: None,
                took_ms: Some(ms(took)),
                why,
            }
        }
    });
    Ok(iter(asked).buffered(AT_ONCE).collect().await)
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn condition(error: &host_transfer::Error) -> Condition {
    let refused = error.refusal().map(|refusal| refusal.code);
    match (refused, error) {
        (Some(RefusalCode::Unknown | RefusalCode::Damaged), _) => Condition::Missing,
        (Some(RefusalCode::Leaving), _) => Condition::Leaving,
        (_, host_transfer::Error::Word { .. }) => Condition::Lied,
        _ => Condition::Unreachable,
    }
}
