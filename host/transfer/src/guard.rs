//! Conversations with a guard: name it, read what it found and repaired, ask for a second opinion,
//! pay it. What a guard says is checked by whoever asked: its words are signed.

use host_core::challenge::SignedVerdict;
use host_core::cheque::SignedCheque;
use host_core::identity::SecretKey;
use host_core::repair::{SignedOrder, SignedRepair};
use host_core::seams::{PeerAddr, Peers};
use host_core::signed::{self, REPAIR_NOW, repair_now_body};
use host_core::wire::{GuardReply, GuardRequest, Protocol};
use host_core::{AgreementDigest, Amount, NetworkId, ObjectId, codec, limits};

use crate::error::Error;
use crate::link::Link;

/// How an object stands with one guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Version of the placement that is watched.
    pub version: u64,
    /// Shards alive.
    pub alive: u64,
    /// Shards held for lost.
    pub lost: u64,
    /// Shards not asked yet.
    pub unasked: u64,
    /// Audits written.
    pub audits: u64,
    /// Shards repaired under this version.
    pub repaired: u64,
    /// What the guard counts on from the owner's vault.
    pub paid: Amount,
}

/// Gives a guard an order; it is durable there when this returns.
pub async fn name(peers: &dyn Peers, to: &PeerAddr, order: &SignedOrder) -> Result<(), Error> {
    let bytes = codec::to_bytes(order);
    let mut link = Link::open(peers, to, Protocol::Guard).await?;
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    link.say(&GuardRequest::Name { len }).await?;
    for run in bytes.chunks(limits::BODY_LEN_MAX) {
        link.run(run).await?;
    }
    let during = "naming a guard";
    match link.hear(during).await? {
        GuardReply::Named => {
            link.done().await;
            Ok(())
        }
        GuardReply::Refused(refusal) => Err(link.refused(refusal)),
        _ => Err(link.turn(during)),
    }
}

/// One request and its reply.
async fn ask(
    peers: &dyn Peers,
    to: &PeerAddr,
    request: GuardRequest,
    during: &'static str,
) -> Result<(Link, GuardReply), Error> {
    let mut link = Link::open(peers, to, Protocol::Guard).await?;
    link.say(&request).await?;
    match link.hear(during).await? {
        GuardReply::Refused(refusal) => Err(link.refused(refusal)),
        reply => Ok((link, reply)),
    }
}

/// How an object stands.
pub async fn look(peers: &dyn Peers, to: &PeerAddr, object: ObjectId) -> Result<Standing, Error> {
    let during = "asking how an object stands";
    let (link, reply) = ask(peers, to, GuardRequest::Look { object }, during).await?;
    let GuardReply::Standing {
        version,
        alive,
        lost,
        unasked,
        audits,
        repaired,
        paid,
    } = reply
    else {
        return Err(link.turn(during));
    };
    link.done().await;
    Ok(Standing {
        version,
        alive,
        lost,
        unasked,
        audits,
        repaired,
        paid,
    })
}

/// Audits from number `from` on: the verdicts, the number after the last, whether more follow.
/// Nothing is checked here but that they are this guard's.
pub async fn audits(
    peers: &dyn Peers,
    to: &PeerAddr,
    object: ObjectId,
    from: u64,
) -> Result<(Vec<SignedVerdict>, u64, bool), Error> {
    let during = "reading audits";
    let (link, reply) = ask(peers, to, GuardRequest::Audits { object, from }, during).await?;
    let GuardReply::Audits {
        verdicts,
        next,
        more,
    } = reply
    else {
        return Err(link.turn(during));
    };
    let own = |signed: &SignedVerdict| signed.verdict.challenge.guard == to.peer;
    if !verdicts.iter().all(own) || (more && next <= from) {
        return Err(link.turn(during));
    }
    link.done().await;
    Ok((verdicts, next, more))
}

/// A verdict this guard finds now about one place, signed by it.
pub async fn second(
    peers: &dyn Peers,
    to: &PeerAddr,
    network: &NetworkId,
    object: ObjectId,
    agreement: AgreementDigest,
) -> Result<SignedVerdict, Error> {
    let during = "asking for a second opinion";
    let request = GuardRequest::Second { object, agreement };
    let (link, reply) = ask(peers, to, request, during).await?;
    let GuardReply::Opinion(signed) = reply else {
        return Err(link.turn(during));
    };
    let asked = &signed.verdict.challenge;
    if asked.guard != to.peer || asked.agreement != agreement {
        return Err(link.turn(during));
    }
    host_proof::check_verdict(&signed, network)
        .map_err(|_| link.word("verdict", host_core::Error::Encoding { what: "verdict" }))?;
    link.done().await;
    Ok(signed)
}

/// What this guard repaired of an object; none when nothing.
pub async fn repairs(
    peers: &dyn Peers,
    to: &PeerAddr,
    object: ObjectId,
) -> Result<Option<SignedRepair>, Error> {
    let during = "asking for repairs";
    let (link, reply) = ask(peers, to, GuardRequest::Repairs { object }, during).await?;
    let GuardReply::Repaired(signed) = reply else {
        return Err(link.turn(during));
    };
    link.done().await;
    Ok(signed)
}

/// Hands a cheque over; returns the sum the guard now counts on.
pub async fn pay(peers: &dyn Peers, to: &PeerAddr, cheque: SignedCheque) -> Result<Amount, Error> {
    let during = "paying a guard";
    let (link, reply) = ask(peers, to, GuardRequest::Pay { cheque }, during).await?;
    let GuardReply::Paid { cumulative } = reply else {
        return Err(link.turn(during));
    };
    link.done().await;
    Ok(cumulative)
}

/// Asks for repair at once, in the owner's name.
pub async fn repair_now(
    peers: &dyn Peers,
    to: &PeerAddr,
    network: &NetworkId,
    object: ObjectId,
    at_ms: u64,
    key: &SecretKey,
) -> Result<(), Error> {
    let during = "asking for repair";
    let signature = signed::sign(key, REPAIR_NOW, network, &repair_now_body(&object, at_ms));
    let request = GuardRequest::RepairNow {
        object,
        at_ms,
        signature,
    };
    let (link, reply) = ask(peers, to, request, during).await?;
    let GuardReply::Queued = reply else {
        return Err(link.turn(during));
    };
    link.done().await;
    Ok(())
}
