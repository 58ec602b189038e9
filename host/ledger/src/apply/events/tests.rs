//! What is read from blocks and what a reorganisation takes back, each in one commit.

use host_core::seams::ChequePaid;
use host_core::{Amount, Digest32};

use crate::tests::{address, commit, id, in_memory, opened, paid, placed};
use crate::{Cursor, Fact, Ledger};

/// A ledger with a cheque of 150 on vault 50.
fn with_cheque() -> Ledger {
    let ledger = in_memory();
    let facts = vec![opened(1, 1), placed(1, 1, 1 << 20, 8192), paid(1, 150, 150)];
    commit(&ledger, facts).unwrap();
    ledger
}

fn cursor(block: u64) -> Cursor {
    Cursor {
        marks: vec![(block, Digest32(id(block)))],
    }
}

fn payment(block: u64, vault: u64, sum: u128, missing: u128) -> ChequePaid {
    ChequePaid {
        block,
        block_hash: Digest32(id(block)),
        index: 3,
        tx: Digest32(id(9)),
        vault: address(vault),
        paid_out: Amount(sum),
        missing: Amount(missing),
    }
}

fn cashed(ledger: &Ledger) -> (Amount, Amount) {
    let row = ledger
        .read()
        .unwrap()
        .cheque(&address(50))
        .unwrap()
        .unwrap();
    (row.cashed, row.bounced)
}

#[test]
fn a_payment_and_the_cursor_are_one_fact_and_strangers_are_passed_over() {
    let ledger = with_cheque();
    let paid = vec![payment(10, 77, 5, 0), payment(11, 50, 120, 30)];
    let cursor = cursor(12);
    let facts = Fact::BlocksRead {
        cursor: cursor.clone(),
        paid,
    };
    commit(&ledger, vec![facts]).unwrap();
    assert_eq!(cashed(&ledger), (Amount(120), Amount(30)));
    let view = ledger.read().unwrap();
    assert_eq!(view.cursor().unwrap(), Some(cursor));
    let events = view.events_above(0, 9).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].0, events[0].1.vault), (11, address(50)));
    assert_eq!(view.totals().unwrap().cashed, Amount(120));
}

#[test]
fn a_reorganisation_takes_payments_back_with_the_cursor() {
    let ledger = with_cheque();
    for (block, sum) in [(11, 100), (14, 150)] {
        let facts = Fact::BlocksRead {
            cursor: cursor(block),
            paid: vec![payment(block, 50, sum, 0)],
        };
        commit(&ledger, vec![facts]).unwrap();
    }
    assert_eq!(cashed(&ledger).0, Amount(150));
    let lost = Fact::BlocksLost {
        cursor: cursor(12),
        paid_out: vec![(address(50), Amount(100))],
    };
    commit(&ledger, vec![lost]).unwrap();
    assert_eq!(cashed(&ledger).0, Amount(100));
    let view = ledger.read().unwrap();
    assert_eq!(view.cursor().unwrap().unwrap().block(), Some(12));
    assert_eq!(view.events_above(0, 9).unwrap().len(), 1);
    assert_eq!(view.totals().unwrap().cashed, Amount(100));
}

#[test]
fn what_stands_uncashed_keeps_its_first_block_until_it_is_paid() {
    let ledger = with_cheque();
    let vault = address(50);
    for block in [20, 25] {
        commit(&ledger, vec![Fact::ChequeDue { vault, block }]).unwrap();
    }
    let since = |ledger: &Ledger| {
        let row = ledger.read().unwrap().cheque(&vault).unwrap().unwrap();
        row.due_since
    };
    assert_eq!(since(&ledger), Some(20));
    let cumulative = Amount(150);
    commit(&ledger, vec![Fact::ChequeCashed { vault, cumulative }]).unwrap();
    assert_eq!(since(&ledger), None);
}
