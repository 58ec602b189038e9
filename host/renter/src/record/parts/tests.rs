//! Goal: a record of any length comes back from parts, and only from its own. Method: records cut
//! small, their parts lost, doubled, mixed between versions and forged.

use std::sync::Arc;

use host_core::object::{Placement, SignedPlacement};
use host_core::records::SignedRecord;
use host_core::{ObjectId, codec};

use super::{Gathering, ObjectRecord, bury, part_name, sign, sign_cut};
use crate::Inner;
use crate::record::tests::inner;

fn record(inner: &Inner, version: u64, len: usize) -> ObjectRecord {
    let placement = Placement {
        object: ObjectId([3; 32]),
        owner: inner.owner,
        version,
        end_epoch: 40,
        places: Vec::new(),
    };
    ObjectRecord {
        descriptor: (0..len).map(|i| i as u8).collect(),
        secret: vec![version as u8; 50],
        placement: SignedPlacement::sign(placement, &inner.id, &inner.key),
    }
}

fn gather<'a>(
    inner: &Inner,
    records: impl IntoIterator<Item = &'a SignedRecord>,
) -> (Vec<ObjectRecord>, Vec<ObjectId>) {
    let mut gathering = Gathering::default();
    for signed in records {
        signed.check(&inner.id).expect("signed");
        gathering.take(&inner.seal, signed.clone()).expect("opens");
    }
    gathering.finish()
}

#[test]
fn a_record_that_fits_is_kept_whole_as_it_always_was() {
    let inner: Arc<Inner> = inner();
    let record = record(&inner, 1, 5_000);
    let signed = sign(&inner, &record).expect("holds");
    assert_eq!(signed.len(), 1);
    assert_eq!(signed[0].record.object, ObjectId([3; 32]));
    let plain = super::unseal(&inner.seal, &signed[0].record.body).expect("opens");
    assert_eq!(plain, codec::to_bytes(&record));
    assert_eq!(gather(&inner, &signed), (vec![record], vec![]));
}

#[test]
fn a_long_record_is_cut_so_that_each_part_fits_what_a_host_keeps() {
    let inner = inner();
    let record = record(&inner, 1, 1_000_000);
    let signed = sign(&inner, &record).expect("holds");
    assert_eq!(signed.len(), 6);
    let names: Vec<_> = signed.iter().map(|one| one.record.object).collect();
    let expected: Vec<_> = (0..6).map(|i| part_name(&ObjectId([3; 32]), i)).collect();
    assert_eq!((names, expected[0]), (expected.clone(), ObjectId([3; 32])));
    let backwards = signed.iter().rev().chain(&signed);
    assert_eq!(gather(&inner, backwards), (vec![record], vec![]));
}

#[test]
fn a_lost_part_leaves_the_version_before_or_says_so() {
    let inner = inner();
    let (old, new) = (record(&inner, 1, 3_000), record(&inner, 2, 3_500));
    let mut signed = sign_cut(&inner, &new, 100).expect("holds");
    assert!(signed.len() > 30);
    signed.remove(17);
    assert_eq!(gather(&inner, &signed), (vec![], vec![ObjectId([3; 32])]));
    signed.extend(sign_cut(&inner, &old, 90).expect("holds"));
    assert_eq!(gather(&inner, &signed), (vec![old], vec![]));
}

#[test]
fn two_records_of_one_version_do_not_mix() {
    let inner = inner();
    let (one, other) = (record(&inner, 1, 1_000), record(&inner, 1, 1_001));
    let mut signed = sign_cut(&inner, &one, 100).expect("holds");
    let mut mixed = sign_cut(&inner, &other, 100).expect("holds");
    mixed.truncate(4);
    mixed.append(&mut signed);
    assert_eq!(gather(&inner, &mixed).0, vec![one]);
}

#[test]
fn what_was_buried_does_not_come_back() {
    let inner = inner();
    let record = record(&inner, 4, 400_000);
    let signed = sign(&inner, &record).expect("holds");
    let tombs = bury(&inner, &record);
    assert_eq!(tombs.len(), signed.len());
    for (tomb, part) in tombs.iter().zip(&signed) {
        assert_eq!(tomb.record.object, part.record.object);
        assert_eq!(tomb.record.version, part.record.version + 1);
    }
    let all = signed.iter().chain(&tombs[..1]);
    assert_eq!(gather(&inner, all), (vec![], vec![]));
}

#[test]
fn a_part_under_another_name_is_refused() {
    let inner = inner();
    let record = record(&inner, 1, 1_000);
    let signed = sign_cut(&inner, &record, 100).expect("holds");
    let mut moved = signed[1].clone();
    moved.record.object = signed[2].record.object;
    let mut gathering = Gathering::default();
    assert!(gathering.take(&inner.seal, moved).is_err());
    let mut whole = sign(&inner, &record).expect("holds").remove(0);
    whole.record.object = ObjectId([4; 32]);
    assert!(gathering.take(&inner.seal, whole).is_err());
    assert_eq!(gathering.finish(), (vec![], vec![]));
}
