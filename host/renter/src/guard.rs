//! The owner's side of its guards: name them, hear them, take their repairs over, pay them.
//!
//! Per object one file in the book holds the order and, for each guard, up to which audit it was
//! paid and what it earned. Invariants: an order is durable before it leaves; a verdict is paid
//! once, and only when `host_proof::check_verdict` says that it follows from its evidence and it
//! is about a place of the order in a round of its own; what was earned is durable before the
//! cheque that pays it. Does not: watch or repair for anybody else (`host/services`).

use std::collections::BTreeSet;
use std::io::Write;

use host_core::challenge::SignedVerdict;
use host_core::cheque::Cheque;
use host_core::repair::{
    DomainRule, GuardOrder, NamedGuard, RepairGrant, SignedGrant, SignedOrder, shard_of,
};
use host_core::seams::PeerAddr;
use host_core::{AgreementDigest, Amount, ObjectId, PeerId, codec};
use host_transfer::guard;
use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::error::Error;
use crate::lease;
use crate::{Inner, Renter};

mod repairs;

pub(crate) use repairs::{adopt, repair_now};

/// What guards of an object are asked to do.
#[derive(Debug, Clone)]
pub struct GuardTerms {
    /// Who; the first repairs first.
    pub guards: Vec<PeerAddr>,
    /// Seconds in which every shard is challenged once.
    pub round_s: u64,
    /// Leaves of each challenge.
    pub leaves: u32,
    /// Repair begins when fewer than `data` and this many shards of a segment are alive.
    pub margin: u16,
    /// Paid for each verdict that holds, smallest units.
    pub price: Amount,
    /// What each guard's repairs may promise, smallest units; zero for no repair.
    pub budget: Amount,
    /// Highest price of a repaired shard, smallest units per GiB and epoch.
    pub max_price: Amount,
    /// Bytes each guard's repairs may move in an epoch.
    pub bytes_per_epoch: u64,
    /// How far apart new hosts must be.
    pub rule: DomainRule,
}

/// Whether one guard took an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Who.
    pub guard: PeerId,
    /// Why it did not.
    pub why: Option<String>,
}

/// What one guard says of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardStanding {
    /// Who.
    pub guard: PeerId,
    /// Shards alive, lost, not asked yet; none when the guard does not answer.
    pub shards: Option<(u64, u64, u64)>,
    /// Audits it wrote.
    pub audits: u64,
    /// Shards it repaired under the placement it watches.
    pub repaired: u64,
    /// What it counts on from this wallet, smallest units.
    pub paid: Option<Amount>,
    /// Why it does not answer.
    pub why: Option<String>,
}

/// What taking repairs over came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Shards whose new place is this wallet's own now.
    pub taken: usize,
    /// Shards a guard moved that could not be taken over, and why.
    pub left: Vec<String>,
    /// Guards whose word does not hold, and what is wrong.
    pub liars: Vec<(PeerId, String)>,
}

/// What one guard was paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardPaid {
    /// Who.
    pub guard: PeerId,
    /// New verdicts that hold.
    pub verdicts: u64,
    /// New verdicts that do not, and are not paid.
    pub refused: u64,
    /// What the guard counts on now, smallest units.
    pub cumulative: Amount,
    /// Why it was not paid.
    pub why: Option<String>,
}

/// What is remembered of one guard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Account {
    #[n(0)]
    guard: PeerId,
    /// The number of the next audit to be read.
    #[n(1)]
    next: u64,
    /// Earned with this object, smallest units.
    #[n(2)]
    earned: Amount,
    /// When the last paid verdict of each place was asked, by its agreement.
    #[n(3)]
    last: Vec<(AgreementDigest, u64)>,
    /// Of `earned`, what repairs that were taken over cost.
    #[n(4)]
    repairs: Amount,
}

/// The file of one object.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Guarded {
    #[n(0)]
    order: SignedOrder,
    #[n(1)]
    accounts: Vec<Account>,
}

