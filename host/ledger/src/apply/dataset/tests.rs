//! What waits, what was drafted, and that both are found again from a ring and after an upgrade.

use std::sync::Arc;

use host_core::identity::Signature;
use host_core::{AgreementDigest, Digest32};

use crate::tests::ring::{MemoryRing, restored};
use crate::tests::{VOLUME, closed, commit, id, in_memory, opened, placed, totals};
use crate::{BatchRow, Error, Fact, Journal, Ledger, PeriodEnd, PeriodRow};

fn digest(n: u64) -> AgreementDigest {
    AgreementDigest(id(n))
}

/// Three agreements that run, ending in the order of their numbers.
fn keep_three(ledger: &Ledger) {
    for n in 1..=3 {
        let at = (1 << 20) + n * 8192;
        commit(ledger, vec![opened(n, n), placed(n, n, at, 8192)]).unwrap();
    }
}

fn waiting(ledger: &Ledger) -> Vec<AgreementDigest> {
    ledger.read().unwrap().uncommitted(99).unwrap()
}

fn draft(batch: u64, of: &[u64]) -> Fact {
    Fact::LeavesDrafted {
        batch,
        agreements: of.iter().copied().map(digest).collect(),
    }
}

const ROW: BatchRow = BatchRow {
    node: Digest32([9; 32]),
    sum: 5000,
    end: 11,
    count: 1,
    period: None,
};

fn seal(batch: u64) -> Fact {
    Fact::BatchSealed { batch, row: ROW }
}

#[test]
fn an_active_agreement_waits_until_it_is_drafted_or_over() {
    let ledger = in_memory();
    keep_three(&ledger);
    assert_eq!(waiting(&ledger), [digest(1), digest(2), digest(3)]);
    assert_eq!(totals(&ledger).uncommitted, 3);
    commit(&ledger, vec![closed(2), draft(0, &[3, 2, 77])]).unwrap();
    assert_eq!(waiting(&ledger), [digest(1)]);
    let view = ledger.read().unwrap();
    let leaves = view.leaves(0, 0).unwrap().unwrap();
    assert_eq!((leaves.len(), leaves[0].agreement), (1, digest(3)));
    assert_eq!((leaves[0].len, leaves[0].end_epoch), (5000, 13));
    assert_eq!(view.batch_of(&digest(3)).unwrap(), Some(0));
    assert_eq!(totals(&ledger).uncommitted, 1);
    // A leaf is drafted once.
    commit(&ledger, vec![draft(0, &[3])]).unwrap();
    assert!(ledger.read().unwrap().leaves(0, 1).unwrap().is_none());
}

#[test]
fn batches_are_sealed_in_turn_and_the_chains_word_follows() {
    let ledger = in_memory();
    keep_three(&ledger);
    let turn = |batch, need| Err(Error::BatchOrder { batch, need });
    assert_eq!(commit(&ledger, vec![draft(1, &[1])]), turn(1, 0));
    commit(&ledger, vec![draft(0, &[1]), draft(0, &[2]), seal(0)]).unwrap();
    assert_eq!(commit(&ledger, vec![draft(0, &[3])]), turn(0, 1));
    assert_eq!(commit(&ledger, vec![seal(0)]), turn(0, 1));
    let seen = |batch, period| Fact::BatchSeen { batch, period };
    assert_eq!(commit(&ledger, vec![seen(1, Some(7))]), turn(1, 1));
    commit(&ledger, vec![seen(0, Some(7))]).unwrap();
    let rows = ledger.read().unwrap().batches(0, 9).unwrap();
    assert_eq!(
        rows,
        [BatchRow {
            period: Some(7),
            ..ROW
        }]
    );
    commit(&ledger, vec![seen(0, None)]).unwrap();
    assert_eq!(ledger.read().unwrap().batches(0, 9).unwrap(), [ROW]);
    assert_eq!(ledger.read().unwrap().batches(1, 9).unwrap(), []);
}

#[test]
fn a_release_is_kept_for_leaves_alone_and_names_the_terms() {
    let ledger = in_memory();
    keep_three(&ledger);
    commit(&ledger, vec![draft(0, &[1]), seal(0)]).unwrap();
    let signature = Signature([4; 65]);
    for n in [1, 2] {
        let agreement = digest(n);
        let kept = Fact::ReleaseKept {
            agreement,
            signature,
        };
        commit(&ledger, vec![kept, closed(n)]).unwrap();
    }
    let view = ledger.read().unwrap();
    let row = view.release(&digest(1)).unwrap().unwrap();
    assert_eq!((row.signature, row.terms.nonce), (signature, 1));
    assert_eq!(view.release(&digest(2)).unwrap(), None);
}

#[test]
fn a_ring_tells_leaves_batches_releases_and_what_waits() {
    let ledger = in_memory();
    let ring = Arc::new(MemoryRing::default());
    ledger.attach(VOLUME, Arc::clone(&ring) as Arc<dyn Journal>);
    keep_three(&ledger);
    let signature = Signature([4; 65]);
    let agreement = digest(1);
    let given_up = Fact::ReleaseKept {
        agreement,
        signature,
    };
    let facts = vec![draft(0, &[1, 2]), seal(0), given_up, closed(1)];
    commit(&ledger, facts).unwrap();
    let again = restored(&ring);
    let (a, b) = (ledger.read().unwrap(), again.read().unwrap());
    assert_eq!(a.leaves(0, 0).unwrap(), b.leaves(0, 0).unwrap());
    assert_eq!(a.batches(0, 9).unwrap(), b.batches(0, 9).unwrap());
    assert_eq!(
        a.release(&agreement).unwrap(),
        b.release(&agreement).unwrap()
    );
    assert_eq!(b.batch_of(&digest(2)).unwrap(), Some(0));
    assert_eq!(waiting(&again), [digest(3)]);
    assert_eq!(totals(&again).uncommitted, 1);
}

#[test]
fn old_periods_are_forgotten() {
    let ledger = in_memory();
    let row = PeriodRow {
        end: PeriodEnd::Proven,
        bytes: 5,
        slack: 3,
    };
    for period in [1, 2, 5000, 5001] {
        commit(&ledger, vec![Fact::PeriodEnded { period, row }]).unwrap();
    }
    let view = ledger.read().unwrap();
    assert_eq!(view.periods(None, 9).unwrap(), [(5000, row), (5001, row)]);
    assert_eq!(view.period(5000).unwrap(), Some(row));
    assert_eq!(view.period(1).unwrap(), None);
}
