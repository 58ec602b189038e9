//! A guard asks a host over frames in memory: honest answers, another shard, another name, too
//! much.

use std::time::Duration;

use host_core::challenge::Challenge;
use host_core::identity::SecretKey;
use host_core::wire::RefusalCode;
use host_core::{AgreementDigest, Digest32, ShardId, limits};
use host_transfer::challenge;

use super::Challengers;
use crate::tests::{CHAIN, Rig, body, code, host_key, network, renter_key, rig, store, terms};

/// A challenge about the shard that agreement 1 keeps.
fn about(body: &[u8], seed: u8, leaves: u32) -> Challenge {
    let terms = terms(body, 1);
    Challenge {
        guard: renter_key().peer_id(),
        host: host_key().peer_id(),
        agreement: terms.digest(CHAIN),
        shard: terms.shard,
        shard_len: terms.shard_len,
        seed: Digest32([seed; 32]),
        leaves,
        at_ms: 0,
        until_ms: 30_000,
    }
}

async fn ask(
    rig: &Rig,
    asked: &Challenge,
) -> Result<host_core::challenge::ShownProof, host_transfer::Error> {
    challenge::ask(&rig.peers, &rig.host, &network(), asked).await
}

#[tokio::test]
async fn a_host_shows_the_drawn_leaves_and_signs_them() {
    let rig = rig().await;
    let body = body(300_001);
    store(&rig, &body, 1).await;
    for seed in 0..4 {
        let asked = about(&body, seed, limits::CHALLENGE_LEAVES_MAX);
        let proof = ask(&rig, &asked).await.expect("answered");
        host_proof::judge(&asked, &proof).expect("it holds");
    }
}

#[tokio::test]
async fn a_challenge_about_a_shard_never_stored_is_refused_by_name() {
    let rig = rig().await;
    let body = body(70_000);
    store(&rig, &body, 1).await;
    let never = Challenge {
        agreement: AgreementDigest([9; 32]),
        ..about(&body, 1, 4)
    };
    assert_eq!(code(ask(&rig, &never).await), Some(RefusalCode::Unknown));
    let other = Challenge {
        shard: ShardId([9; 32]),
        ..about(&body, 1, 4)
    };
    let refused = ask(&rig, &other).await.expect_err("it is another shard");
    let text = refused.refusal().expect("said no").text.clone();
    assert!(text.contains("another shard than agreed"), "{text}");
}

#[tokio::test]
async fn a_challenge_in_another_name_is_refused() {
    let rig = rig().await;
    let body = body(70_000);
    store(&rig, &body, 1).await;
    let stranger = SecretKey::from_bytes(&[8; 32]).expect("a scalar").peer_id();
    let changes: [fn(&mut Challenge, host_core::PeerId); 2] = [
        |asked, who| asked.guard = who,
        |asked, who| asked.host = who,
    ];
    for change in changes {
        let mut asked = about(&body, 1, 4);
        change(&mut asked, stranger);
        assert_eq!(code(ask(&rig, &asked).await), Some(RefusalCode::Malformed));
    }
}

#[tokio::test]
async fn a_guard_that_demands_too_much_is_told_the_bound() {
    let rig = rig().await;
    let body = body(70_000);
    store(&rig, &body, 1).await;
    let most = limits::CHALLENGE_LEAVES_MAX;
    let asked = about(&body, 1, most + 1);
    assert_eq!(code(ask(&rig, &asked).await), Some(RefusalCode::Quota));
    for _ in 0..limits::CHALLENGE_LEAVES_PER_MINUTE / most {
        ask(&rig, &about(&body, 1, most))
            .await
            .expect("within the bound");
    }
    let refused = ask(&rig, &about(&body, 1, 1))
        .await
        .expect_err("it is over");
    let text = refused.refusal().expect("said no").text.clone();
    let guard = renter_key().peer_id().to_string();
    assert!(text.contains(&guard) && text.contains("2048"), "{text}");
}

#[test]
fn a_minute_later_a_guard_may_ask_again() {
    let mut all = Challengers::default();
    let guard = renter_key().peer_id();
    let most = limits::CHALLENGE_LEAVES_MAX;
    let at = Duration::from_secs(100);
    for _ in 0..limits::CHALLENGE_LEAVES_PER_MINUTE / most {
        all.take(&guard, most, at).expect("within the bound");
    }
    all.take(&guard, 1, at + Duration::from_secs(59))
        .expect_err("the minute runs");
    all.take(&guard, most, at + Duration::from_secs(60))
        .expect("another minute");
}
