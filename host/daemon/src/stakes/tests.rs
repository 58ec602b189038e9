//! The order of steps towards an ordered stake, and what survives on the drive.

use super::*;

const fn facts(live: u128, tokens: u128, allowance: u128) -> StakeFacts {
    StakeFacts {
        live: Amount(live),
        free: Amount(live),
        required: Amount::ZERO,
        per_gib: Amount(1),
        unbonding: Amount::ZERO,
        ready_at: 0,
        unbonding_blocks: 60,
        holds: 0,
        slashed: Amount::ZERO,
        payout: None,
        tokens: Amount(tokens),
        allowance: Amount(allowance),
    }
}

#[test]
fn a_stake_is_wrapped_then_approved_then_staked_then_done() {
    let order = StakeOrder { live: Amount(40) };
    let spare = Amount(100);
    assert_eq!(next(order, &facts(10, 5, 0), spare), Next::Wrap(Amount(25)));
    assert_eq!(
        next(order, &facts(10, 30, 0), spare),
        Next::Approve(Amount(30))
    );
    assert_eq!(
        next(order, &facts(10, 30, 30), spare),
        Next::Stake(Amount(30))
    );
    assert_eq!(next(order, &facts(40, 0, 0), spare), Next::Done);
}

#[test]
fn a_stake_without_money_waits_and_says_both_figures() {
    let order = StakeOrder { live: Amount(40) };
    let Next::Wait(why) = next(order, &facts(0, 31, 0), Amount(8)) else {
        panic!("it waits");
    };
    assert!(
        why.contains("31 of 40") && why.contains("9 is missing"),
        "{why}"
    );
}

#[test]
fn an_order_is_a_sum_to_reach_and_outlives_the_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let desk = StakeDesk::of(dir.path());
    assert_eq!(desk.standing(), None);
    desk.order(Amount(10), Amount(5)).expect("written");
    let again = StakeDesk::of(dir.path());
    assert_eq!(again.standing(), Some(StakeOrder { live: Amount(15) }));
    let more = again.order(Amount(10), Amount(5)).expect("written");
    assert_eq!(more, StakeOrder { live: Amount(20) });
}
