//! The guard's conversations: one request, one reply. `converse` takes any `Frames`, so that a
//! simulation speaks to the same guard as a peer does. A request that is wrong gets a refusal with
//! its reason and ends the conversation.

use bytes::Bytes;
use host_core::repair::SignedOrder;
use host_core::seams::{Frames, LinkError};
use host_core::signed::{self, REPAIR_NOW, repair_now_body};
use host_core::wire::{self, Frame, GuardReply, GuardRequest, Refusal, RefusalCode};
use host_core::{AgreementDigest, ObjectId, codec, limits};

use super::ask::Ask;
use super::{Guard, locked};
use crate::error::Error;

/// Bytes of audits in one reply; one audit more still fits the frame.
const PAGE_ROOM: usize = 96 * 1024;
/// How far the clock of an owner who asks for repair may be off.
const CLOCK_OFF_MS: u64 = 10 * 60 * 1000;

impl Guard {
    /// Holds one conversation to its end.
    pub async fn converse(&self, mut frames: Box<dyn Frames>) -> Result<(), LinkError> {
        let peer = frames.peer();
        let answer = self.answer(frames.as_mut()).await;
        let reply = match answer {
            Ok(None) => return frames.close().await,
            Ok(Some(reply)) => reply,
            Err(error) => {
                tracing::debug!(%peer, err = %error, "request refused");
                let code = error.code();
                let text = match code {
                    RefusalCode::Internal => "the guard could not answer".to_owned(),
                    _ => error.to_string(),
                };
                GuardReply::Refused(Refusal { code, text })
            }
        };
        frames.send(wire::message(&reply)).await?;
        frames.close().await
    }

    async fn answer(&self, frames: &mut dyn Frames) -> Result<Option<GuardReply>, Error> {
        let Some(frame) = frames.recv().await? else {
            return Ok(None);
        };
        let request = match wire::parse(frame)? {
            Frame::Message(bytes) => codec::from_bytes("guard request", &bytes)?,
            Frame::Body(_) => {
                return Err(host_core::Error::Encoding {
                    what: "guard request",
                }
                .into());
            }
        };
        match request {
            GuardRequest::Name { len } => {
                let bytes = body(frames, len).await?;
                let order: SignedOrder = codec::from_bytes("guard order", &bytes)?;
                self.name(order)?;
                Ok(Some(GuardReply::Named))
            }
            other => self.reply(other).await.map(Some),
        }
    }

    async fn reply(&self, request: GuardRequest) -> Result<GuardReply, Error> {
        match request {
            GuardRequest::Look { object } => self.standing(object),
            GuardRequest::Audits { object, from } => {
                let mut audits = locked(&self.audits);
                let (verdicts, next) = audits.page(&object, from, PAGE_ROOM)?;
                let more = next < audits.count(&object)?;
                Ok(GuardReply::Audits {
                    verdicts,
                    next,
                    more,
                })
            }
            GuardRequest::Second { object, agreement } => self.opinion(object, agreement).await,
            GuardRequest::Repairs { object } => {
                let watched = locked(&self.watched);
                let one = watched.get(&object).ok_or(Error::NotWatched { object })?;
                Ok(GuardReply::Repaired(one.repair.clone()))
            }
            GuardRequest::Pay { cheque } => Ok(GuardReply::Paid {
                cumulative: self.accept(cheque).await?,
            }),
            GuardRequest::RepairNow {
                object,
                at_ms,
                signature,
            } => {
                let owner = {
                    let watched = locked(&self.watched);
                    let one = watched.get(&object).ok_or(Error::NotWatched { object })?;
                    one.order.placement.placement.owner
                };
                let off_ms = self.parts.clock.wall_ms().abs_diff(at_ms);
                if off_ms > CLOCK_OFF_MS {
                    let bound_ms = CLOCK_OFF_MS;
                    return Err(Error::Clock { off_ms, bound_ms });
                }
                let body = repair_now_body(&object, at_ms);
                signed::check_address(&signature, REPAIR_NOW, &self.id, &body, &owner)?;
                locked(&self.urgent).insert(object);
                if let Some(one) = locked(&self.watched).get_mut(&object) {
                    one.retry = self.parts.clock.monotonic();
                }
                Ok(GuardReply::Queued)
            }
            GuardRequest::Name { .. } => Err(host_core::Error::Encoding {
                what: "guard request",
            }
            .into()),
        }
    }

    fn standing(&self, object: ObjectId) -> Result<GuardReply, Error> {
        let audits = locked(&self.audits).count(&object)?;
        let watched = locked(&self.watched);
        let one = watched.get(&object).ok_or(Error::NotWatched { object })?;
        let (alive, lost, unasked) = one.counts();
        let moved = one
            .repair
            .as_ref()
            .map_or(0, |signed| signed.repair.moved.len());
        let placement = &one.order.placement.placement;
        let (version, owner) = (placement.version, placement.owner);
        Ok(GuardReply::Standing {
            version,
            alive,
            lost,
            unasked,
            audits,
            repaired: u64::try_from(moved).unwrap_or(u64::MAX),
            paid: self.counted(&owner)?,
        })
    }

    /// Challenges one place now, for another guard. It is written down like any other.
    async fn opinion(
        &self,
        object: ObjectId,
        agreement: AgreementDigest,
    ) -> Result<GuardReply, Error> {
        let ask = {
            let watched = locked(&self.watched);
            let one = watched.get(&object).ok_or(Error::NotWatched { object })?;
            let spot = one.spots.get(&agreement);
            let spot = spot.ok_or(Error::NotWatched { object })?;
            Ask {
                object,
                place: spot.place.clone(),
                shard: spot.shard,
                len: spot.len,
                leaves: one.order.leaves,
            }
        };
        let found = self.challenge(&ask).await;
        let signed = found.ok_or(Error::NotAsked { agreement })?;
        self.record(&ask, &signed)?;
        Ok(GuardReply::Opinion(signed))
    }
}

/// Body runs of `len` bytes in all.
async fn body(frames: &mut dyn Frames, len: u64) -> Result<Vec<u8>, Error> {
    let need = usize::try_from(len).unwrap_or(usize::MAX);
    if need > limits::ORDER_LEN_MAX {
        return Err(Error::OrderLength {
            len,
            max: limits::ORDER_LEN_MAX,
        });
    }
    let wrong = || host_core::Error::Encoding {
        what: "guard order",
    };
    let mut all = Vec::new();
    while all.len() < need {
        let frame: Bytes = frames.recv().await?.ok_or_else(wrong)?;
        match wire::parse(frame)? {
            Frame::Body(run) if all.len() + run.len() <= need => all.extend_from_slice(&run),
            _ => return Err(wrong().into()),
        }
    }
    Ok(all)
}
