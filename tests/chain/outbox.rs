//! Goal: whatever happens to a transaction between its signature and its final block, money moves
//! once and the reason for every wait is told. Method: the cashier over a model chain whose blocks,
//! fees and reorganisations the test makes; time is blocks, so nothing is waited for.

use std::sync::Arc;

use host_core::Amount;
use host_ledger::{CallRow, IntentKey, Ledger, OutboxRow, OutboxState};
use host_settle::{Bounds, Cashier, Purse, Round};

use crate::model::{CALM, Model, VAULT};
use crate::stage::{SUM, key, ledger_with_cheque};

pub(crate) const DEPTH: u64 = 6;

/// A cashier over a model, and what is needed to look behind it.
pub(crate) struct Stand {
    pub(crate) model: Model,
    pub(crate) ledger: Ledger,
    pub(crate) cashier: Cashier,
    dir: tempfile::TempDir,
}

pub(crate) fn cashier(ledger: &Ledger, model: &Model, cost_max: Amount) -> Cashier {
    let purse = Purse {
        beneficiary: key(3).address(),
        recipient: key(3).address(),
    };
    let bounds = Bounds {
        depth: DEPTH,
        cost_max,
    };
    Cashier::with_bounds(ledger.clone(), Arc::new(model.clone()), purse, bounds)
}

impl Stand {
    pub(crate) async fn new() -> Self {
        Self::with_cost(Amount(u128::MAX)).await
    }

    pub(crate) async fn with_cost(cost_max: Amount) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger_with_cheque(dir.path(), VAULT).await;
        let model = Model::new(10_000_000);
        let cashier = cashier(&ledger, &model, cost_max);
        Self {
            model,
            ledger,
            cashier,
            dir,
        }
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    fn pending(&self) -> Vec<OutboxRow> {
        self.ledger.read().unwrap().outbox_pending().unwrap()
    }

    fn ended(&self) -> Vec<OutboxRow> {
        let ended = self.ledger.read().unwrap().outbox_ended(None, 99).unwrap();
        ended.into_iter().map(|(_, row)| row).collect()
    }

    fn cashed(&self) -> Amount {
        let row = self.ledger.read().unwrap().cheque(&VAULT).unwrap();
        row.unwrap().cashed
    }

    fn why(&self) -> String {
        let waiting = self.cashier.waiting().unwrap();
        waiting.into_iter().map(|one| one.why).collect()
    }

    /// Mines and follows until nothing is under way; panics when it takes too many rounds.
    async fn finish(&self) -> Round {
        let mut sum = Round::default();
        for _ in 0..80 {
            let round = self.cashier.follow().await.unwrap();
            sum.cashed += round.cashed;
            sum.rewound += round.rewound;
            sum.raised += round.raised;
            if self.pending().is_empty() {
                return sum;
            }
            self.model.world().mine();
        }
        panic!("still waits: {}", self.why());
    }

    fn assert_paid_once(&self) {
        let world = self.model.world();
        assert_eq!((world.payments(), u128::from(world.paid_out())), (1, SUM.0));
        drop(world);
        assert_eq!(self.cashed(), SUM);
        assert!(self.pending().is_empty());
    }
}

