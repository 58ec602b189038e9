//! One voice a renter, one a neighbourhood.

use host_core::Address;

use super::{Line, OWN_GROUP, middle};

fn line(renter: u8, group: u32, worth: u128, rate: u64) -> Line {
    Line {
        renter: Address([renter; 20]),
        group,
        worth,
        rate,
    }
}

#[test]
fn ten_words_of_one_renter_are_one_voice() {
    let loud = (0..10).map(|_| line(9, 9, 1, 1_000_000));
    let calm = (1..=2).map(|n| line(n, n.into(), 1, 10));
    assert_eq!(middle(loud.chain(calm)), Some(10));
}

/// Goal: accounts cost nothing, so a hundred of them in one place must not outvote two others.
#[test]
fn a_hundred_renters_of_one_neighbourhood_are_one_voice() {
    let crowd = (100..200).map(|n| line(n, 7, 1_000_000, 1_000_000));
    let others = [line(1, 1, 1, 10), line(2, 2, 1, 12)];
    assert_eq!(middle(crowd.chain(others)), Some(12));
}

#[test]
fn within_a_neighbourhood_money_weighs() {
    let cheap = (1..=3).map(|n| line(n, 1, 10, 1_000_000));
    assert_eq!(middle(cheap.chain([line(9, 1, 1000, 10)])), Some(10));
}

#[test]
fn the_hosts_own_neighbourhood_speaks_only_when_alone() {
    let own = line(1, OWN_GROUP, 1, 1_000_000);
    assert_eq!(middle([own]), Some(1_000_000));
    assert_eq!(middle([own, line(2, 4, 1, 10)]), Some(10));
}

#[test]
fn free_agreements_have_a_voice_and_huge_ones_do_not_overflow() {
    assert_eq!(middle([line(1, 1, 0, 5)]), Some(5));
    let huge = [line(1, 1, u128::MAX, 7), line(2, 1, u128::MAX, 9)];
    assert_eq!(middle(huge), Some(7));
}

#[test]
fn nobody_measured_is_not_zero() {
    assert_eq!(middle([]), None);
}
