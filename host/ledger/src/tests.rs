//! The ledger: sets of facts and refusals.

pub(crate) mod ring;

use futures::executor::block_on;
use futures::future::join_all;
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::cheque::{Cheque, SignedCheque};
use host_core::identity::Signature;
use host_core::records::{Record, SignedRecord};
use host_core::{
    Address, AgreementDigest, AgreementId, Amount, NetworkId, ObjectId, ShardId, VolumeId,
};

use crate::{
    AgreementRow, AgreementState, Error, Fact, Ledger, MemoryStorage, Options, PlacementRow, Totals,
};

pub(crate) const VOLUME: VolumeId = VolumeId([7; 16]);
const START: u64 = 1 << 20;
const SIZE: u64 = 1 << 24;

pub(crate) fn id(n: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[24..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn address(n: u64) -> Address {
    Address(id(n)[..20].try_into().unwrap())
}

fn row(n: u64, shard: u64, end_epoch: u64) -> AgreementRow {
    let terms = Agreement {
        network: NetworkId([1; 32]),
        id: AgreementId(id(n)),
        renter: address(shard % 3),
        host: address(1000),
        payout: address(1001),
        shard: ShardId(id(shard)),
        shard_len: 5000,
        codec: 1,
        price: Amount(1000),
        start_epoch: 1,
        end_epoch,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: n,
    };
    let none = Signature([0; 65]);
    let signed = SignedAgreement {
        terms,
        renter_signature: none,
        host_signature: none,
    };
    AgreementRow::new(AgreementDigest(id(n)), signed, 9)
}

pub(crate) fn opened(n: u64, shard: u64) -> Fact {
    Fact::AgreementOpened(row(n, shard, 10 + n))
}

pub(crate) fn placed(n: u64, shard: u64, offset: u64, size: u64) -> Fact {
    let row = PlacementRow {
        volume: VOLUME,
        offset,
        size,
        len: 5000,
    };
    Fact::ShardPlaced {
        shard: ShardId(id(shard)),
        row,
        agreement: AgreementDigest(id(n)),
    }
}

pub(crate) fn closed(n: u64) -> Fact {
    Fact::AgreementClosed {
        agreement: AgreementDigest(id(n)),
        state: AgreementState::Released,
    }
}

fn signed_cheque(vault: u64, cumulative: u128) -> SignedCheque {
    let cheque = Cheque {
        vault: address(vault),
        beneficiary: address(1000),
        cumulative: Amount(cumulative),
        token: None,
    };
    SignedCheque {
        cheque,
        signature: Signature([3; 65]),
    }
}

pub(crate) fn paid(n: u64, cumulative: u128, increment: u128) -> Fact {
    Fact::ChequeAccepted {
        cheque: signed_cheque(50, cumulative),
        agreement: AgreementDigest(id(n)),
        through_epoch: 2,
        increment: Amount(increment),
    }
}

pub(crate) fn record(object: u64, version: u64) -> Fact {
    let record = Record {
        owner: address(2),
        object: ObjectId(id(object)),
        version,
        end_epoch: 9,
        body: vec![5; if object.is_multiple_of(30) { 9000 } else { 300 }],
    };
    Fact::RecordKept(SignedRecord {
        record,
        signature: Signature([4; 65]),
    })
}

fn joined() -> Fact {
    Fact::VolumeAdded {
        volume: VOLUME,
        start: START,
        size: SIZE,
    }
}

pub(crate) fn commit(ledger: &Ledger, facts: Vec<Fact>) -> Result<(), Error> {
    block_on(ledger.commit(facts))
}

pub(crate) fn fresh() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    commit(&ledger, vec![joined()]).unwrap();
    (dir, ledger)
}

/// A ledger in memory, for tests that commit often and never reopen.
pub(crate) fn in_memory() -> Ledger {
    let storage = MemoryStorage::default();
    let ledger = Ledger::open_on(storage, Options::default()).unwrap();
    commit(&ledger, vec![joined()]).unwrap();
    ledger
}

pub(crate) fn totals(ledger: &Ledger) -> Totals {
    ledger.read().unwrap().totals().unwrap()
}

/// The free bytes of the volume, checked to be sorted, merged and disjoint.
fn free_bytes(ledger: &Ledger) -> u64 {
    let free = ledger
        .read()
        .unwrap()
        .free_extents(&VOLUME, None, usize::MAX)
        .unwrap();
    for pair in free.windows(2) {
        assert!(
            pair[0].0 + pair[0].1 < pair[1].0,
            "free extents are merged and in order"
        );
    }
    free.iter().map(|(_, size)| size).sum()
}

#[test]
fn a_placed_shard_is_read_back_after_a_reopen() {
    let (dir, ledger) = fresh();
    commit(&ledger, vec![opened(1, 1), placed(1, 1, START, 8192)]).unwrap();
    block_on(ledger.close());
    assert_eq!(commit(&ledger, vec![opened(2, 2)]), Err(Error::Closed));
    assert!(ledger.read().is_err());
    let again = Ledger::open(dir.path(), Options::default()).unwrap();
    let view = again.read().unwrap();
    let kept = view.placement(&ShardId(id(1))).unwrap().unwrap();
    assert_eq!((kept.offset, kept.size), (START, 8192));
    let agreement = view.agreement(&AgreementDigest(id(1))).unwrap().unwrap();
    assert_eq!(agreement.state, AgreementState::Active);
    assert_eq!(
        view.leases(&ShardId(id(1))).unwrap(),
        vec![AgreementDigest(id(1))]
    );
    assert!(view.is_renter(&address(1)).unwrap());
    assert_eq!(view.totals().unwrap().active, 1);
}

#[test]
fn a_second_open_of_the_same_directory_is_locked() {
    let (dir, _ledger) = fresh();
    let second = Ledger::open(dir.path(), Options::default());
    assert!(matches!(second.err(), Some(Error::Locked { .. })));
}

#[test]
fn a_refused_set_leaves_nothing_and_the_others_go_on() {
    let ledger = in_memory();
    let sets = vec![
        vec![opened(1, 1), placed(1, 1, START, 8192)],
        vec![opened(2, 2), placed(2, 2, START + 4096, 8192)],
        vec![opened(3, 3), placed(3, 3, START + 8192, 8192)],
        vec![opened(4, 1), placed(4, 1, START + 16384, 8192)],
    ];
    let answers = block_on(join_all(sets.into_iter().map(|set| ledger.commit(set))));
    assert_eq!(answers[0], Ok(()));
    assert!(matches!(answers[1], Err(Error::ExtentTaken { .. })));
    assert_eq!(answers[2], Ok(()));
    assert_eq!(
        answers[3],
        Err(Error::ShardKept {
            shard: ShardId(id(1))
        })
    );
    let view = ledger.read().unwrap();
    assert_eq!(view.agreement(&AgreementDigest(id(2))).unwrap(), None);
    assert_eq!(view.agreement(&AgreementDigest(id(4))).unwrap(), None);
    let sums = totals(&ledger);
    assert_eq!(
        (sums.shards, sums.active, sums.offered, sums.used),
        (2, 2, 0, 16384)
    );
    assert_eq!(free_bytes(&ledger), SIZE - 16384);
}

#[test]
fn bytes_go_with_the_last_lease_only() {
    let ledger = in_memory();
    commit(
        &ledger,
        vec![opened(1, 1), placed(1, 1, START + 4096, 8192)],
    )
    .unwrap();
    let lease = Fact::LeaseAdded {
        shard: ShardId(id(1)),
        agreement: AgreementDigest(id(2)),
    };
    commit(&ledger, vec![opened(2, 1), lease]).unwrap();
    assert_eq!(totals(&ledger).leases, 2);
    commit(&ledger, vec![closed(1)]).unwrap();
    assert!(
        ledger
            .read()
            .unwrap()
            .placement(&ShardId(id(1)))
            .unwrap()
            .is_some()
    );
    commit(&ledger, vec![closed(2)]).unwrap();
    assert!(
        ledger
            .read()
            .unwrap()
            .placement(&ShardId(id(1)))
            .unwrap()
            .is_none()
    );
    assert_eq!(free_bytes(&ledger), SIZE);
    commit(&ledger, vec![closed(2)]).unwrap();
    let state = ledger
        .read()
        .unwrap()
        .agreement(&AgreementDigest(id(2)))
        .unwrap()
        .unwrap()
        .state;
    assert_eq!(state, AgreementState::Released);
    assert_eq!(totals(&ledger).released, 2);
}

#[test]
fn a_cheque_must_rise_and_cashing_only_rises() {
    let ledger = in_memory();
    commit(
        &ledger,
        vec![opened(1, 1), placed(1, 1, START, 8192), paid(1, 100, 100)],
    )
    .unwrap();
    let (have, got) = (Amount(100), Amount(100));
    assert_eq!(
        commit(&ledger, vec![paid(1, 100, 0)]),
        Err(Error::ChequeNotRising { have, got })
    );
    commit(&ledger, vec![paid(1, 150, 50)]).unwrap();
    let cash = |sum| Fact::ChequeCashed {
        vault: address(50),
        cumulative: Amount(sum),
    };
    commit(&ledger, vec![cash(120)]).unwrap();
    commit(&ledger, vec![cash(110)]).unwrap();
    let view = ledger.read().unwrap();
    let row = view.cheque(&address(50)).unwrap().unwrap();
    assert_eq!(
        (row.cheque.cheque.cumulative, row.cashed),
        (Amount(150), Amount(120))
    );
    assert_eq!(
        view.agreement(&AgreementDigest(id(1)))
            .unwrap()
            .unwrap()
            .paid,
        Amount(150)
    );
    let sums = totals(&ledger);
    assert_eq!(
        (sums.cheques, sums.received, sums.cashed),
        (1, Amount(150), Amount(120))
    );
}

#[test]
fn a_record_is_replaced_by_a_higher_version_only() {
    let ledger = in_memory();
    commit(&ledger, vec![record(1, 2), record(2, 1)]).unwrap();
    commit(&ledger, vec![record(1, 2)]).unwrap();
    assert_eq!(
        commit(&ledger, vec![record(1, 1)]),
        Err(Error::RecordOld { have: 2, got: 1 })
    );
    commit(&ledger, vec![record(1, 3)]).unwrap();
    let view = ledger.read().unwrap();
    let page = view.records(&address(2), None, 1).unwrap();
    let rest = view
        .records(&address(2), Some(&page[0].record.object), 9)
        .unwrap();
    assert_eq!((page.len(), rest.len(), totals(&ledger).records), (1, 1, 2));
}

#[test]
fn agreements_expire_in_order_of_their_end() {
    let ledger = in_memory();
    for n in [3, 1, 2] {
        let place = placed(n, n, START + n * 8192, 8192);
        commit(&ledger, vec![opened(n, n), place]).unwrap();
    }
    let view = ledger.read().unwrap();
    let past = view.expiring(13, 9).unwrap();
    assert_eq!(past, vec![AgreementDigest(id(1)), AgreementDigest(id(2))]);
    assert_eq!(view.expiring(13, 1).unwrap().len(), 1);
    commit(&ledger, vec![closed(1)]).unwrap();
    assert_eq!(
        ledger.read().unwrap().expiring(13, 9).unwrap(),
        vec![AgreementDigest(id(2))]
    );
}

#[test]
fn the_best_fit_avoids_what_is_reserved() {
    let ledger = in_memory();
    commit(
        &ledger,
        vec![opened(1, 1), placed(1, 1, START + 16384, 8192)],
    )
    .unwrap();
    let view = ledger.read().unwrap();
    let none = |_, _| None;
    assert_eq!(view.find_free(&VOLUME, 8192, none).unwrap(), Some(START));
    assert_eq!(
        view.find_free(&VOLUME, 20480, none).unwrap(),
        Some(START + 24576)
    );
    let first = |at, _| (at < START + 8192).then_some(START + 8192);
    assert_eq!(
        view.find_free(&VOLUME, 8192, first).unwrap(),
        Some(START + 8192)
    );
    assert_eq!(
        view.find_free(&VOLUME, 12288, first).unwrap(),
        Some(START + 24576)
    );
    assert_eq!(view.find_free(&VOLUME, SIZE, none).unwrap(), None);
    assert_eq!(
        view.find_free(&VolumeId([9; 16]), 4096, none).unwrap(),
        None
    );
}

/// Goal: a million shards stay within the 1.2 GiB a state device plans for.
/// Method: the pages the database has given to its tables, 20,000 shards in random order.
#[test]
fn a_shard_takes_no_more_of_the_file_than_planned() {
    let ledger = in_memory();
    let volume = VolumeId([9; 16]);
    commit(
        &ledger,
        vec![Fact::VolumeAdded {
            volume,
            start: 0,
            size: 1 << 40,
        }],
    )
    .unwrap();
    for first in (0..20_000u64).step_by(500) {
        let sets = (first..first + 500).map(|n| {
            let row = PlacementRow {
                volume,
                offset: n * 8192,
                size: 8192,
                len: 5000,
            };
            let (shard, agreement) = (ShardId(id(n)), AgreementDigest(id(n)));
            ledger.commit(vec![
                opened(n, n),
                Fact::ShardPlaced {
                    shard,
                    row,
                    agreement,
                },
            ])
        });
        assert!(block_on(join_all(sets)).iter().all(Result::is_ok));
    }
    let database = ledger.shared.database.read().unwrap();
    let txn = database.as_ref().unwrap().begin_write().unwrap();
    let bytes = txn.stats().unwrap().allocated_pages() * 4096;
    println!("{} bytes a shard", bytes / 20_000);
    assert!(bytes / 20_000 <= 1288, "{} bytes a shard", bytes / 20_000);
}

#[test]
fn a_newer_schema_is_refused() {
    let (dir, ledger) = fresh();
    block_on(ledger.close());
    let file = dir.path().join("ledger.redb");
    let database = redb::Database::create(file).unwrap();
    let txn = database.begin_write().unwrap();
    let table = crate::tables::Place::Meta.definition();
    let newer = host_core::codec::to_bytes(&99u32);
    txn.open_table(table)
        .unwrap()
        .insert(crate::tables::SCHEMA, newer.as_slice())
        .unwrap();
    txn.commit().unwrap();
    drop(database);
    let refused = Ledger::open(dir.path(), Options::default()).err();
    assert_eq!(
        refused,
        Some(Error::Schema {
            have: 99,
            newest: crate::ledger::SCHEMA_VERSION
        })
    );
}
