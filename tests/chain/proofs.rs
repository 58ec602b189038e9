//! Goal: a host's word is kept by the contracts' own judgement. Method: the real contracts on the
//! development chain, blocks made by the test, shards in memory; a prover takes turns; every
//! verdict is read from the chain.

use std::sync::Arc;

use host_chain::{DeployParams, EvmChain, Guard, Intent, Proofs};
use host_core::agreement::Agreement;
use host_core::seams::{Chain, ProofChain, ProofVerb};
use host_core::{Address, Amount, Digest32};
use host_ledger::{Ledger, Options, PeriodEnd};
use host_proof::dataset::{Inclusion, Leaf};
use host_settle::prove::{Parts, Phase, Report};
use host_settle::{Bounds, Error, Prover};
use serde_json::json;

use crate::promised::{Promises, network};
use crate::stage::{CHAIN, key, rpc};

pub(crate) const ONE: u128 = 1_000_000_000_000_000_000;

/// A chain with the contracts, a host's ledger, its stake.
pub(crate) struct Town {
    node: Option<host_devchain::Running>,
    address: String,
    pub(crate) chain: EvmChain,
    pub(crate) proofs: Arc<Proofs>,
    pub(crate) promises: Promises,
    pub(crate) dir: tempfile::TempDir,
}

impl Town {
    /// A development chain of its own; the host has `stake` whole tokens at stake.
    pub(crate) async fn new(stake: u128) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fund = (1..100).map(|byte| (key(byte).address().0, 10_u128.pow(21)));
        let node = host_devchain::start(host_devchain::Options {
            listen: ([127, 0, 0, 1], 0).into(),
            data: dir.path().join("chain"),
            chain_id: CHAIN,
            block_every: std::time::Duration::ZERO,
            automine: true,
            fund: fund.collect(),
        })
        .await
        .unwrap();
        let url = node.rpc().to_string();
        let mut town = Self::at(url, dir, 20).await;
        town.node = Some(node);
        if stake > 0 {
            town.stake(key(3).address(), Amount(stake * ONE)).await;
        }
        town
    }

    /// The contracts on the node at `url`, with periods of `period` blocks.
    pub(crate) async fn at(url: String, dir: tempfile::TempDir, period: u64) -> Self {
        let open = EvmChain::new(host_chain::Options {
            endpoints: vec![url.clone()],
            guard: Guard {
                chain_id: CHAIN,
                anchor: None,
                code: Vec::new(),
            },
            contracts: None,
            fee_cap: 10_000_000_000_000,
            depth: 0,
        })
        .unwrap();
        let params = DeployParams::demo(network(), period);
        let deployed = open.with_key(key(1)).deploy_network(&params).await.unwrap();
        let chain = open.with_contracts(deployed.contracts);
        let proofs = Arc::new(Proofs::of(&chain).unwrap());
        let ledger = Ledger::open(&dir.path().join("state"), Options::default()).unwrap();
        Self {
            node: None,
            address: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .into(),
            chain,
            proofs,
            promises: Promises::new(ledger).await,
            dir,
        }
    }

    pub(crate) async fn stop(self) {
        if let Some(node) = self.node {
            node.stop().await.unwrap();
        }
    }

    pub(crate) async fn stake(&self, host: Address, sum: Amount) {
        let treasury = self.chain.with_key(key(1));
        treasury.wrap(sum).await.unwrap();
        for verb in [
            ProofVerb::Approve { sum },
            ProofVerb::StakeFor { host, sum },
        ] {
            let call = self.proofs.call(&verb).unwrap();
            let intent = Intent::call(verb.what(), call.to, call.data);
            let sent = treasury.run(&intent, host_chain::PATIENCE).await;
            sent.unwrap();
        }
    }

    pub(crate) fn prover(&self, stake_max: Amount) -> Prover {
        let chain: Arc<dyn Chain> = Arc::new(self.chain.with_key(key(3)));
        Prover::new(Parts {
            ledger: self.promises.ledger.clone(),
            chain,
            proofs: Arc::clone(&self.proofs) as Arc<dyn ProofChain>,
            leaves: Arc::clone(&self.promises.shelf) as Arc<dyn host_settle::prove::Leaves>,
            host: key(3).address(),
            bounds: Bounds {
                depth: 2,
                cost_max: Amount(u128::MAX),
            },
            stake_max,
        })
    }

    pub(crate) async fn mine(&self) {
        let answer = rpc(&self.address, "evm_mine", json!([])).await.unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
    }

    /// Turns and blocks until `done` says so of a turn's report.
    pub(crate) async fn until(&self, prover: &Prover, done: impl Fn(&Report) -> bool) -> Report {
        let mut last = String::new();
        for _ in 0..400 {
            match prover.turn().await {
                Ok(report) if done(&report) => return report,
                Ok(report) => last = format!("{report:?}"),
                Err(error) => last = error.to_string(),
            }
            self.mine().await;
        }
        panic!("never: {last}");
    }

    /// Turns until `count` more periods are proven.
    pub(crate) async fn prove(&self, prover: &Prover, count: usize) {
        for _ in 0..count {
            let from = prover.report().period;
            let proven = |report: &Report| report.phase == Phase::Proven && report.period > from;
            let report = self.until(prover, proven).await;
            let host = key(3).address();
            assert!(self.proofs.proven(host, report.period).await.unwrap());
        }
    }

    async fn current(&self) -> Digest32 {
        let look = self.proofs.look(key(3).address(), 0).await.unwrap();
        look.current
    }
}

fn leaf(terms: &Agreement) -> Leaf {
    Leaf {
        agreement: terms.digest(CHAIN),
        shard: terms.shard,
        len: terms.shard_len,
        end_epoch: terms.end_epoch,
    }
}

