//! When a day begins anew, and when an object is thin.

use super::*;
use host_renter::ObjectRow;

fn health(may_die: Option<usize>) -> Health {
    Health {
        row: ObjectRow {
            id: ObjectId([1; 32]),
            name: String::new(),
            bytes: 1,
            end_epoch: 9,
            places: Vec::new(),
        },
        shards: Vec::new(),
        may_die,
        segments_lost: 0,
        segments_asked: 1,
        segments: 1,
        epochs_left: Some(1),
        days_to_danger: None,
    }
}

#[test]
fn a_new_day_begins_with_nothing_spent_and_a_clock_that_goes_back_does_not() {
    let spent = Spent {
        day: 7,
        sum: Amount(40),
    };
    assert_eq!(spent.on(7).sum, Amount(40));
    assert_eq!(spent.on(8).sum, Amount::ZERO);
    assert_eq!(spent.on(6), spent);
}

#[test]
fn an_object_is_thin_below_five_or_below_its_own_parity() {
    for (left, parity, thin) in [
        (20, 20, false),
        (5, 20, false),
        (4, 20, true),
        (2, 2, false),
        (1, 2, true),
        (0, 20, true),
    ] {
        assert_eq!(
            is_thin(&health(Some(left)), parity),
            thin,
            "{left} {parity}"
        );
    }
    assert!(!is_thin(&health(None), 20), "nothing was asked");
}

#[test]
fn a_look_is_due_after_its_time_and_not_because_the_clock_went_back() {
    let hour = Duration::from_secs(3600);
    assert!(!is_due(1_000, 3_600_999, hour));
    assert!(is_due(1_000, 3_601_000, hour));
    assert!(!is_due(9_000_000, 1_000, hour));
}
