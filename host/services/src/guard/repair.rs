//! Repair: what is endangered is rebuilt and placed anew under the owner's grant.
//!
//! In this order: guards named before this one have their turn; what they moved is learned; every
//! loss is confirmed by another guard's own verdict; the job is cut to the grant's bytes of the
//! epoch, which are written down before a byte moves; the shards are rebuilt, placed and paid with
//! the guard's money; the new version is signed and durable before it is told. A run that is killed
//! anywhere leaves a session that the next one goes on with. Does not: close owners' agreements.

use std::collections::BTreeMap;

use futures::stream::{StreamExt, iter};
use host_core::challenge::{Finding, SignedVerdict};
use host_core::object::{Descriptor, Place};
use host_core::repair::{DomainRule, GuardOrder, Moved, NamedGuard, Repair, SignedRepair};
use host_core::seams::PeerAddr;
use host_core::{AgreementDigest, Amount, ObjectId};
use host_renter::{RepairDone, RepairJob};
use host_transfer::guard;

use super::watch::Danger;
use super::{Guard, locked};
use crate::error::Error;

/// Rounds the guards before this one have each.
const TURN_ROUNDS: u32 = 2;
/// Shards moved before the owner must take over: the signed repair stays within one frame.
const MOVED_MAX: usize = 120;
/// Second opinions asked for at the same time.
const AT_ONCE: usize = 16;

/// The verdicts of two guards on each lost place, by its agreement.
type Proven = BTreeMap<AgreementDigest, Vec<SignedVerdict>>;

/// A repair that is due.
struct Due {
    object: ObjectId,
    order: GuardOrder,
    descriptor: Descriptor,
    alive: Vec<Place>,
    leaving: Vec<Place>,
    dangers: Vec<Danger>,
}

impl Guard {
    /// Repairs whatever is due and may be repaired; returns how many shards have a new place.
    /// Errors: a file could not be written.
    pub async fn mend(&self) -> Result<usize, Error> {
        let _one = self.repairing.lock().await;
        let mut moved = 0;
        for object in self.objects() {
            if let Some(due) = self.due_repair(object) {
                moved += self.mend_one(due).await?;
            }
        }
        Ok(moved)
    }

    /// Whether an object is endangered, granted, and it is this guard's turn.
    fn due_repair(&self, object: ObjectId) -> Option<Due> {
        let now = self.now();
        let urgent = locked(&self.urgent).contains(&object);
        let mut watched = locked(&self.watched);
        let one = watched.get_mut(&object)?;
        let grant = one.order.grant_of(&self.own)?;
        if grant.budget == Amount::ZERO {
            return None;
        }
        let dangers = one.dangers(urgent);
        if dangers.is_empty() {
            one.danger = None;
            drop(watched);
            locked(&self.urgent).remove(&object);
            return None;
        }
        let since = *one.danger.get_or_insert(now);
        let before = one.order.guards.iter();
        let before = before.take_while(|guard| guard.peer != self.own).count();
        let turn = one.round() * TURN_ROUNDS * u32::try_from(before).unwrap_or(u32::MAX);
        let is_turn = urgent || now >= since + turn;
        if !is_turn || now < one.retry {
            return None;
        }
        one.retry = now + one.round();
        Some(Due {
            object,
            order: one.order.clone(),
            descriptor: one.descriptor.clone(),
            alive: one.alive(),
            leaving: one.leaving(),
            dangers,
        })
    }

    async fn mend_one(&self, mut due: Due) -> Result<usize, Error> {
        let version = due.order.placement.placement.version;
        let kept = self.files.repair(&due.object)?;
        if kept.is_some_and(|kept| kept.repair.base < version) {
            // What was kept for an older version is given up first.
            return Ok(0);
        }
        let others = due.order.guards.iter();
        let others = others.filter(|guard| guard.peer != self.own);
        let others: Vec<NamedGuard> = others.cloned().collect();
        if self.learn_moves(&due, &others).await {
            // Somebody was here before: what is left is looked at in the next step.
            return Ok(0);
        }
        let proven = self.confirm(&due, &others).await?;
        for danger in &mut due.dangers {
            danger
                .lost
                .retain(|place| proven.contains_key(&place.agreement));
        }
        due.dangers.retain(|danger| !danger.lost.is_empty());
        let Some((job, bytes)) = self.job(&due).await? else {
            return Ok(0);
        };
        let object = due.object;
        tracing::info!(object = %object, count = job.lost.len(), bytes, "repair begins");
        let done = match self.parts.renter.repair_job(&job).await {
            Ok(done) => done,
            Err(err) => {
                tracing::warn!(object = %object, err = %err, "repair stopped; it is tried again");
                return Ok(0);
            }
        };
        self.publish(&due, &done, &proven).await
    }

