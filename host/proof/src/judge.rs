//! The judge of a challenge off chain: which leaves a seed draws, whether what a host showed leads
//! to the shard's name, and whether a guard's verdict follows from it.
//!
//! Pure, and over `verify`, which is what the contract computes: a guard, a second guard, a renter
//! and whoever reads an audit years later come to the same finding. Invariants: a verdict is only
//! believed with the evidence its finding needs (a proof that holds for kept, a proof signed by
//! the host that does not for wrong); `missed` is a guard's word alone and is believed as such.
//! Does not: know the time of day, or decide what follows from a verdict.

use host_core::challenge::{Challenge, Finding, ShownProof, SignedVerdict};
use host_core::{Digest32, NetworkId, ShardId};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::leaf::{LeafProof, verify};
use crate::shape;

/// The leaves a seed draws of a shard, in order: leaf i is the first eight bytes of
/// SHA-256("holdfast.challenge.1" || seed || shard || i as u32), big-endian, modulo the number of
/// leaves. Two draws may meet.
#[must_use]
pub fn draw(seed: &Digest32, shard: &ShardId, shard_len: u64, count: u32) -> Vec<u64> {
    let leaves = shape::leaf_count(shard_len).max(1);
    let one = |number: u32| {
        let mut hash = Sha256::new();
        hash.update(b"holdfast.challenge.1");
        hash.update(seed.0);
        hash.update(shard.0);
        hash.update(number.to_be_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let first = hash.first_chunk::<8>().copied().unwrap_or_default();
        u64::from_be_bytes(first) % leaves
    };
    (0..count).map(one).collect()
}

/// Whether what a host showed answers a challenge. Errors: LeafCount when there are more or fewer
/// leaves than were asked for; those of `verify` for the first leaf that does not hold.
pub fn judge(challenge: &Challenge, proof: &ShownProof) -> Result<(), Error> {
    let Challenge {
        seed,
        shard,
        shard_len,
        leaves,
        ..
    } = challenge;
    let (need, have) = (*leaves as usize, proof.leaves.len());
    if need != have {
        return Err(Error::LeafCount { need, have });
    }
    let drawn = draw(seed, shard, *shard_len, *leaves);
    for (index, shown) in drawn.into_iter().zip(&proof.leaves) {
        let proof = LeafProof {
            leaf: shown.leaf.clone(),
            path: shown.path.clone(),
        };
        verify(shard, *shard_len, index, &proof)?;
    }
    Ok(())
}

/// Checks a guard's verdict from nothing but itself: its signature, the host's signature on what it
/// showed, and that the finding follows. Errors: Value for a broken signature; Verdict when the
/// evidence says otherwise, which names the guard as the liar.
pub fn check_verdict(signed: &SignedVerdict, network: &NetworkId) -> Result<Finding, Error> {
    signed.check(network)?;
    let verdict = &signed.verdict;
    let guard = verdict.challenge.guard;
    let lie = |what| Err(Error::Verdict { guard, what });
    match (verdict.finding, &verdict.proof) {
        (Finding::Missed, None) => Ok(Finding::Missed),
        (Finding::Missed, Some(_)) => lie("says missed and carries a proof"),
        (Finding::Kept | Finding::Wrong, None) => lie("carries no proof"),
        (finding, Some(proof)) => {
            if proof.check(&verdict.challenge, network).is_err() {
                return lie("carries a proof its host did not sign");
            }
            match (finding, judge(&verdict.challenge, proof)) {
                (Finding::Kept, Ok(())) | (Finding::Wrong, Err(_)) => Ok(finding),
                (Finding::Kept, Err(_)) => lie("says kept over a proof that does not hold"),
                _ => lie("says wrong over a proof that holds"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
