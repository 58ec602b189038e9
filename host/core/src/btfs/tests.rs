//! BTFS totals: the vectors seen in the field.

use super::{total, total_micro};
use crate::amount::Amount;

/// Goal: the two totals seen in the field hold. Method: their sizes, price and term.
#[test]
fn totals_seen_in_the_field_hold() {
    assert_eq!(total_micro(120_980_347, 125_000_000, 30), Ok(422_518_980));
    assert_eq!(total_micro(381_216, 125_000_000, 30), Ok(1_331_381));
    let rate = 1_000_000_000_000;
    assert_eq!(
        total(381_216, 125_000_000, 30, rate),
        Ok(Amount(1_331_381_000_000_000_000))
    );
}

#[test]
fn a_total_beyond_its_integer_is_an_error() {
    assert!(total_micro(u64::MAX, u64::MAX, u64::MAX).is_err());
    assert!(total(1 << 40, 125_000_000, 30, u128::MAX).is_err());
}
