//! Whom this guard challenges on chain: a host that another guard, too, finds without a shard, and
//! that goes on counting it in its dataset.
//!
//! Enters: this guard's verdicts, a second guard's opinion, the host's own inclusion proof. Leaves:
//! accusations (`accuser`). Invariant: no bond is put at risk on this guard's word alone. A host
//! that answers on chain is doubted no more. Does not: slash, or challenge a host that is gone: its
//! missed proofs judge it.

use futures::stream::{StreamExt, iter};
use host_core::challenge::{Finding, SignedVerdict};
use host_core::object::Place;
use host_core::repair::NamedGuard;
use host_core::seams::{DatasetEntry, PeerAddr};
use host_proof::LeafProof;
use host_proof::dataset::Leaf;
use host_transfer::{guard, inclusion};

use super::accuser::{Accusation, Accuser, Ending};
use super::repair::addr;
use super::watch::Spot;
use super::{Guard, locked};
use crate::error::Error;

/// Suspects asked at the same time.
const AT_ONCE: usize = 8;

/// A shard that this guard finds lost.
struct Suspect {
    about: Accusation,
    place: Place,
    others: Vec<NamedGuard>,
}

/// The first asked leaf that was not shown right, or the first one when nothing was.
fn bad_leaf(spot: &Spot, signed: &SignedVerdict) -> u64 {
    let asked = &signed.verdict.challenge;
    let drawn = host_proof::draw(&asked.seed, &spot.shard, spot.len, asked.leaves);
    let shown = signed.verdict.proof.iter().flat_map(|proof| &proof.leaves);
    let wrong = drawn.iter().zip(shown).find(|(index, shown)| {
        let proof = LeafProof {
            leaf: shown.leaf.clone(),
            path: shown.path.clone(),
        };
        host_proof::verify(&spot.shard, spot.len, **index, &proof).is_err()
    });
    let first = wrong.map(|(index, _)| *index).or(drawn.first().copied());
    first.unwrap_or(0)
}

impl Guard {
    /// Opens challenges on hosts that lost what they are paid for, follows those that are open and
    /// claims those nobody answered; returns how many were opened. Does nothing on a network
    /// without the contract. Errors: a file could not be written, or the chain does not answer.
    pub async fn accuse(&self) -> Result<usize, Error> {
        let Some(accuser) = &self.accuser else {
            return Ok(0);
        };
        for (object, agreement, ending) in accuser.follow().await? {
            if ending == Ending::Answered
                && let Some(one) = locked(&self.watched).get_mut(&object)
            {
                one.doubt(&agreement);
            }
        }
        // Those that are gone cost a dial each, side by side; transactions go one by one.
        let asked = self.suspects(accuser)?.into_iter();
        let asked = asked.map(|suspect| self.evidence(suspect));
        let mut asked = iter(asked).buffer_unordered(AT_ONCE);
        let mut opened = 0;
        while let Some(found) = asked.next().await {
            if let Some((about, inclusion)) = found {
                opened += usize::from(accuser.accuse(&about, inclusion).await?);
            }
        }
        Ok(opened)
    }

    /// Lost shards at the owners' own places that nobody was challenged about.
    fn suspects(&self, accuser: &Accuser) -> Result<Vec<Suspect>, Error> {
        let mut suspects = Vec::new();
        for one in locked(&self.watched).values() {
            let placement = &one.order.placement.placement;
            for (place, end_epoch) in placement.places.iter().zip(&one.order.ends) {
                let spot = one.spots.get(&place.agreement);
                // Who leaves has the shard, and would win the bond by showing it.
                let Some(spot) = spot.filter(|spot| spot.is_lost() && !spot.leaving) else {
                    continue;
                };
                let Some(last) = &spot.last else { continue };
                let entry = DatasetEntry {
                    agreement: place.agreement,
                    shard: spot.shard,
                    len: spot.len,
                    end_epoch: *end_epoch,
                };
                let others = one.order.guards.iter();
                let others = others.filter(|guard| guard.peer != self.own);
                suspects.push(Suspect {
                    about: Accusation {
                        object: placement.object,
                        host: place.host,
                        entry,
                        index: bad_leaf(spot, last),
                    },
                    place: place.clone(),
                    others: others.cloned().collect(),
                });
            }
        }
        let mut fresh = Vec::new();
        for suspect in suspects {
            if !accuser.knows(&suspect.about.entry.agreement)? {
                fresh.push(suspect);
            }
        }
        Ok(fresh)
    }

    /// Whether another guard finds the same, now.
    async fn is_confirmed(&self, suspect: &Suspect) -> bool {
        let (peers, about) = (self.parts.peers.as_ref(), &suspect.about);
        let agreement = about.entry.agreement;
        for other in &suspect.others {
            let to = addr(other);
            let asked = guard::second(peers, &to, &self.id, about.object, agreement);
            if let Ok(signed) = asked.await {
                return signed.verdict.finding != Finding::Kept;
            }
        }
        false
    }

    /// The host's own word that its dataset has the shard, once another guard has confirmed that
    /// it is lost; none otherwise.
    async fn evidence(&self, suspect: Suspect) -> Option<(Accusation, Vec<u8>)> {
        let entry = &suspect.about.entry;
        let leaf = Leaf {
            agreement: entry.agreement,
            shard: entry.shard,
            len: entry.len,
            end_epoch: entry.end_epoch,
        };
        let to = PeerAddr {
            peer: suspect.place.host,
            addrs: suspect.place.addrs.clone(),
        };
        let peers = self.parts.peers.as_ref();
        let shown = inclusion::ask(peers, &to, &leaf).await.ok()?;
        if !self.is_confirmed(&suspect).await {
            return None;
        }
        Some((suspect.about, shown.inclusion.to_bytes().ok()?))
    }
}
