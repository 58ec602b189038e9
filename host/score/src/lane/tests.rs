//! The lane's width.

use super::lane;

#[test]
fn without_a_bar_everybody_is_in() {
    assert_eq!(lane(30, 20, 0).places, 30);
}

#[test]
fn under_a_bar_a_tenth_goes_to_newcomers_with_twice_the_stake() {
    let lane = lane(30, 20, 8);
    assert_eq!((lane.places, lane.stake_factor), (3, 2));
}

#[test]
fn a_small_placement_has_one_place_and_one_without_parity_none() {
    assert_eq!(lane(6, 3, 8).places, 1);
    assert_eq!(lane(4, 0, 8).places, 0);
}
