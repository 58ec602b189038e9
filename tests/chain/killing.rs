//! kill -9 between every two steps of the outbox, for real: a child cashes on a chain of its own
//! parent, stops at its k-th word with the chain, before or after that word has acted, and is
//! killed there by the parent, which opens the ledger again and finishes. Nothing is paid twice,
//! nothing is lost, and one nonce was used.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host_chain::{DeployParams, EvmChain, Guard};
use host_core::network::Contracts;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Amount, Digest32};
use host_ledger::{Ledger, Options};
use host_settle::Cashier;

use crate::stage::{CHAIN, SUM, key, ledger_with_cheque};

/// The child's orders, in its environment: directory, endpoint, word, whether it acts first.
const ORDERS: [&str; 4] = [
    "HOLDFAST_KILL_DIR",
    "HOLDFAST_KILL_RPC",
    "HOLDFAST_KILL_WORD",
    "HOLDFAST_KILL_ACTS",
];
/// Words a whole cashing never needs.
const WORDS_MAX: u64 = 60;

/// The real chain, at one word of which this process stops for ever.
struct Stops {
    chain: EvmChain,
    words: AtomicU64,
    at: u64,
    acts: bool,
}

/// Says that the parent may kill now, and waits for it.
fn stop() -> ! {
    let mut out = std::io::stdout();
    let said = writeln!(out, "\nSTOPPED").and_then(|()| out.flush());
    said.expect("the parent listens");
    loop {
        std::thread::park();
    }
}

impl Stops {
    fn pass<'a, T: Send + 'a>(
        &'a self,
        word: BoxFuture<'a, Result<T, ChainError>>,
    ) -> BoxFuture<'a, Result<T, ChainError>> {
        let here = self.words.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        Box::pin(async move {
            if here && !self.acts {
                stop();
            }
            let answer = word.await;
            if here {
                stop();
            }
            answer
        })
    }
}

impl Chain for Stops {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        self.pass(self.chain.head())
    }

    fn vault(&self, of: Address, to: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.pass(self.chain.vault(of, to))
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        self.pass(self.chain.prepare(call, floor))
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        self.pass(self.chain.broadcast(tx))
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        self.pass(self.chain.receipt(hash))
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.pass(self.chain.nonce())
    }

    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        self.pass(self.chain.block_hash(number))
    }
}

fn open_chain(rpc: &str) -> EvmChain {
    EvmChain::new(host_chain::Options {
        endpoints: vec![rpc.to_owned()],
        guard: Guard {
            chain_id: CHAIN,
            anchor: None,
            code: Vec::new(),
        },
        contracts: None,
        fee_cap: 10_000_000_000_000,
        depth: 1,
    })
    .expect("an endpoint")
}