#[tokio::test]
async fn a_host_commits_seals_and_proves_period_after_period() {
    let mut town = Town::new(10).await;
    let first = town.promises.add(5_000, 90).await;
    let prover = town.prover(Amount::ZERO);
    town.prove(&prover, 1).await;
    let (name, bytes) = prover.inclusion(&first.digest(CHAIN)).unwrap();
    assert_eq!(name, town.current().await);
    let shown = Inclusion::from_bytes(&bytes).unwrap();
    assert_eq!(shown.check(&name, &leaf(&first)).unwrap(), 0);

    // More agreements enter later batches; the first stays provable under the merged peaks.
    let big = town.promises.add(300_000, 90).await;
    let waits = prover.inclusion(&big.digest(CHAIN));
    assert!(matches!(waits, Err(Error::Uncommitted { .. })), "{waits:?}");
    for len in [1, 255, 256, 257, 70_000] {
        town.promises.add(len, 90).await;
    }
    town.prove(&prover, 2).await;
    for terms in [&first, &big] {
        let (name, bytes) = prover.inclusion(&terms.digest(CHAIN)).unwrap();
        assert_eq!(name, town.current().await);
        let shown = Inclusion::from_bytes(&bytes).unwrap();
        shown.check(&name, &leaf(terms)).unwrap();
    }
    assert!(town.promises.shelf.reads() >= 30, "ten leaves a period");
    let report = town.until(&prover, |report| report.proven >= 2).await;
    assert_eq!((report.missed, report.uncommitted), (0, 0));
    assert_eq!(report.batches, 2, "one commitment for six agreements");
    let view = town.promises.ledger.read().unwrap();
    let ends = view.periods(None, 99).unwrap();
    assert!(ends.iter().all(|(_, row)| row.end == PeriodEnd::Proven));
    town.stop().await;
}

#[tokio::test]
async fn what_a_renter_gave_up_or_what_is_over_is_answered_without_its_bytes() {
    let mut town = Town::new(10).await;
    town.promises.add(2_000, 90).await;
    let given_up = town.promises.add(90_000, 90).await;
    let over = town.promises.add(90_000, 4).await;
    let prover = town.prover(Amount::ZERO);
    town.prove(&prover, 1).await;
    town.promises.release(&given_up).await;
    // Its term ends: nobody asks for its bytes any more.
    let past = |report: &Report| report.period >= 4 && report.phase == Phase::Early;
    town.until(&prover, past).await;
    town.promises.shelf.forget(&over.shard);
    town.prove(&prover, 3).await;
    assert_eq!(prover.report().missed, 0);
    town.stop().await;
}

#[tokio::test]
async fn a_host_without_stake_keeps_what_it_has_and_commits_when_stake_comes() {
    let mut town = Town::new(0).await;
    town.promises.add(5_000, 90).await;
    let prover = town.prover(Amount::ZERO);
    for _ in 0..25 {
        let report = prover.turn().await.unwrap();
        assert_eq!((report.phase, report.batches), (Phase::Idle, 0));
        town.mine().await;
    }
    let report = prover.report();
    assert_eq!(report.stake_short, Amount((5_000 * ONE).div_ceil(1 << 30)));
    assert_eq!(report.uncommitted, 1);
    let view = town.promises.ledger.read().unwrap();
    assert!(
        view.outbox_pending().unwrap().is_empty(),
        "nothing was sent"
    );
    town.stake(key(3).address(), report.stake_short).await;
    town.prove(&prover, 1).await;
    assert_eq!(prover.report().stake_short, Amount::ZERO);
    town.stop().await;
}

#[tokio::test]
async fn a_host_puts_in_its_own_stake_as_far_as_it_was_allowed() {
    let mut town = Town::new(0).await;
    let host = town.chain.with_key(key(3));
    host.wrap(Amount(ONE)).await.unwrap();
    town.promises.add(5_000, 90).await;
    let stingy = town.prover(Amount(1));
    for _ in 0..5 {
        stingy.turn().await.unwrap();
        town.mine().await;
    }
    assert_eq!(stingy.report().stake, Amount::ZERO);
    let prover = town.prover(Amount(ONE));
    town.prove(&prover, 1).await;
    let report = prover.report();
    assert_eq!(report.stake, Amount((5_000 * ONE).div_ceil(1 << 30)));
    town.stop().await;
}

#[tokio::test]
async fn a_drive_that_fails_is_late_and_then_missed_and_never_lied_about() {
    let mut town = Town::new(10).await;
    town.promises.add(5_000, 90).await;
    let prover = town.prover(Amount::ZERO);
    town.prove(&prover, 1).await;
    *town.promises.shelf.broken.lock().unwrap() = true;
    let late = |_: &Report| prover.report().late;
    for _ in 0..200 {
        let turned = prover.turn().await;
        if prover.report().late {
            let error = turned.unwrap_err();
            assert!(matches!(error, Error::Leaf { .. }), "{error}");
            break;
        }
        town.mine().await;
    }
    let report = prover.report();
    assert!(late(&report), "{report:?}");
    assert!(report.why.contains("does not answer"), "{}", report.why);
    let missed = report.period;
    for _ in 0..60 {
        let _ = prover.turn().await;
        if prover.report().missed > 0 {
            break;
        }
        town.mine().await;
    }
    assert_eq!(prover.report().missed, 1);
    let host = key(3).address();
    assert!(!town.proofs.proven(host, missed).await.unwrap());
    *town.promises.shelf.broken.lock().unwrap() = false;
    town.prove(&prover, 1).await;
    assert!(town.dir.path().exists());
    town.stop().await;
}
