//! Which batches the chain has, after commitments, crashes and reorganisations.

use host_core::Digest32;
use host_ledger::BatchRow;

use super::*;

fn row(n: u8, sum: u64, end: u64, period: Option<u64>) -> BatchRow {
    BatchRow {
        node: Digest32([n; 32]),
        sum,
        end,
        count: 1,
        period,
    }
}

fn name(rows: &[BatchRow], periods: &[u64]) -> Digest32 {
    let mut history = History::default();
    for (row, period) in rows.iter().zip(periods) {
        history.append(&batch_of(row, *period)).unwrap();
    }
    history.peaks().commitment()
}

fn told(rows: &[BatchRow], current: Digest32, next: u64) -> Option<(usize, Option<u64>)> {
    let found = align(rows, &current, next).unwrap();
    found.map(|aligned| (aligned.on_chain, aligned.moved))
}

#[test]
fn a_batch_is_found_on_chain_in_the_period_the_chain_says() {
    let rows = [
        row(1, 10, 90, Some(3)),
        row(2, 70, 90, Some(5)),
        row(3, 20, 90, None),
    ];
    let none = Digest32([0; 32]);
    assert_eq!(told(&rows, none, 0), Some((0, None)));
    assert_eq!(told(&rows, name(&rows, &[3]), 4), Some((1, None)));
    assert_eq!(told(&rows, name(&rows, &[3, 5]), 6), Some((2, None)));
    assert_eq!(told(&rows, name(&rows, &[3, 5, 8]), 9), Some((3, Some(8))));
    // A reorganisation took the second one away, and mined it again a period later.
    assert_eq!(told(&rows, name(&rows, &[3, 6]), 7), Some((2, Some(6))));
    assert_eq!(told(&rows, Digest32([9; 32]), 9), None);
    assert_eq!(told(&[], Digest32([9; 32]), 9), None);
}

#[test]
fn the_period_decides_which_peaks_fall_off() {
    let rows = [row(1, 100, 6, Some(3)), row(2, 10, 90, None)];
    let early = name(&rows, &[3, 5]);
    let late = name(&rows, &[3, 6]);
    assert_ne!(early, late, "the first batch is over in period 6");
    assert_eq!(told(&rows, early, 6), Some((2, Some(5))));
    assert_eq!(told(&rows, late, 7), Some((2, Some(6))));
    let at_five = history_at(&rows, 5).unwrap();
    assert_eq!(
        at_five.peaks().live_bytes(5),
        100,
        "what the chain has not is in no range"
    );
}
