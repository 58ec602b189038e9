//! When a host announces and when it moves the price; blocks of ten make an epoch.

use host_chain::codec::demand::{Rule, Space};
use host_chain::codec::oracle::Limits;
use host_core::Address;

use super::*;

const GIB: u64 = 1 << 30;

/// Block 25 is in epoch 2. Stake covers two GiB, one is committed to.
fn look(space: Space) -> Look {
    Look {
        rule: EpochRule {
            genesis_block: 0,
            epoch_blocks: 10,
            block_seconds: 1,
            grace_epochs: 1,
            depth: 2,
        },
        block: 25,
        offered: 4 * GIB,
        price: PriceFacts {
            price: Amount(1_000),
            rate: Amount(1),
            limits: Some(Limits {
                price: (Amount(1), Amount(10_000)),
                rate: (Amount(1), Amount(1)),
                move_bps: 1_000,
                interval: 3,
            }),
            rule: Some(Rule {
                staking: Address::ZERO,
                proofs: Address::ZERO,
                stake_per_gib: Amount(100),
                target_bps: 7_000,
                fresh_blocks: 40,
                min_capacity: 1,
            }),
            space: (u128::from(GIB), 0),
            stepped_at: 0,
            limits_next: None,
            rule_next: None,
        },
        own: SpaceFacts {
            space,
            live: Amount(200),
            committed: GIB,
        },
    }
}

const fn space(announced: u64, capacity: u64, used: u64, at: u64) -> Space {
    Space {
        announced,
        capacity,
        used,
        at,
    }
}

const KNOWN: Space = space(4 * GIB, 2 * GIB, GIB, 19);

#[test]
fn space_is_announced_first_then_when_something_changed_and_before_it_gets_old() {
    assert_eq!(look(space(0, 0, 0, 0)).announces(), Some(4 * GIB));
    assert_eq!(look(KNOWN).announces(), None, "all is known");
    let grown = Space {
        announced: GIB,
        ..KNOWN
    };
    assert_eq!(look(grown).announces(), Some(4 * GIB));
    let filled = Space { used: 0, ..KNOWN };
    assert_eq!(look(filled).announces(), Some(4 * GIB));
    let little = Space {
        used: GIB - (1 << 20),
        ..KNOWN
    };
    assert_eq!(look(little).announces(), None, "not worth a transaction");
    let old = Space { at: 5, ..KNOWN };
    assert_eq!(look(old).announces(), Some(4 * GIB));
}

#[test]
fn space_is_announced_once_a_period_whatever_changes() {
    let this_epoch = Space {
        announced: GIB,
        at: 20,
        ..KNOWN
    };
    assert_eq!(look(this_epoch).announces(), None);
}

#[test]
fn nothing_is_announced_that_no_stake_covers_but_what_counted_is_taken_back() {
    let mut bare = look(space(0, 0, 0, 0));
    bare.own.live = Amount::ZERO;
    assert_eq!(bare.announces(), None);
    bare.own.space = KNOWN;
    assert_eq!(bare.announces(), Some(4 * GIB));
}

#[test]
fn the_price_is_moved_once_a_period_when_due_and_only_where_it_leads_elsewhere() {
    assert!(look(KNOWN).steps(), "never stepped");
    let mut stepped = look(KNOWN);
    stepped.price.stepped_at = 21;
    assert!(!stepped.steps(), "in this period already");
    stepped.price.stepped_at = 19;
    assert!(stepped.steps());
    stepped.price.space = (u128::from(GIB) * 10, u128::from(GIB) * 7);
    assert!(!stepped.steps(), "the used share is at the target");
    stepped.price.rule = None;
    assert!(!stepped.steps(), "its owner moves it");
}
