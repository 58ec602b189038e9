//! Goal: a kill between any two steps of a period, and a reorganisation under its proof, lose
//! nothing: the period is proven, and nothing is committed twice. Method: the real contracts; the
//! prover's work is cut off at its k-th word with the chain, once before the chain hears it and
//! once after the chain has acted; the ledger is opened again and a new prover goes on. On anvil
//! (where HOLDFAST_ANVIL names it) blocks are taken away under an accepted proof.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use host_chain::Proofs;
use host_core::identity::SecretKey;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, ContractCall, Head, ProofChain, ProofLook, ProofRules,
    ProofVerb, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Amount, Digest32};
use host_ledger::{Ledger, Options};
use host_settle::prove::{Leaves, Parts, Phase};
use host_settle::{Bounds, Prover};
use serde_json::json;

use crate::anvil::Anvil;
use crate::promised::Promises;
use crate::proofs::{ONE, Town};
use crate::stage::key;

const DEPTH: u64 = 2;

/// Falls silent for ever at one word.
struct Cut {
    chain: Arc<dyn Chain>,
    proofs: Arc<Proofs>,
    words: AtomicU64,
    at: u64,
    heard: bool,
    dead: tokio::sync::mpsc::UnboundedSender<()>,
}

impl Cut {
    async fn pass<T>(
        &self,
        word: impl Future<Output = Result<T, ChainError>>,
    ) -> Result<T, ChainError> {
        let count = self.words.fetch_add(1, Ordering::SeqCst) + 1;
        if count < self.at {
            return word.await;
        }
        if self.heard && count == self.at {
            let _ = word.await;
        }
        let _ = self.dead.send(());
        pending().await
    }
}

impl Chain for Cut {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        self.chain.head()
    }

    fn vault(&self, of: Address, to: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.chain.vault(of, to)
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        Box::pin(self.pass(self.chain.prepare(call, floor)))
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(self.pass(self.chain.broadcast(tx)))
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        Box::pin(self.pass(self.chain.receipt(hash)))
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.chain.nonce()
    }

    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        self.chain.block_hash(number)
    }

    fn bump<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        self.chain.bump(tx, cost_max)
    }
}

impl ProofChain for Cut {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        ProofChain::head(&*self.proofs)
    }

    fn rules(&self) -> BoxFuture<'_, Result<ProofRules, ChainError>> {
        self.proofs.rules()
    }

    fn look(&self, host: Address, period: u64) -> BoxFuture<'_, Result<ProofLook, ChainError>> {
        self.proofs.look(host, period)
    }

    fn tokens(&self, of: Address) -> BoxFuture<'_, Result<Amount, ChainError>> {
        self.proofs.tokens(of)
    }

    fn call(&self, verb: &ProofVerb) -> Result<ContractCall, ChainError> {
        self.proofs.call(verb)
    }

    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a ProofVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(self.pass(self.proofs.try_call(from, verb)))
    }
}

fn prover(
    promises: &Promises,
    chain: Arc<dyn Chain>,
    proofs: Arc<dyn ProofChain>,
    host: Address,
) -> Prover {
    Prover::new(Parts {
        ledger: promises.ledger.clone(),
        chain,
        proofs,
        leaves: Arc::clone(&promises.shelf) as Arc<dyn Leaves>,
        host,
        bounds: Bounds {
            depth: DEPTH,
            cost_max: Amount(u128::MAX),
        },
        stake_max: Amount::ZERO,
    })
}

/// Turns and blocks until a proof was accepted and nothing is under way.
async fn work(town: &Town, prover: &Prover, promises: &Promises) {
    let mut last = String::new();
    for _ in 0..200 {
        let report = match prover.turn().await {
            Ok(report) => report,
            Err(error) => {
                last = error.to_string();
                prover.report()
            }
        };
        let view = promises.ledger.read().unwrap();
        let quiet = view.outbox_pending().unwrap().is_empty();
        if report.phase == Phase::Proven && quiet {
            return;
        }
        drop(view);
        town.mine().await;
    }
    panic!("never proven: {last} {:?}", prover.report());
}

/// One run of a host of its own, cut at word `at`; whether the cut was reached.
async fn run(town: &Town, host: SecretKey, at: u64, heard: bool) -> bool {
    let address = host.address();
    town.stake(address, Amount(ONE)).await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let mut promises = Promises::new(ledger).await;
    promises.add(5_000, 9_000).await;
    promises.add(300, 9_000).await;
    let chain: Arc<dyn Chain> = Arc::new(town.chain.with_key(host));
    let (dead, mut died) = tokio::sync::mpsc::unbounded_channel();
    let cut = Arc::new(Cut {
        chain: Arc::clone(&chain),
        proofs: Arc::clone(&town.proofs),
        words: AtomicU64::new(0),
        at,
        heard,
        dead,
    });
    let first = prover(&promises, Arc::clone(&cut) as Arc<dyn Chain>, cut, address);
    let reached = tokio::select! {
        biased;
        () = work(town, &first, &promises) => false,
        _ = died.recv() => true,
    };
    drop(first);
    promises.ledger.close().await;
    promises.ledger = Ledger::open(dir.path(), Options::default()).unwrap();
    let proofs = Arc::clone(&town.proofs) as Arc<dyn ProofChain>;
    let second = prover(&promises, chain, proofs, address);
    work(town, &second, &promises).await;
    let report = second.report();
    let word = format!("cut at word {at}, heard {heard}: {report:?}");
    assert_eq!(
        (report.missed, report.batches, report.uncommitted),
        (0, 1, 0),
        "{word}"
    );
    let view = promises.ledger.read().unwrap();
    assert_eq!(view.batches(0, 9).unwrap().len(), 1, "{word}");
    reached
}

#[tokio::test]
async fn a_kill_between_any_two_steps_of_a_period_misses_nothing_and_commits_once() {
    let town = Town::new(0).await;
    let (mut cuts, mut byte) = (0, 10);
    for heard in [false, true] {
        let mut at = 1;
        loop {
            assert!(byte < 100, "the work never ends");
            let reached = run(&town, key(byte), at, heard).await;
            byte += 1;
            if !reached {
                break;
            }
            // Words repeat while a call waits for its depth; a few are left out.
            at += if at < 10 { 1 } else { 3 };
            cuts += 1;
        }
    }
    assert!(cuts >= 12, "only {cuts} cuts were made");
    println!("{cuts} kills survived");
    town.stop().await;
}

#[tokio::test]
async fn a_reorganisation_under_a_proof_is_proven_again() {
    let Some(program) = std::env::var_os("HOLDFAST_ANVIL") else {
        println!("skipped: HOLDFAST_ANVIL names no anvil");
        return;
    };
    let anvil = Anvil::start(program).await;
    let dir = tempfile::tempdir().unwrap();
    let url = format!("http://{}", anvil.address);
    let mut town = Town::at(url, dir, 80).await;
    town.stake(key(3).address(), Amount(ONE)).await;
    town.promises.add(5_000, 9_000).await;
    let prover = town.prover(Amount::ZERO);
    for depth in [1_u64, 3] {
        town.prove(&prover, 1).await;
        let period = prover.report().period;
        anvil.ask("anvil_reorg", json!([depth, []])).await;
        let host = key(3).address();
        let mut looks = 0;
        // The proof left the chain, and perhaps its seed with it.
        while !town.proofs.proven(host, period).await.unwrap() {
            looks += 1;
            assert!(looks < 60, "depth {depth}: {:?}", prover.report());
            let _ = prover.turn().await;
            town.mine().await;
        }
        assert_eq!(prover.report().missed, 0, "depth {depth}");
    }
    town.stop().await;
}