/// Cashes what the ledger holds, within a bound of rounds; how many transactions ended well.
async fn cash(ledger: &Ledger, chain: Arc<dyn Chain>) -> usize {
    let host = key(3).address();
    let cashier = Cashier::new(ledger.clone(), chain, host, host, 1);
    cashier.begin(Amount::ZERO).await.expect("begun");
    for _ in 0..600 {
        let cashed = cashier.follow().await.expect("followed").cashed;
        let waits = cashier.waiting().expect("rows").len();
        if cashed > 0 || waits == 0 {
            return cashed;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    0
}

/// Not a test of its own: the child's life when the parent gave it orders.
#[tokio::test]
async fn a_child_cashes_until_it_is_killed() {
    let orders = ORDERS.map(|name| std::env::var(name).ok());
    let [Some(dir), Some(rpc), Some(at), Some(acts)] = orders else {
        return;
    };
    let dir = PathBuf::from(dir);
    let contracts = std::fs::read_to_string(dir.join("contracts")).expect("a file");
    let contracts: Contracts = toml::from_str(&contracts).expect("contracts");
    let stops = Stops {
        chain: open_chain(&rpc).with_contracts(contracts).with_key(key(3)),
        words: AtomicU64::new(0),
        at: at.parse().expect("a number"),
        acts: acts == "true",
    };
    let ledger = Ledger::open(&dir.join("state"), Options::default()).expect("opens");
    cash(&ledger, Arc::new(stops)).await;
    println!("\nDONE");
}

/// Runs a child to its word and kills it there; false when it ended before.
fn killed_at(dir: &Path, rpc: &str, at: u64, acts: bool) -> bool {
    let values = [
        dir.to_string_lossy().into_owned(),
        rpc.to_owned(),
        at.to_string(),
        acts.to_string(),
    ];
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args([
            "killing::a_child_cashes_until_it_is_killed",
            "--exact",
            "--nocapture",
        ])
        .envs(ORDERS.into_iter().zip(values))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let mut stopped = None;
    for line in output.lines() {
        match line.as_deref() {
            Ok("STOPPED") => {
                stopped = Some(true);
                child.kill().expect("the child is killed");
            }
            Ok("DONE") => stopped = Some(false),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    child.wait().expect("the child ended");
    stopped.expect("the child either stopped or was done")
}

/// A vault of the renter with a filled balance, and the host's ledger with a cheque on it.
async fn scene(chain: &EvmChain, dir: &Path, salt: u64) -> Address {
    let renter = chain.with_key(key(2));
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&salt.to_be_bytes());
    let vault = renter.deploy_vault(Digest32(bytes), "").await;
    let vault = vault.expect("a vault");
    renter.deposit(vault, SUM).await.expect("deposited");
    let ledger = ledger_with_cheque(&dir.join("state"), vault).await;
    drop(ledger);
    let contracts = chain.contracts("test").expect("contracts");
    let text = toml::to_string(contracts).expect("text");
    std::fs::write(dir.join("contracts"), text).expect("written");
    vault
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_any_two_steps_pays_once_and_uses_one_nonce() {
    let dir = tempfile::tempdir().expect("a directory");
    let fund = [1, 2, 3].map(|byte| (key(byte).address().0, 10_u128.pow(21)));
    let running = host_devchain::start(host_devchain::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        data: dir.path().join("chain"),
        chain_id: CHAIN,
        block_every: Duration::from_millis(50),
        automine: true,
        fund: fund.to_vec(),
    })
    .await
    .expect("serves");
    let rpc = running.rpc().to_string();
    let open = open_chain(&rpc);
    let deployed = open
        .with_key(key(1))
        .deploy_network(&DeployParams::default())
        .await
        .expect("deployed");
    let chain = open.with_contracts(deployed.contracts);
    chain
        .with_key(key(2))
        .wrap(Amount(SUM.0 * 200))
        .await
        .expect("wrapped");
    let host = chain.with_key(key(3));
    let (mut runs, mut kills) = (0, 0);
    for acts in [false, true] {
        for at in 1..WORDS_MAX {
            runs += 1;
            let place = dir.path().join(format!("run-{runs}"));
            std::fs::create_dir(&place).expect("a directory");
            let vault = scene(&chain, &place, runs).await;
            let before = Chain::nonce(&host).await.expect("a nonce");
            let (at_place, at_rpc) = (place.clone(), rpc.clone());
            let child =
                tokio::task::spawn_blocking(move || killed_at(&at_place, &at_rpc, at, acts));
            let killed = child.await.expect("ran");
            let ledger = Ledger::open(&place.join("state"), Options::default()).expect("opens");
            cash(&ledger, Arc::new(host.clone())).await;
            let paid = chain.total_paid_out(vault).await.expect("read");
            assert_eq!(paid, SUM, "word {at}, acts {acts}");
            let row = ledger.read().expect("reads").cheque(&vault).expect("a row");
            assert_eq!(row.expect("there").cashed, SUM, "word {at}, acts {acts}");
            let waits = ledger.read().expect("reads").outbox_pending();
            assert_eq!(waits.expect("rows").len(), 0, "word {at}, acts {acts}");
            let after = Chain::nonce(&host).await.expect("a nonce");
            assert_eq!(after, before + 1, "word {at}, acts {acts}");
            kills += usize::from(killed);
            if !killed {
                break;
            }
        }
    }
    assert!(kills >= 12, "{kills} kills");
    let all = chain.token_balance(key(3).address()).await.expect("read");
    assert_eq!(all, Amount(SUM.0 * u128::from(runs)));
    running.stop().await.expect("stopped");
}
