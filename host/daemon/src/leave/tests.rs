//! What comes next for a host that leaves, from counts and stake alone.

use host_api::ExitSaid;
use host_chain::StakeFacts;
use host_core::Amount;

use super::{Next, next};

fn said(leaving: bool, agreements: u64) -> ExitSaid {
    ExitSaid {
        leaving,
        agreements,
        ..ExitSaid::default()
    }
}

fn stake(live: u128, free: u128, unbonding: u128) -> StakeFacts {
    StakeFacts {
        live: Amount(live),
        free: Amount(free),
        unbonding: Amount(unbonding),
        ready_at: 100,
        ..StakeFacts::default()
    }
}

#[test]
fn stake_is_asked_back_only_when_nobody_relies_on_the_host() {
    let all = stake(10, 10, 0);
    assert_eq!(next(&said(false, 0), Some(&all), 0), Next::Stays);
    assert_eq!(next(&said(true, 1), Some(&all), 0), Next::Move);
    let asked = next(&said(true, 0), Some(&all), 0);
    assert_eq!(asked, Next::Unstake(Amount(10)));
}

#[test]
fn what_committed_bytes_require_waits_for_their_terms() {
    let gone = said(true, 0);
    assert_eq!(next(&gone, Some(&stake(10, 0, 0)), 0), Next::Settle);
    let part = next(&gone, Some(&stake(10, 4, 0)), 0);
    assert_eq!(part, Next::Unstake(Amount(4)));
}

#[test]
fn what_unbonds_is_taken_when_it_is_ripe_and_no_challenge_holds_it() {
    let gone = said(true, 0);
    let facts = stake(0, 0, 10);
    assert_eq!(next(&gone, Some(&facts), 99), Next::Unbond);
    assert_eq!(next(&gone, Some(&facts), 100), Next::Withdraw);
    let held = StakeFacts { holds: 1, ..facts };
    assert_eq!(next(&gone, Some(&held), 100), Next::Unbond);
    assert_eq!(next(&gone, Some(&stake(0, 0, 0)), 100), Next::Done);
    assert_eq!(
        next(&gone, None, 100),
        Next::Done,
        "a network without stake"
    );
}
