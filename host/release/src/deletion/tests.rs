//! Goal: a report cannot claim more than hosts signed. Method: an object of one segment on three
//! real keys; each claim forged in its turn.

use host_core::agreement::{Agreement, PayMode};
use host_core::geometry::Geometry;
use host_core::identity::SecretKey;
use host_core::object::Segment;
use host_core::{AgreementId, Amount};

use super::*;

const NETWORK: &str = "net";
const CHAIN: u64 = 1337;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32]).expect("a key")
}

fn shard(index: u8) -> ShardId {
    ShardId([index; 32])
}

fn line(index: u16, freed: Option<bool>) -> DeletionLine {
    let byte = u8::try_from(index).expect("small");
    let host = key(10 + byte);
    let terms = Agreement {
        network: NetworkId::of_name(NETWORK),
        id: AgreementId([byte; 32]),
        renter: key(1).address(),
        host: host.address(),
        payout: host.address(),
        shard: shard(byte),
        shard_len: 4096,
        codec: 1,
        price: Amount(1),
        start_epoch: 1,
        end_epoch: 9,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    };
    let agreement = terms.digest(CHAIN);
    let receipt = freed.map(|freed| {
        let network = NetworkId::of_name(NETWORK);
        let body = deleted_body(&agreement, freed);
        let signature = signed::sign(&host, DELETED, &network, &body);
        DiscardReceipt {
            freed,
            signature: hex::encode(signature.0),
        }
    });
    DeletionLine {
        segment: 0,
        index,
        host: host.peer_id(),
        agreement,
        terms: Some(hex::encode(codec::to_bytes(&terms))),
        receipt,
        why: None,
    }
}

fn report(lines: [Option<bool>; 3]) -> Deletion {
    let geometry = Geometry::of_counts(2, 1).expect("a geometry");
    let descriptor = Descriptor {
        version: 1,
        geometry,
        cipher: Cipher::Aes256Gcm,
        len: 100,
        segments: vec![Segment {
            len: 100,
            shards: (0..3).map(shard).collect(),
        }],
        sha256: None,
    };
    let bytes = codec::to_bytes(&descriptor);
    Deletion {
        kind: Deletion::kind(),
        network: NETWORK.to_owned(),
        chain_id: CHAIN,
        object: ObjectId::of_descriptor(&bytes),
        owner: key(1).address(),
        asked_ms: 1,
        key_destroyed_ms: Some(2),
        records_replaced: Vec::new(),
        descriptor: hex::encode(&bytes),
        places: (0..)
            .zip(lines)
            .map(|(at, freed)| line(at, freed))
            .collect(),
        beyond_recall: beyond_recall(true),
    }
}

fn shown(report: &Deletion) -> DeletionShown {
    let again = Deletion::parse(&report.to_text()).expect("reads");
    assert_eq!(again, *report);
    again.show().expect("shows")
}

#[test]
fn receipts_of_every_host_make_a_deletion_whole() {
    let whole = shown(&report([Some(true); 3]));
    assert!(whole.is_whole(), "{whole:?}");
    assert_eq!((whole.freed, whole.segments_gone), (3, 1));
    let silent = shown(&report([Some(true), Some(true), None]));
    assert!(!silent.is_whole());
    assert_eq!((silent.silent, silent.segments_gone), (1, 1));
    let kept = shown(&report([Some(true), Some(false), None]));
    assert_eq!((kept.kept, kept.silent, kept.segments_gone), (1, 1, 0));
}

#[test]
fn nothing_that_a_host_did_not_sign_counts() {
    let forged = |forge: &dyn Fn(&mut Deletion)| {
        let mut report = report([Some(true); 3]);
        forge(&mut report);
        let shown = shown(&report);
        assert!(!shown.is_whole(), "{shown:?}");
        shown
    };
    // A host said that the bytes stay; the report says that they went.
    let lie = forged(&|report| {
        report.places[1] = line(1, Some(false));
        let receipt = report.places[1].receipt.as_mut().expect("one");
        receipt.freed = true;
    });
    assert_eq!((lie.freed, lie.faults.len()), (2, 1));
    // The same host's word under another agreement.
    let moved = forged(&|report| report.places[1].receipt = line(2, Some(true)).receipt);
    assert_eq!(moved.faults.len(), 1);
    // Another agreement's terms.
    let terms = forged(&|report| report.places[1].terms = line(2, None).terms);
    assert_eq!(terms.faults.len(), 1);
    // One host's receipt for two shards.
    let twice = forged(&|report| {
        report.places[1] = line(2, Some(true));
        report.places[1].index = 1;
    });
    assert_eq!(twice.faults.len(), 1);
    // A host left out.
    let left_out = forged(&|report| {
        report.places.pop();
    });
    assert_eq!(left_out.unplaced, 1);
    // Terms left out: a receipt of nobody knows what.
    let unbound = forged(&|report| report.places[0].terms = None);
    assert_eq!((unbound.unbound, unbound.freed), (1, 2));
    // Somebody else's agreement, or another network's.
    forged(&|report| report.owner = key(2).address());
    forged(&|report| report.network = "other".to_owned());
    forged(&|report| report.chain_id = 1);
}

#[test]
fn a_report_of_another_object_is_refused() {
    let mut other = report([Some(true); 3]);
    other.object = ObjectId([1; 32]);
    assert!(other.show().is_err());
    other.kind = "holdfast restore drill 1".to_owned();
    assert!(Deletion::parse(&other.to_text()).is_err());
}