#[tokio::test]
async fn a_transaction_ends_at_depth_and_not_before() {
    let stand = Stand::new().await;
    assert_eq!(stand.cashier.begin(Amount::ZERO).await.unwrap(), 1);
    stand.model.world().mine();
    for _ in 0..DEPTH {
        assert_eq!(stand.cashier.follow().await.unwrap().cashed, 0);
        assert!(stand.why().contains("final at block"), "{}", stand.why());
        assert_eq!(stand.cashed(), Amount::ZERO);
        stand.model.world().mine();
    }
    assert_eq!(stand.cashier.follow().await.unwrap().cashed, 1);
    stand.assert_paid_once();
    assert_eq!(stand.ended()[0].state, OutboxState::Done);
    assert_eq!(stand.cashier.begin(Amount::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_transaction_is_sent_again_with_the_same_bytes() {
    let stand = Stand::new().await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    stand.model.world().drop_pool();
    stand.model.world().mine();
    stand.finish().await;
    stand.assert_paid_once();
    assert_eq!(stand.model.world().seen.len(), 1);
}

#[tokio::test]
async fn a_stuck_transaction_is_raised_by_an_eighth_at_its_nonce_until_it_is_mined() {
    let stand = Stand::new().await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    stand.model.world().floor = CALM * 2;
    let round = stand.finish().await;
    stand.assert_paid_once();
    assert!(round.raised >= 1);
    let world = stand.model.world();
    assert_eq!(
        world.signed,
        vec![0],
        "one nonce, however often it was raised"
    );
    assert!(world.seen.len() >= 2);
}

#[tokio::test]
async fn a_fee_spike_beyond_the_bound_waits_and_says_so_and_ends_with_the_spike() {
    let stand = Stand::with_cost(Amount(300)).await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    stand.model.world().floor = 5_000;
    for _ in 0..60 {
        stand.model.world().mine();
        stand.cashier.follow().await.unwrap();
    }
    assert_eq!(stand.model.world().payments(), 0);
    assert!(stand.why().contains("gas is too dear"), "{}", stand.why());
    assert!(stand.why().contains("300"), "{}", stand.why());
    stand.model.world().floor = CALM;
    stand.finish().await;
    stand.assert_paid_once();
}

#[tokio::test]
async fn a_reorganisation_brings_the_transaction_back_to_broadcast_with_its_bytes() {
    for (depth, kept) in [(1, true), (3, false), (5, true), (5, false)] {
        let stand = Stand::new().await;
        stand.cashier.begin(Amount::ZERO).await.unwrap();
        stand.model.world().mine_many(5);
        stand.cashier.follow().await.unwrap();
        assert!(stand.pending()[0].mined.is_some());
        stand.model.world().reorganise(depth, kept);
        let round = stand.finish().await;
        let was_out = depth == 5;
        assert_eq!(round.rewound, usize::from(was_out), "depth {depth}");
        stand.assert_paid_once();
        assert_eq!(stand.model.world().seen.len(), 1, "the same bytes");
    }
}

#[tokio::test]
async fn a_nonce_another_program_used_is_left_for_a_new_one_after_the_depth() {
    let stand = Stand::new().await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    stand.model.world().drop_pool();
    stand.model.world().steal_nonce();
    stand.model.world().mine();
    for _ in 0..DEPTH {
        stand.cashier.follow().await.unwrap();
        assert_eq!(stand.model.world().signed, vec![0], "not before the depth");
        assert!(stand.why().contains("used by another"), "{}", stand.why());
        stand.model.world().mine();
    }
    stand.finish().await;
    stand.assert_paid_once();
    assert_eq!(stand.model.world().signed, vec![0, 1]);
}

#[tokio::test]
async fn a_nonce_thief_who_never_tires_ends_the_intent_with_its_reason() {
    let stand = Stand::new().await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    for _ in 0..80 {
        stand.model.world().drop_pool();
        stand.model.world().steal_nonce();
        stand.model.world().mine();
        stand.cashier.follow().await.unwrap();
    }
    let ended = stand.ended();
    assert_eq!(ended[0].state, OutboxState::Replaced);
    assert!(
        ended[0].reason.contains("used its 4 nonces"),
        "{}",
        ended[0].reason
    );
    assert_eq!(
        stand.cashier.begin(Amount::ZERO).await.unwrap(),
        1,
        "it may be wanted again"
    );
}

#[tokio::test]
async fn what_the_contract_refuses_is_abandoned_with_its_words() {
    let stand = Stand::new().await;
    stand.model.world().refuses = true;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    let ended = stand.ended();
    assert_eq!(ended[0].state, OutboxState::Abandoned);
    assert!(
        ended[0].reason.contains("nothing to pay"),
        "{}",
        ended[0].reason
    );
    assert!(stand.model.world().seen.is_empty());
}

#[tokio::test]
async fn with_the_chain_silent_for_a_day_wishes_wait_and_are_sent_once_each() {
    let stand = Stand::new().await;
    stand.model.world().silent = true;
    assert_eq!(stand.cashier.begin(Amount::ZERO).await.unwrap(), 1);
    // A day of looks, one each three seconds, as the daemon makes them.
    for _ in 0..28_800 {
        assert!(stand.cashier.follow().await.is_err());
    }
    assert_eq!(
        stand.cashier.begin(Amount::ZERO).await.unwrap(),
        0,
        "wanted already"
    );
    assert!(
        stand.why().contains("no chain endpoint answers"),
        "{}",
        stand.why()
    );
    assert_eq!(stand.pending()[0].state, OutboxState::Wanted);
    stand.model.world().silent = false;
    stand.finish().await;
    stand.assert_paid_once();
    assert_eq!(stand.model.world().seen.len(), 1);
}

#[tokio::test]
async fn a_vault_that_pays_a_part_leaves_the_rest_due() {
    let stand = Stand::new().await;
    stand.model.world().balance = 400_000;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    stand.finish().await;
    let row = stand
        .ledger
        .read()
        .unwrap()
        .cheque(&VAULT)
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.cashed, row.bounced),
        (Amount(400_000), Amount(600_000))
    );
    stand.model.world().balance = 9_000_000;
    assert_eq!(stand.cashier.begin(Amount::ZERO).await.unwrap(), 1);
    stand.finish().await;
    assert_eq!(stand.cashed(), SUM);
    assert_eq!(stand.model.world().payments(), 2);
}

#[tokio::test]
async fn a_stuck_transaction_that_may_not_cost_more_is_cleared_for_what_waits_behind_it() {
    // Goal: one dear intent never holds up the others, least of all a proof. Method: two wishes in
    // the pool, then a floor above the first one's bound; the empty transaction takes its nonce,
    // the second goes through, the first is signed anew when the spike is over. Each happens once.
    let stand = Stand::with_cost(Amount(300)).await;
    stand.cashier.begin(Amount::ZERO).await.unwrap();
    let call = CallRow {
        to: VAULT,
        value: Amount::ZERO,
        data: vec![1],
    };
    let proof = OutboxRow::wanted_call(IntentKey("stake/behind".into()), call);
    assert!(stand.cashier.outbox().want(proof).await.unwrap());
    stand.cashier.follow().await.unwrap();
    assert_eq!(stand.pending().len(), 2);
    stand.model.world().floor = 2_000;
    let mut cleared = false;
    for _ in 0..40 {
        stand.model.world().mine();
        stand.cashier.follow().await.unwrap();
        cleared |= stand.why().contains("is cleared by an empty transaction");
    }
    assert!(cleared, "{}", stand.why());
    assert!(stand.model.world().nonce() >= 1, "the nonce is free");
    assert_eq!(stand.model.world().payments(), 0);
    stand.model.world().floor = CALM;
    stand.finish().await;
    stand.assert_paid_once();
    let done = stand.ended().into_iter();
    let done = done.filter(|row| row.state == OutboxState::Done);
    assert_eq!(done.count(), 2);
}

#[tokio::test]
async fn a_reorganisation_below_the_depth_takes_a_final_transaction_up_again() {
    // Goal: final is a bet, and a lost one loses nothing. Method: end a cashing, take more blocks
    // away than its depth, also with a new program over the same ledger; the same bytes go out.
    for restarted in [false, true] {
        let mut stand = Stand::new().await;
        stand.cashier.begin(Amount::ZERO).await.unwrap();
        stand.finish().await;
        stand.assert_paid_once();
        stand.model.world().mine_many(4);
        if restarted {
            stand.cashier = cashier(&stand.ledger, &stand.model, Amount(u128::MAX));
        }
        stand.cashier.follow().await.unwrap();
        let deep = usize::try_from(stand.model.world().head()).unwrap();
        stand.model.world().reorganise(deep, false);
        assert_eq!(stand.model.world().payments(), 0);
        let round = stand.cashier.follow().await.unwrap();
        assert_eq!(round.rewound, 1, "restarted: {restarted}");
        stand.finish().await;
        stand.assert_paid_once();
        assert_eq!(stand.model.world().seen.len(), 1, "the same bytes");
    }
}