fn path(inner: &Inner, object: &ObjectId) -> std::path::PathBuf {
    inner.book.path(&format!("guards/{object}"))
}

fn read(inner: &Inner, object: &ObjectId) -> Result<Guarded, Error> {
    let path = path(inner, object);
    let none = |_| Error::NoGuards { object: *object };
    let bytes = std::fs::read(&path).map_err(none)?;
    codec::from_bytes("guards", &bytes).map_err(|error| Error::Book {
        path: path.display().to_string(),
        why: error.to_string(),
    })
}

/// Durable when it returns.
fn write(inner: &Inner, object: &ObjectId, guarded: &Guarded) -> Result<(), Error> {
    let path = path(inner, object);
    let failed = |source| Error::File {
        path: path.display().to_string(),
        source,
    };
    let fresh = path.with_extension("new");
    let mut out = std::fs::File::create(&fresh).map_err(failed)?;
    out.write_all(&codec::to_bytes(guarded)).map_err(failed)?;
    out.sync_all().map_err(failed)?;
    std::fs::rename(&fresh, &path).map_err(failed)?;
    let dir = inner.book.path("guards");
    std::fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

/// The order over an object's newest placement, on the terms of an earlier one or of new ones.
fn order(
    renter: &Renter,
    object: ObjectId,
    serial: u64,
    terms: &GuardTerms,
) -> Result<SignedOrder, Error> {
    let inner = &*renter.inner;
    let record = inner.book.object(&object)?;
    let placement = record.placement.clone();
    let all = lease::read(inner, &record)?;
    let end = placement.placement.end_epoch;
    let ends = placement.placement.places.iter();
    let ends = ends.map(|place| {
        all.get(&place.agreement)
            .map_or(end, |terms| terms.end_epoch)
    });
    let mut grants = Vec::new();
    if terms.budget > Amount::ZERO {
        for guard in &terms.guards {
            let grant = RepairGrant {
                object,
                guard: guard.peer,
                max_price: terms.max_price,
                bytes_per_epoch: terms.bytes_per_epoch,
                budget: terms.budget,
                min_stake: Amount::ZERO,
                failure_domain_rule: terms.rule,
                expiry: end,
            };
            let chain_id = inner.network.chain_id;
            grants.push(SignedGrant::sign(grant, chain_id, &inner.key)?);
        }
    }
    let named = terms.guards.iter().map(|guard| NamedGuard {
        peer: guard.peer,
        addrs: guard.addrs.clone(),
    });
    let order = GuardOrder {
        descriptor: record.descriptor.clone(),
        ends: ends.collect(),
        placement,
        guards: named.collect(),
        round_s: terms.round_s,
        leaves: terms.leaves,
        margin: terms.margin,
        price: terms.price,
        grants,
        serial,
    };
    Ok(SignedOrder::sign(order, &inner.id, &inner.key))
}

/// Names guards.
pub(crate) async fn name(
    renter: &Renter,
    object: ObjectId,
    terms: &GuardTerms,
) -> Result<Vec<Named>, Error> {
    let inner = &*renter.inner;
    if terms.guards.is_empty() {
        return Err(Error::NoGuards { object });
    }
    let before = read(inner, &object).ok();
    let serial = before
        .as_ref()
        .map_or(0, |before| before.order.order.serial + 1);
    let order = order(renter, object, serial, terms)?;
    order.check(&inner.id, inner.network.chain_id)?;
    let mut accounts = before.map(|before| before.accounts).unwrap_or_default();
    for guard in &terms.guards {
        if !accounts.iter().any(|known| known.guard == guard.peer) {
            accounts.push(Account {
                guard: guard.peer,
                next: 0,
                earned: Amount::ZERO,
                last: Vec::new(),
                repairs: Amount::ZERO,
            });
        }
    }
    let guarded = Guarded { order, accounts };
    write(inner, &object, &guarded)?;
    Ok(tell(inner, &guarded.order).await)
}

/// Gives an order to every guard it names.
async fn tell(inner: &Inner, order: &SignedOrder) -> Vec<Named> {
    let told = order.order.guards.iter().map(|guard| async move {
        let told = guard::name(inner.peers.as_ref(), &addr(guard), order).await;
        Named {
            guard: guard.peer,
            why: told.err().map(|error| error.to_string()),
        }
    });
    futures::future::join_all(told).await
}

fn addr(guard: &NamedGuard) -> PeerAddr {
    PeerAddr {
        peer: guard.peer,
        addrs: guard.addrs.clone(),
    }
}

/// What each guard says.
pub(crate) async fn standings(
    renter: &Renter,
    object: ObjectId,
) -> Result<Vec<GuardStanding>, Error> {
    let inner = &*renter.inner;
    let guarded = read(inner, &object)?;
    let asked = guarded.order.order.guards.iter().map(|guard| async move {
        let said = guard::look(inner.peers.as_ref(), &addr(guard), object).await;
        match said {
            Ok(said) => GuardStanding {
                guard: guard.peer,
                shards: Some((said.alive, said.lost, said.unasked)),
                audits: said.audits,
                repaired: said.repaired,
                paid: Some(said.paid),
                why: None,
            },
            Err(error) => GuardStanding {
                guard: guard.peer,
                shards: None,
                audits: 0,
                repaired: 0,
                paid: None,
                why: Some(error.to_string()),
            },
        }
    });
    Ok(futures::future::join_all(asked).await)
}

/// Tells the guards of a new placement; nothing when none is named.
pub(crate) async fn renew_order(renter: &Renter, object: ObjectId) -> Result<(), Error> {
    let inner = &*renter.inner;
    let Ok(mut guarded) = read(inner, &object) else {
        return Ok(());
    };
    let old = &guarded.order.order;
    let first = old.grants.first().map(|signed| &signed.grant);
    let terms = GuardTerms {
        guards: old.guards.iter().map(addr).collect(),
        round_s: old.round_s,
        leaves: old.leaves,
        margin: old.margin,
        price: old.price,
        budget: first.map_or(Amount::ZERO, |grant| grant.budget),
        max_price: first.map_or(Amount::ZERO, |grant| grant.max_price),
        bytes_per_epoch: first.map_or(0, |grant| grant.bytes_per_epoch),
        rule: first.map_or(DomainRule::Host, |grant| grant.failure_domain_rule),
    };
    guarded.order = order(renter, object, old.serial + 1, &terms)?;
    write(inner, &object, &guarded)?;
    for told in tell(inner, &guarded.order).await {
        if let Some(why) = told.why {
            tracing::info!(peer = %told.guard, err = %why, "guard did not take the new order");
        }
    }
    Ok(())
}

/// Reads, checks and pays.
pub(crate) async fn pay(renter: &Renter, object: ObjectId) -> Result<Vec<GuardPaid>, Error> {
    let inner = &*renter.inner;
    let mut paid = Vec::new();
    let order = read(inner, &object)?.order.order;
    for guard in &order.guards {
        let to = addr(guard);
        paid.push(match pay_one(renter, object, &order, &to).await {
            Ok(one) => one,
            Err(error @ (Error::File { .. } | Error::Book { .. })) => return Err(error),
            Err(error) => GuardPaid {
                guard: guard.peer,
                verdicts: 0,
                refused: 0,
                cumulative: Amount::ZERO,
                why: Some(error.to_string()),
            },
        });
    }
    Ok(paid)
}

async fn pay_one(
    renter: &Renter,
    object: ObjectId,
    order: &GuardOrder,
    to: &PeerAddr,
) -> Result<GuardPaid, Error> {
    let inner = &*renter.inner;
    let mut guarded = read(inner, &object)?;
    let none = || Error::NoGuards { object };
    let known = guarded.accounts.iter_mut().find(|one| one.guard == to.peer);
    let account = known.ok_or_else(none)?;
    let (mut good, mut bad) = (0, 0);
    loop {
        let peers = inner.peers.as_ref();
        let (verdicts, next, more) = guard::audits(peers, to, object, account.next)
            .await
            .map_err(|source| Error::Talk { source })?;
        for signed in &verdicts {
            match worth(signed, order, account, inner) {
                true => good += 1,
                false => bad += 1,
            }
        }
        account.next = next;
        if !more {
            break;
        }
    }
    let fee = Amount(order.price.0.saturating_mul(u128::from(good)));
    account.earned = account.earned.plus(fee)?;
    write(inner, &object, &guarded)?;
    // Every object's earnings at this guard together: one cheque, one rising sum.
    let earned = earned_by(inner, &to.peer)?;
    let payee = to.peer.address()?;
    let promised = inner.book.promised_to(inner.vault, payee)?;
    let mut sum = promised;
    if earned > promised {
        let added = earned.minus(promised)?;
        sum = inner.book.issue(inner.vault, payee, added)?;
    }
    if sum > Amount::ZERO {
        let cheque = Cheque {
            vault: inner.vault,
            beneficiary: payee,
            cumulative: sum,
            token: None,
        };
        let cheque = cheque.sign(inner.network.chain_id, &inner.key);
        let taken = guard::pay(inner.peers.as_ref(), to, cheque).await;
        taken.map_err(|source| Error::Talk { source })?;
    }
    Ok(GuardPaid {
        guard: to.peer,
        verdicts: good,
        refused: bad,
        cumulative: sum,
        why: None,
    })
}

/// Every audit of one guard.
pub(crate) async fn audits(
    renter: &Renter,
    object: ObjectId,
    of: &PeerAddr,
) -> Result<Vec<SignedVerdict>, Error> {
    let (peers, mut from, mut all) = (renter.inner.peers.as_ref(), 0, Vec::new());
    loop {
        let (page, next, more) = guard::audits(peers, of, object, from)
            .await
            .map_err(|source| Error::Talk { source })?;
        all.extend(page);
        from = next;
        if !more {
            return Ok(all);
        }
    }
}

/// What all objects' files say one guard earned.
fn earned_by(inner: &Inner, guard: &PeerId) -> Result<Amount, Error> {
    let mut sum = Amount::ZERO;
    let dir = inner.book.path("guards");
    let failed = |source| Error::File {
        path: dir.display().to_string(),
        source,
    };
    let mut objects = BTreeSet::new();
    for entry in std::fs::read_dir(&dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        objects.extend(name.to_string_lossy().parse::<ObjectId>());
    }
    for object in objects {
        let guarded = read(inner, &object)?;
        let own = guarded.accounts.iter().filter(|one| one.guard == *guard);
        for account in own {
            sum = sum.plus(account.earned)?;
        }
    }
    Ok(sum)
}

/// Whether a verdict is paid: it follows from its evidence, is about a place of the order, and a
/// round has passed since the last one that was paid for that place; so a verdict shown again, or
/// more of them than were asked for, earn nothing.
fn worth(signed: &SignedVerdict, order: &GuardOrder, account: &mut Account, inner: &Inner) -> bool {
    if host_proof::check_verdict(signed, &inner.id).is_err() {
        return false;
    }
    let asked = &signed.verdict.challenge;
    let Ok(descriptor) = host_core::object::Descriptor::from_bytes(&order.descriptor) else {
        return false;
    };
    let mut places = order.placement.placement.places.iter();
    let place = places.find(|place| place.agreement == asked.agreement);
    let about = place.and_then(|place| shard_of(&descriptor, place));
    if about != Some((asked.shard, asked.shard_len)) || asked.leaves != order.leaves {
        return false;
    }
    let round_ms = order.round_s.saturating_mul(1000);
    let last = account
        .last
        .iter_mut()
        .find(|(of, _)| *of == asked.agreement);
    match last {
        // A fifth of a round may be early: rounds are spread, not counted.
        Some((_, at)) if asked.at_ms < at.saturating_add(round_ms / 5 * 4) => false,
        Some((_, at)) => {
            *at = asked.at_ms;
            true
        }
        None => {
            account.last.push((asked.agreement, asked.at_ms));
            true
        }
    }
}
