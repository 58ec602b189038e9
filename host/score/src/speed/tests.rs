//! One voice a renter.

use host_core::Address;

use super::{Line, middle};

#[test]
fn ten_words_of_one_renter_are_one_voice() {
    let loud = (0..10).map(|_| Line {
        renter: Address([9; 20]),
        rate: 1_000_000,
    });
    let calm = (1..=2).map(|n| Line {
        renter: Address([n; 20]),
        rate: 10,
    });
    assert_eq!(middle(loud.chain(calm)), Some(10));
}

#[test]
fn nobody_measured_is_not_zero() {
    assert_eq!(middle([]), None);
}
