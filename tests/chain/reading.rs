//! Goal: what vaults paid is known from the chain itself, each payment with the cursor in one
//! commit,
//! and a reorganisation under a cashed cheque takes both back. Method: reader and cashier over a
//! model
//! chain.

use std::sync::Arc;

use host_core::Amount;
use host_core::seams::Chain;
use host_ledger::{Ledger, Options};
use host_settle::{Policy, Reader};

use crate::model::{Model, VAULT};
use crate::outbox::{DEPTH, Stand, cashier};
use crate::stage::{SUM, key};

fn reader(ledger: &Ledger, model: &Model) -> Reader {
    let chain: Arc<dyn Chain> = Arc::new(model.clone());
    Reader::new(ledger.clone(), chain, key(3).address(), 0)
}

fn cashed(ledger: &Ledger) -> Amount {
    ledger
        .read()
        .unwrap()
        .cheque(&VAULT)
        .unwrap()
        .unwrap()
        .cashed
}

const POLICY: Policy = Policy {
    above: Amount(2_000_000),
    within_blocks: 0,
    cover_percent: 0,
    exposure_max: Amount::ZERO,
    at_once: 4,
    batch: 1,
};

#[tokio::test]
async fn a_payment_is_read_once_and_after_a_restart_not_again() {
    let stand = Stand::new().await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    stand.model.world().mine_many(3);
    let read = reader(&stand.ledger, &stand.model).read().await.unwrap();
    assert_eq!((read.paid, read.block, read.rewound), (1, 3, false));
    assert_eq!(
        cashed(&stand.ledger),
        SUM,
        "told before the transaction is final"
    );
    stand.ledger.close().await;
    let again = Ledger::open(stand.path(), Options::default()).unwrap();
    let read = reader(&again, &stand.model).read().await.unwrap();
    assert_eq!((read.paid, read.block), (0, 3));
}

#[tokio::test]
async fn a_reorganisation_under_a_cashed_cheque_is_seen_and_the_cheque_cashed_again() {
    // As deep as the test's chain goes: 1 to 64 blocks, far beyond the depth that counts as final.
    for depth in [1, 2, 7, 30, 64] {
        let stand = Stand::new().await;
        stand.model.world().mine_many(70 - depth);
        stand.cashier.begin(Amount::ZERO).await.unwrap();
        let reader = reader(&stand.ledger, &stand.model);
        for _ in 0..depth {
            stand.model.world().mine();
            reader.read().await.unwrap();
            stand.cashier.follow().await.unwrap();
        }
        assert_eq!(cashed(&stand.ledger), SUM, "depth {depth}");
        stand.model.world().reorganise(depth, false);
        let read = reader.read().await.unwrap();
        assert!(read.rewound, "depth {depth}");
        assert_eq!(cashed(&stand.ledger), Amount::ZERO, "depth {depth}");
        assert_eq!(stand.model.world().paid_out(), 0);
        // What had ended is wanted anew; what was under way goes on by itself.
        stand.cashier.begin(Amount::ZERO).await.unwrap();
        for _ in 0..3 * DEPTH {
            stand.cashier.follow().await.unwrap();
            stand.model.world().mine();
            reader.read().await.unwrap();
        }
        assert_eq!(cashed(&stand.ledger), SUM, "depth {depth}");
        assert_eq!(stand.model.world().payments(), 1, "depth {depth}");
        let left = stand.ledger.read().unwrap().outbox_pending().unwrap();
        assert!(left.is_empty(), "depth {depth}: {left:?}");
    }
}

#[tokio::test]
async fn the_policy_waits_below_its_threshold_and_runs_from_danger() {
    let stand = Stand::new().await;
    assert_eq!(stand.cashier.look(&POLICY).await.unwrap(), 0);
    stand.model.world().leaving = 9_900_000;
    assert_eq!(stand.cashier.look(&POLICY).await.unwrap(), 1);
    assert_eq!(
        stand.cashier.look(&POLICY).await.unwrap(),
        0,
        "one is under way"
    );
}

#[tokio::test]
async fn the_policy_cashes_a_small_sum_after_its_deadline_also_over_a_restart() {
    let stand = Stand::new().await;
    let policy = Policy {
        within_blocks: 20,
        ..POLICY
    };
    assert_eq!(stand.cashier.look(&policy).await.unwrap(), 0);
    stand.model.world().mine_many(19);
    assert_eq!(stand.cashier.look(&policy).await.unwrap(), 0);
    stand.ledger.close().await;
    let again = Ledger::open(stand.path(), Options::default()).unwrap();
    let later = cashier(&again, &stand.model, Amount(u128::MAX));
    stand.model.world().mine();
    assert_eq!(later.look(&policy).await.unwrap(), 1);
}

#[tokio::test]
async fn gas_over_the_ceiling_leaves_the_wish_unsigned_until_it_falls() {
    let stand = Stand::with_cost(Amount(200)).await;
    stand.model.world().floor = 201;
    assert_eq!(stand.cashier.begin(Amount::ZERO).await.unwrap(), 1);
    let waiting = stand.cashier.waiting().unwrap();
    assert_eq!((waiting[0].state, waiting[0].hash), ("wanted", None));
    assert!(
        waiting[0].why.contains("gas is too dear"),
        "{}",
        waiting[0].why
    );
    stand.model.world().floor = 200;
    assert_eq!(stand.cashier.follow().await.unwrap().begun, 1);
}