    /// Takes in what other guards moved under the same placement; whether that was news.
    async fn learn_moves(&self, due: &Due, others: &[NamedGuard]) -> bool {
        let mut news = false;
        for other in others {
            let said = guard::repairs(self.parts.peers.as_ref(), &addr(other), due.object).await;
            let Ok(Some(signed)) = said else { continue };
            if let Err(err) = signed.check(&due.order, &self.id) {
                tracing::warn!(peer = %other.peer, err = %err, "repair of another guard ignored");
                continue;
            }
            let now = self.now();
            let mut watched = locked(&self.watched);
            let Some(one) = watched.get_mut(&due.object) else {
                continue;
            };
            for moved in signed.repair.moved {
                if !one.spots.contains_key(&moved.new.agreement) {
                    one.add(moved.new, now);
                    news = true;
                }
            }
        }
        news
    }

    /// Verdicts of two guards on each lost place; a place another guard finds alive is doubted no
    /// more, and one nobody else can speak of is left for later.
    async fn confirm(&self, due: &Due, others: &[NamedGuard]) -> Result<Proven, Error> {
        let lost = due.dangers.iter().flat_map(|danger| &danger.lost);
        let asked = lost.map(|place| async move {
            let mut heard = Vec::new();
            for other in others {
                let peers = self.parts.peers.as_ref();
                let (object, agreement) = (due.object, place.agreement);
                let opinion = guard::second(peers, &addr(other), &self.id, object, agreement).await;
                match opinion {
                    Ok(signed) => {
                        heard.push(signed);
                        break;
                    }
                    Err(err) => {
                        tracing::debug!(peer = %other.peer, err = %err, "no second opinion");
                    }
                }
            }
            (place, heard)
        });
        let heard: Vec<_> = iter(asked).buffered(AT_ONCE).collect().await;
        let mut proven = BTreeMap::new();
        let mut watched = locked(&self.watched);
        let Some(one) = watched.get_mut(&due.object) else {
            return Ok(proven);
        };
        for (place, opinions) in heard {
            let kept = |signed: &SignedVerdict| signed.verdict.finding == Finding::Kept;
            if opinions.iter().any(kept) {
                one.doubt(&place.agreement);
                continue;
            }
            let own = one.spots.get(&place.agreement);
            let own = own.and_then(|spot| spot.last.clone());
            if let Some(own) = own.filter(|own| !kept(own))
                && !opinions.is_empty()
            {
                let all = std::iter::once(own).chain(opinions).collect();
                proven.insert(place.agreement, all);
            }
        }
        Ok(proven)
    }

    /// The job within the grant: whole segments, the most endangered first, while the bytes of the
    /// epoch and the money last. What it may move is written down before it begins.
    async fn job(&self, due: &Due) -> Result<Option<(RepairJob, u64)>, Error> {
        let grant = due.order.grant_of(&self.own);
        let Some(grant) = grant else { return Ok(None) };
        let Ok(head) = self.parts.chain.head().await else {
            return Ok(None);
        };
        let epoch = self.parts.network.epoch.epoch_of(head.block);
        if epoch >= grant.expiry || self.spent(&due.object) >= grant.budget {
            return Ok(None);
        }
        let mut span = self.files.span(&due.object, epoch)?;
        let (mut lost, mut bytes) = (Vec::new(), 0u64);
        let room = MOVED_MAX.saturating_sub(self.moved(&due.object));
        for danger in &due.dangers {
            let at = usize::try_from(danger.segment).unwrap_or(usize::MAX);
            let Some(segment) = due.descriptor.segments.get(at) else {
                continue;
            };
            let shard_len = due.descriptor.geometry.shard_len(segment.len);
            let count = u64::try_from(danger.lost.len()).unwrap_or(u64::MAX);
            let moves = u64::from(due.descriptor.geometry.data).saturating_add(count);
            let cost = shard_len.saturating_mul(moves);
            let sum = span.bytes.saturating_add(bytes).saturating_add(cost);
            if sum > grant.bytes_per_epoch {
                tracing::info!(object = %due.object, bytes = sum, "repair waits an epoch");
                break;
            }
            bytes += cost;
            lost.extend(danger.lost.iter().cloned());
        }
        lost.truncate(room);
        if lost.is_empty() {
            return Ok(None);
        }
        span.bytes = span.bytes.saturating_add(bytes);
        self.files.keep_span(&due.object, span)?;
        let job = RepairJob {
            descriptor: due.descriptor.clone(),
            alive: due.alive.clone(),
            lost,
            leaving: due.leaving.clone(),
            keepers: Vec::new(),
            end_epoch: due.order.placement.placement.end_epoch,
            price_max: Some(grant.max_price),
            doubling: grant.failure_domain_rule == DomainRule::Any,
        };
        Ok(Some((job, bytes)))
    }

