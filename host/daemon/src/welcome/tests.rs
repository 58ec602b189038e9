//! What an account needs, how long its gas lasts, and what is kept back.

use super::*;

fn means(native: u128) -> Means {
    let period_cost = Amount(100);
    let mut means = Means {
        block: 1,
        native: Amount(native),
        token: Amount(31),
        stake: Some(Amount(0)),
        stake_required: Some(Amount(0)),
        stake_per_gib: Some(Amount(4)),
        stake_for_space: Some(Amount(40)),
        gas_price: Amount(1),
        period_cost,
        reserve: Amount(700),
        runway_days: None,
        needs: Vec::new(),
    };
    means.needs = needs(&means);
    means
}

#[test]
fn an_empty_account_says_what_gas_and_stake_it_needs_with_figures() {
    let needs = means(0).needs;
    assert!(needs[0].contains("0 of 3000 wei"), "{needs:?}");
    assert!(needs[1].contains("0 of 40"), "{needs:?}");
    assert_eq!(means(3_000).needs.len(), 1, "only stake is missing then");
}

#[test]
fn the_last_of_the_gas_is_kept_for_proofs() {
    let book = MeansBook::default();
    assert_eq!(book.refuses_gas(), None, "nothing is known yet");
    book.keep(means(701));
    assert_eq!(book.refuses_gas(), None);
    assert_eq!(book.last().map(|(means, _)| means.spare()), Some(Amount(1)));
    book.keep(means(700));
    let why = book.refuses_gas().expect("the reserve is reached");
    assert!(why.contains("700"), "{why}");
}

#[test]
fn the_runway_is_days_of_proofs_at_todays_price() {
    let rule = EpochRule {
        genesis_block: 0,
        epoch_blocks: 43_200,
        block_seconds: 2,
        grace_epochs: 2,
        depth: 2,
    };
    let days = runway(Amount(1_500), Amount(100), &rule);
    assert!((days - 15.0).abs() < 1e-9, "{days}");
}
