//! Verdicts written, read back, torn.

use host_core::challenge::{Challenge, Finding, SignedVerdict, Verdict};
use host_core::identity::SecretKey;
use host_core::{AgreementDigest, Digest32, NetworkId, ObjectId, ShardId};

use super::Audits;

fn verdict(number: u8) -> SignedVerdict {
    let key = SecretKey::from_bytes(&[2; 32]).expect("a scalar");
    let challenge = Challenge {
        guard: key.peer_id(),
        host: key.peer_id(),
        agreement: AgreementDigest([number % 3; 32]),
        shard: ShardId([1; 32]),
        shard_len: 1000,
        seed: Digest32([number; 32]),
        leaves: 4,
        at_ms: u64::from(number),
        until_ms: 100,
    };
    let verdict = Verdict {
        challenge,
        finding: Finding::Missed,
        proof: None,
        why: "silent".into(),
        at_ms: u64::from(number),
    };
    SignedVerdict::sign(verdict, &NetworkId([7; 32]), &key)
}

fn object() -> ObjectId {
    ObjectId::of_descriptor(b"an object")
}

#[test]
fn audits_come_back_in_order_and_in_pages() {
    let dir = tempfile::tempdir().expect("made");
    let mut audits = Audits::open(dir.path()).expect("opens");
    for number in 0..10 {
        audits.append(&object(), &verdict(number)).expect("written");
    }
    let mut again = Audits::open(dir.path()).expect("opens");
    assert_eq!(again.count(&object()).expect("counted"), 10);
    let (first, next) = again.page(&object(), 0, 1).expect("read");
    assert_eq!((first, next), (vec![verdict(0)], 1));
    let (rest, next) = again.page(&object(), 1, 1 << 20).expect("read");
    assert_eq!((rest.len(), next), (9, 10));
    assert_eq!(
        again.page(&object(), 10, 1).expect("read"),
        (Vec::new(), 10)
    );
    let newest = again.newest(&object()).expect("read");
    assert_eq!(newest, [verdict(7), verdict(8), verdict(9)]);
}

#[test]
fn a_torn_audit_is_unseen_and_cut_off_by_the_next() {
    let dir = tempfile::tempdir().expect("made");
    let mut audits = Audits::open(dir.path()).expect("opens");
    audits.append(&object(), &verdict(0)).expect("written");
    let path = dir.path().join(object().to_string());
    let whole = std::fs::read(&path).expect("read");
    audits.append(&object(), &verdict(1)).expect("written");
    let both = std::fs::read(&path).expect("read");
    for cut in whole.len()..both.len() {
        std::fs::write(&path, &both[..cut]).expect("torn");
        let mut again = Audits::open(dir.path()).expect("opens");
        assert_eq!(again.count(&object()).expect("counted"), 1, "cut at {cut}");
    }
    let mut again = Audits::open(dir.path()).expect("opens");
    again.append(&object(), &verdict(2)).expect("written");
    let mut last = Audits::open(dir.path()).expect("opens");
    let (all, _) = last.page(&object(), 0, 1 << 20).expect("read");
    assert_eq!(all, [verdict(0), verdict(2)]);
}