    /// Shards that were moved under this placement.
    fn moved(&self, object: &ObjectId) -> usize {
        let watched = locked(&self.watched);
        let repair = watched.get(object).and_then(|one| one.repair.as_ref());
        repair.map_or(0, |signed| signed.repair.moved.len())
    }

    /// What was promised for repairs of this placement.
    fn spent(&self, object: &ObjectId) -> Amount {
        let watched = locked(&self.watched);
        let repair = watched.get(object).and_then(|one| one.repair.as_ref());
        repair.map_or(Amount::ZERO, |signed| signed.repair.spent)
    }

    /// Signs the new version, writes it down, and watches the new places.
    async fn publish(&self, due: &Due, done: &RepairDone, proven: &Proven) -> Result<usize, Error> {
        if done.repaired.is_empty() {
            return Ok(0);
        }
        let head = self.parts.chain.head().await;
        let block = head.map_or(0, |head| head.block);
        let object = due.object;
        let before = {
            let watched = locked(&self.watched);
            watched.get(&object).and_then(|one| one.repair.clone())
        };
        let before = before.map(|signed| signed.repair);
        let mut moved = before
            .as_ref()
            .map_or(Vec::new(), |repair| repair.moved.clone());
        for one in &done.repaired {
            // A place that was moved before and lost again has one newest place.
            moved.retain(|known| known.old != one.old);
            moved.push(Moved {
                old: one.old.clone(),
                new: one.new.clone(),
                receipt: one.receipt.clone(),
                verdicts: proven.get(&one.old.agreement).cloned().unwrap_or_default(),
            });
        }
        let spent = before.as_ref().map_or(Amount::ZERO, |repair| repair.spent);
        let repair = Repair {
            object,
            base: due.order.placement.placement.version,
            version: before.map_or(0, |repair| repair.version) + 1,
            guard: self.own,
            epoch: self.parts.network.epoch.epoch_of(block),
            spent: spent.plus(done.promised)?,
            moved,
        };
        let signed = SignedRepair::sign(repair, &self.id, &self.parts.key);
        signed.check(&due.order, &self.id)?;
        self.files.keep_repair(&signed)?;
        let count = done.repaired.len();
        tracing::info!(object = %object, count, "shards have a new place");
        let now = self.now();
        if let Some(one) = locked(&self.watched).get_mut(&object) {
            for repaired in &done.repaired {
                one.add(repaired.new.clone(), now);
            }
            one.repair = Some(signed);
        }
        Ok(count)
    }

    /// Gives up what this guard keeps of objects whose owners have a newer placement: taken over,
    /// or not wanted.
    pub async fn hand_over(&self) -> Result<(), Error> {
        for object in self.objects() {
            let Some(kept) = self.files.repair(&object)? else {
                continue;
            };
            let current = {
                let watched = locked(&self.watched);
                let one = watched.get(&object);
                one.map(|one| one.order.placement.placement.version)
            };
            if current.is_some_and(|version| version > kept.repair.base) {
                match self.parts.renter.give_up_repair(object).await {
                    Ok((closed, 0)) => {
                        tracing::info!(object = %object, count = closed, "repairs handed over");
                        self.files.forget_repair(&object)?;
                    }
                    Ok((_, silent)) => {
                        tracing::debug!(object = %object, count = silent, "hosts did not answer");
                    }
                    Err(err) => tracing::warn!(object = %object, err = %err, "not handed over"),
                }
            }
        }
        Ok(())
    }
}

pub(super) fn addr(guard: &NamedGuard) -> PeerAddr {
    PeerAddr {
        peer: guard.peer,
        addrs: guard.addrs.clone(),
    }
}
