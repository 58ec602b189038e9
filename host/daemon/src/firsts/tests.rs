//! The order of the first things, and that the stake is ordered once.

use super::*;

const CONFIG: FirstStart = FirstStart {
    enabled: true,
    vault: true,
    stake: Amount(50),
};
const COLD: Address = Address([9; 20]);

fn firsts(dir: &Path) -> Firsts {
    let key = host_core::identity::SecretKey::from_bytes(&[3; 32]).expect("a scalar");
    Firsts::of(dir, CONFIG, key.peer_id(), Some(COLD))
}

fn means(live: u128) -> Means {
    Means {
        block: 1,
        native: Amount(1_000),
        token: Amount::ZERO,
        stake: Some(Amount(live)),
        stake_required: None,
        stake_per_gib: None,
        stake_for_space: Some(Amount(80)),
        gas_price: Amount(1),
        period_cost: Amount(1),
        reserve: Amount(7),
        runway_days: None,
        needs: Vec::new(),
    }
}

#[test]
fn payout_comes_before_the_vault_and_what_stands_is_not_asked_for_again() {
    let mut shown = Shown {
        payout: None,
        stake_payout: None,
        vault: false,
    };
    let step = |shown: &Shown| next(&CONFIG, Some(COLD), shown);
    assert_eq!(step(&shown), Some(Next::Payout(COLD)));
    shown.payout = Some(COLD);
    assert_eq!(step(&shown), Some(Next::StakePayout(COLD)));
    // Another address that is registered stays: only that address can move it.
    shown.stake_payout = Some(Address([8; 20]));
    assert_eq!(step(&shown), Some(Next::Vault));
    shown.vault = true;
    assert_eq!(step(&shown), None);
    let bare = FirstStart {
        vault: false,
        ..CONFIG
    };
    shown.vault = false;
    assert_eq!(next(&bare, None, &shown), None);
}

#[test]
fn the_first_stake_is_ordered_once_in_a_hosts_life() {
    let dir = tempfile::tempdir().expect("a directory");
    let stakes = StakeDesk::of(dir.path());
    assert!(
        firsts(dir.path())
            .stake(&stakes, &means(20))
            .expect("written")
    );
    assert_eq!(stakes.standing().map(|order| order.live), Some(Amount(50)));
    // The operator takes it out again: nothing orders it anew.
    std::fs::remove_file(dir.path().join("stake.order")).expect("gone");
    assert!(firsts(dir.path()).stake(&stakes, &means(0)).expect("known"));
    assert_eq!(stakes.standing(), None);
}

#[test]
fn an_order_written_before_a_crash_is_not_raised_by_the_next_run() {
    // The order is on the drive and the word that it was given is not: as after kill -9 between.
    let dir = tempfile::tempdir().expect("a directory");
    let stakes = StakeDesk::of(dir.path());
    stakes.order(Amount(20), Amount(30)).expect("written");
    assert!(
        firsts(dir.path())
            .stake(&stakes, &means(20))
            .expect("written")
    );
    assert_eq!(stakes.standing().map(|order| order.live), Some(Amount(50)));
}
