//! Goal: a kill between any two steps of the outbox sends nothing twice and loses nothing. Method:
//! the cashier's work is cut off at its k-th word with the chain, once before the chain hears it
//! and
//! once after the chain has acted and before the answer is heard; then the ledger is closed, opened
//! again, and a new cashier finishes. Every k until a run needs no more words. What the ledger
//! writes stands between two words, so this covers both sides of every commit.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Amount, Digest32};
use host_ledger::{Ledger, Options};
use host_settle::{Bounds, Cashier, Purse};

use crate::model::{Model, VAULT};
use crate::outbox::DEPTH;
use crate::stage::{SUM, key, ledger_with_cheque};

/// A model that falls silent for ever at one word.
struct Cut {
    model: Model,
    words: Arc<AtomicU64>,
    at: u64,
    heard: bool,
    dead: tokio::sync::mpsc::UnboundedSender<()>,
}

impl Cut {
    fn pass<'a, T: Send + 'a>(
        &self,
        word: impl FnOnce() -> BoxFuture<'a, Result<T, ChainError>>,
    ) -> BoxFuture<'a, Result<T, ChainError>> {
        let count = self.words.fetch_add(1, Ordering::SeqCst) + 1;
        if count < self.at {
            return word();
        }
        if self.heard && count == self.at {
            // The model acts when it is asked, not when its answer is awaited.
            drop(word());
        }
        let _ = self.dead.send(());
        Box::pin(pending())
    }
}

impl Chain for Cut {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        self.pass(|| self.model.head())
    }

    fn vault(&self, of: Address, to: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.pass(|| self.model.vault(of, to))
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        self.pass(|| self.model.prepare(call, floor))
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        self.pass(|| self.model.broadcast(tx))
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        self.pass(|| self.model.receipt(hash))
    }

    fn bump<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        self.pass(|| self.model.bump(tx, cost_max))
    }

    fn again<'a>(
        &'a self,
        tx: &'a SignedTx,
        floor: u64,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        self.pass(|| self.model.again(tx, floor))
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.pass(|| self.model.nonce())
    }

    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        self.pass(|| self.model.block_hash(number))
    }
}

/// What happens to the chain on the way: it makes the outbox take every branch.
fn trouble(model: &Model, round: usize) {
    let mut world = model.world();
    match round {
        2 => world.floor = 150,
        9 => world.reorganise(3, false),
        14 => {
            world.drop_pool();
            if world.payments() == 0 {
                world.steal_nonce();
            }
        }
        _ => {}
    }
    world.mine();
}

fn cashier(ledger: &Ledger, chain: Arc<dyn Chain>) -> Cashier {
    let account = key(3).address();
    let purse = Purse {
        beneficiary: account,
        recipient: account,
    };
    let bounds = Bounds {
        depth: DEPTH,
        cost_max: Amount(u128::MAX),
    };
    Cashier::with_bounds(ledger.clone(), chain, purse, bounds)
}

async fn work(cashier: &Cashier, model: &Model, rounds: &mut usize) {
    cashier.begin(Amount::ZERO).await.unwrap();
    while *rounds < 60 {
        cashier.follow().await.unwrap();
        trouble(model, *rounds);
        *rounds += 1;
    }
}

/// One run cut at word `at`; whether the cut was reached.
async fn run(at: u64, heard: bool) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger_with_cheque(dir.path(), VAULT).await;
    let model = Model::new(10_000_000);
    let (dead, mut died) = tokio::sync::mpsc::unbounded_channel();
    let cut = Cut {
        model: model.clone(),
        words: Arc::default(),
        at,
        heard,
        dead,
    };
    let mut rounds = 0;
    let first = cashier(&ledger, Arc::new(cut));
    let reached = tokio::select! {
        biased;
        () = work(&first, &model, &mut rounds) => false,
        _ = died.recv() => true,
    };
    drop(first);
    ledger.close().await;
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let second = cashier(&ledger, Arc::new(model.clone()));
    work(&second, &model, &mut rounds).await;
    let view = ledger.read().unwrap();
    let left = view.outbox_pending().unwrap();
    let world = model.world();
    let word = format!("cut at word {at}, heard {heard}: {left:?}");
    assert_eq!(
        (world.payments(), u128::from(world.paid_out())),
        (1, SUM.0),
        "{word}"
    );
    assert!(left.is_empty(), "{word}");
    assert_eq!(view.cheque(&VAULT).unwrap().unwrap().cashed, SUM, "{word}");
    reached
}

#[tokio::test]
async fn a_kill_between_any_two_steps_sends_nothing_twice_and_loses_nothing() {
    let mut cuts = 0;
    for heard in [false, true] {
        let mut at = 1;
        while run(at, heard).await {
            at += 1;
            cuts += 1;
            assert!(at < 500, "the work never ends");
        }
    }
    assert!(cuts > 40, "only {cuts} cuts were made");
    println!("{cuts} kills survived");
}
