//! A shard of some units, an honest answer, and every way to lie about it.

use host_core::challenge::{Challenge, Finding, ShownLeaf, ShownProof, SignedVerdict, Verdict};
use host_core::identity::SecretKey;
use host_core::limits::UNIT_LEN;
use host_core::{AgreementDigest, Digest32, NetworkId};

use super::{check_verdict, draw, judge};
use crate::{Error, LEAVES_PER_UNIT, TreeBuilder, prove};

const NETWORK: NetworkId = NetworkId([7; 32]);

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("a scalar of the curve")
}

fn shard(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

/// A challenge about `bytes` and the host's honest answer.
fn asked(bytes: &[u8], leaves: u32) -> (Challenge, ShownProof) {
    let mut tree = TreeBuilder::new();
    tree.push(bytes);
    let tree = tree.finish().expect("a shard");
    let challenge = Challenge {
        guard: key(2).peer_id(),
        host: key(3).peer_id(),
        agreement: AgreementDigest([4; 32]),
        shard: tree.shard_id(),
        shard_len: tree.len,
        seed: Digest32([5; 32]),
        leaves,
        at_ms: 1000,
        until_ms: 31_000,
    };
    let drawn = draw(&challenge.seed, &challenge.shard, tree.len, leaves);
    let show = |index: u64| {
        let unit = index as usize / LEAVES_PER_UNIT;
        let end = bytes.len().min((unit + 1) * UNIT_LEN);
        let shown = prove(index, &bytes[unit * UNIT_LEN..end], &tree.units, tree.len);
        let shown = shown.expect("the bytes are the shard's");
        ShownLeaf {
            leaf: shown.leaf,
            path: shown.path,
        }
    };
    let shown: Vec<_> = drawn.into_iter().map(show).collect();
    let proof = signed(&challenge, shown);
    (challenge, proof)
}

fn signed(challenge: &Challenge, leaves: Vec<ShownLeaf>) -> ShownProof {
    let digest = ShownProof::digest(challenge, &ShownProof::leaves_digest(&leaves), &NETWORK);
    let signature = key(3).sign(&digest);
    ShownProof { leaves, signature }
}

fn verdict(challenge: Challenge, finding: Finding, proof: Option<ShownProof>) -> SignedVerdict {
    let verdict = Verdict {
        challenge,
        finding,
        proof,
        why: String::new(),
        at_ms: 2000,
    };
    SignedVerdict::sign(verdict, &NETWORK, &key(2))
}

#[test]
fn an_honest_answer_is_kept_for_every_length() {
    for len in [1, 255, 256, 257, UNIT_LEN, UNIT_LEN + 1, 5 * UNIT_LEN + 777] {
        let (challenge, proof) = asked(&shard(len), 16);
        judge(&challenge, &proof).expect("it holds");
        let signed = verdict(challenge, Finding::Kept, Some(proof));
        assert_eq!(check_verdict(&signed, &NETWORK), Ok(Finding::Kept));
    }
}

#[test]
fn draws_differ_with_the_seed_and_lie_within_the_shard() {
    let (challenge, _) = asked(&shard(3 * UNIT_LEN), 1);
    let of = |seed| {
        draw(
            &Digest32([seed; 32]),
            &challenge.shard,
            challenge.shard_len,
            64,
        )
    };
    assert_ne!(of(1), of(2));
    assert!(of(1).iter().all(|index| *index < 3 * 256));
}

#[test]
fn one_changed_byte_of_a_leaf_or_path_is_wrong() {
    let (challenge, honest) = asked(&shard(3 * UNIT_LEN), 4);
    let mut bytes = honest.leaves.clone();
    bytes[2].leaf[9] ^= 1;
    let mut path = honest.leaves.clone();
    path[1].path[3].0[0] ^= 1;
    let mut short = honest.leaves.clone();
    short.pop();
    for leaves in [bytes, path, short] {
        let proof = signed(&challenge, leaves);
        judge(&challenge, &proof).expect_err("it does not hold");
        let told = verdict(challenge.clone(), Finding::Wrong, Some(proof));
        assert_eq!(check_verdict(&told, &NETWORK), Ok(Finding::Wrong));
    }
}

#[test]
fn a_guard_that_lies_is_named() {
    let (challenge, proof) = asked(&shard(UNIT_LEN), 4);
    let other = Challenge {
        seed: Digest32([9; 32]),
        ..challenge.clone()
    };
    let lies = [
        verdict(challenge.clone(), Finding::Wrong, Some(proof.clone())),
        verdict(challenge.clone(), Finding::Missed, Some(proof.clone())),
        verdict(challenge.clone(), Finding::Kept, None),
        verdict(challenge, Finding::Wrong, None),
        // The proof of another challenge, shown again.
        verdict(other, Finding::Kept, Some(proof)),
    ];
    for lie in lies {
        let guard = key(2).peer_id();
        let found = check_verdict(&lie, &NETWORK);
        assert!(matches!(found, Err(Error::Verdict { guard: named, .. }) if named == guard));
    }
}

#[test]
fn a_verdict_changed_after_it_was_signed_is_nobodys() {
    let (challenge, proof) = asked(&shard(UNIT_LEN), 2);
    let mut told = verdict(challenge, Finding::Kept, Some(proof));
    told.verdict.at_ms += 1;
    assert!(matches!(
        check_verdict(&told, &NETWORK),
        Err(Error::Value(host_core::Error::Signature { .. }))
    ));
    let (challenge, proof) = asked(&shard(UNIT_LEN), 2);
    let told = verdict(challenge, Finding::Kept, Some(proof));
    assert!(check_verdict(&told, &NetworkId([8; 32])).is_err());
}

/// A host that lost a part of a shard is found as often as theory says: with a part p lost, n
/// leaves meet it with chance 1 - (1 - p)^n. Seeds are numbers, so the counts repeat.
#[test]
fn losses_are_found_as_often_as_theory_says() {
    let (challenge, _) = asked(&shard(8 * UNIT_LEN), 1);
    let leaves = 8 * 256u64;
    for (lost, count) in [(20u64, 64u32), (102, 8), (204, 16), (1024, 2)] {
        let rounds = 2000;
        let met = (0..rounds).filter(|round: &u32| {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&round.to_be_bytes());
            let drawn = draw(
                &Digest32(seed),
                &challenge.shard,
                challenge.shard_len,
                count,
            );
            drawn.iter().any(|index| *index < lost)
        });
        let measured = met.count() as f64 / f64::from(rounds);
        let part = lost as f64 / leaves as f64;
        let theory = 1.0 - (1.0 - part).powi(count as i32);
        // Four standard deviations of 2,000 throws.
        let bound = 4.0 * (theory * (1.0 - theory) / f64::from(rounds)).sqrt();
        assert!(
            (measured - theory).abs() <= bound,
            "{lost}/{count}: {measured} {theory}"
        );
    }
}
