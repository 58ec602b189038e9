//! Where a step leads, against figures of the contract's own tests' kind, worked out by hand.

use super::*;

fn facts(price: u128, space: (u128, u128)) -> PriceFacts {
    PriceFacts {
        price: Amount(price),
        rate: Amount(1),
        limits: Some(Limits {
            price: (Amount(100), Amount(10_000)),
            rate: (Amount(1), Amount(1)),
            move_bps: 1_000,
            interval: 5,
        }),
        rule: Some(Rule {
            staking: Address::ZERO,
            proofs: Address::ZERO,
            stake_per_gib: Amount(1 << 30),
            target_bps: 7_000,
            fresh_blocks: 100,
            min_capacity: 1_000,
        }),
        space,
        stepped_at: 0,
        limits_next: None,
        rule_next: None,
    }
}

#[test]
fn the_price_moves_with_the_distance_of_the_used_share_from_the_target() {
    // A tenth of 1,000 when everything is used, half of that half way, nothing at the target.
    for (used, price) in [
        (1_000, 1_100),
        (850, 1_050),
        (700, 1_000),
        (350, 950),
        (0, 900),
    ] {
        let after = facts(1_000, (1_000, used)).after_step();
        assert_eq!(after, Some(Amount(price)), "{used} used");
    }
}

#[test]
fn the_price_stands_still_below_the_least_space_and_within_its_clamps() {
    assert_eq!(
        facts(1_000, (999, 999)).after_step(),
        Some(Amount(1_000)),
        "too little space"
    );
    assert_eq!(
        facts(9_950, (1_000, 1_000)).after_step(),
        Some(Amount(10_000))
    );
    assert_eq!(facts(101, (1_000, 0)).after_step(), Some(Amount(100)));
}

#[test]
fn announced_space_counts_as_far_as_stake_covers_it() {
    let rule = facts(1, (0, 0)).rule.expect("a rule");
    let own = SpaceFacts {
        space: Space {
            announced: 0,
            capacity: 0,
            used: 0,
            at: 0,
        },
        live: Amount(500),
        committed: 600,
    };
    assert_eq!(own.would_count(&rule, 2_000), (500, 500));
    assert_eq!(own.would_count(&rule, 400), (400, 400));
    let rich = SpaceFacts {
        live: Amount(u128::MAX),
        ..own
    };
    assert_eq!(rich.would_count(&rule, 2_000), (2_000, 600));
}
