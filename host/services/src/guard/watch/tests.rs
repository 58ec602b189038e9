//! One object of two segments, watched: what is due, what is lost, what is endangered first.

use std::time::Duration;

use host_core::challenge::{Challenge, Finding, SignedVerdict, Verdict};
use host_core::geometry::{Codec, Geometry};
use host_core::identity::SecretKey;
use host_core::object::{Cipher, Descriptor, Place, Placement, Segment, SignedPlacement};
use host_core::repair::GuardOrder;
use host_core::{AgreementDigest, Amount, Digest32, NetworkId, ShardId, codec};

use super::Watched;

const NETWORK: NetworkId = NetworkId([7; 32]);
const ROUND: Duration = Duration::from_secs(80);

fn key() -> SecretKey {
    SecretKey::from_bytes(&[2; 32]).expect("a scalar")
}

/// Two segments of 2+2 shards; the margin is one.
fn watched() -> Watched {
    let geometry = Geometry {
        codec: Codec::of_counts(2, 2),
        data: 2,
        parity: 2,
        ..Geometry::standard()
    };
    let segment = |first: u8, len| Segment {
        len,
        shards: (first..first + 4).map(|n| ShardId([n; 32])).collect(),
    };
    let long = geometry.segment_len;
    let descriptor = Descriptor {
        version: 1,
        geometry,
        cipher: Cipher::None,
        len: long + 1000,
        segments: vec![segment(0, long), segment(4, 1000)],
        sha256: None,
    };
    let places = (0..8u8).map(|n| Place {
        segment: u32::from(n / 4),
        index: u16::from(n % 4),
        host: key().peer_id(),
        addrs: Vec::new(),
        agreement: AgreementDigest([n; 32]),
    });
    let placement = Placement {
        object: descriptor.id(),
        owner: key().address(),
        version: 1,
        end_epoch: 9,
        places: places.collect(),
    };
    let order = GuardOrder {
        descriptor: codec::to_bytes(&descriptor),
        placement: SignedPlacement::sign(placement, &NETWORK, &key()),
        ends: vec![9; 8],
        guards: Vec::new(),
        round_s: ROUND.as_secs(),
        leaves: 4,
        margin: 1,
        price: Amount(0),
        grants: Vec::new(),
        serial: 0,
    };
    Watched::new(order, descriptor, None, Duration::ZERO)
}

fn found(number: u8, finding: Finding) -> SignedVerdict {
    let challenge = Challenge {
        guard: key().peer_id(),
        host: key().peer_id(),
        agreement: AgreementDigest([number; 32]),
        shard: ShardId([number; 32]),
        shard_len: 1,
        seed: Digest32([0; 32]),
        leaves: 4,
        at_ms: 0,
        until_ms: 0,
    };
    let verdict = Verdict {
        challenge,
        finding,
        proof: None,
        why: String::new(),
        at_ms: 0,
    };
    SignedVerdict::sign(verdict, &NETWORK, &key())
}

fn lose(one: &mut Watched, numbers: &[u8]) {
    for number in numbers {
        for _ in 0..3 {
            one.learn(&found(*number, Finding::Missed), Duration::ZERO);
        }
    }
}

#[test]
fn the_first_questions_are_spread_over_one_round() {
    let one = watched();
    assert!(one.due(ROUND).len() == 8 && one.due(Duration::ZERO).len() < 8);
    assert_eq!(
        one.counts(),
        (8, 0, 8),
        "what was not asked counts as alive"
    );
    assert!(one.dangers(false).is_empty());
}

#[test]
fn one_wrong_proof_or_three_misses_lose_a_shard_and_an_answer_brings_it_back() {
    let mut one = watched();
    one.learn(&found(0, Finding::Wrong), Duration::ZERO);
    assert_eq!(one.counts().1, 1);
    one.learn(&found(1, Finding::Missed), Duration::ZERO);
    one.learn(&found(1, Finding::Missed), Duration::ZERO);
    assert_eq!(one.counts().1, 1);
    one.learn(&found(1, Finding::Missed), Duration::ZERO);
    assert_eq!(one.counts().1, 2);
    one.learn(&found(0, Finding::Kept), Duration::ZERO);
    one.learn(&found(1, Finding::Kept), Duration::ZERO);
    assert_eq!(one.counts(), (8, 0, 6));
}

#[test]
fn a_missed_shard_is_asked_again_sooner_until_it_is_lost() {
    let mut one = watched();
    let due = |one: &Watched| one.spots[&AgreementDigest([3; 32])].due;
    one.learn(&found(3, Finding::Missed), ROUND);
    assert_eq!(due(&one), ROUND + ROUND / 8);
    one.learn(&found(3, Finding::Missed), ROUND);
    one.learn(&found(3, Finding::Missed), ROUND);
    one.learn(&found(3, Finding::Missed), ROUND);
    assert_eq!(due(&one), ROUND * 2);
}

#[test]
fn the_most_endangered_segment_comes_first() {
    let mut one = watched();
    lose(&mut one, &[1]);
    assert!(
        one.dangers(false).is_empty(),
        "three of data and margin live"
    );
    let urgent = one.dangers(true);
    assert_eq!((urgent.len(), urgent[0].lost.len()), (1, 1));
    lose(&mut one, &[0, 4, 5, 6]);
    let dangers = one.dangers(false);
    let told: Vec<_> = dangers
        .iter()
        .map(|d| (d.segment, d.alive, d.lost.len()))
        .collect();
    assert_eq!(told, [(1, 1, 3), (0, 2, 2)]);
}

#[test]
fn a_leaving_hosts_shard_is_moved_though_enough_others_are_alive() {
    let mut one = watched();
    lose(&mut one, &[5]);
    one.leaves(&AgreementDigest([0; 32]));
    one.learn(&found(0, Finding::Missed), Duration::ZERO);
    let dangers = one.dangers(false);
    let told: Vec<_> = dangers.iter().map(|d| (d.segment, d.lost.len())).collect();
    assert_eq!(told, [(0, 1)], "what is only lost waits for the margin");
    assert_eq!(one.leaving().len(), 1, "and can be read meanwhile");
    one.learn(&found(0, Finding::Kept), Duration::ZERO);
    assert!(one.dangers(false).is_empty(), "it stays after all");
    assert!(one.leaving().is_empty());
}
