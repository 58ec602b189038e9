//! Money's last mile on a real chain: the cashier of a host, its outbox, and the contracts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host_chain::{DeployParams, EvmChain, Guard};
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Amount, Digest32};
use host_settle::Cashier;

use crate::stage::{CHAIN, SUM, key, ledger_with_cheque};

/// The real chain behind a line that drops the next broadcast when told to: the crash between the
/// outbox's commit and the network.
struct Line {
    chain: EvmChain,
    drops: AtomicBool,
}

impl Chain for Line {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        self.chain.head()
    }

    fn vault(&self, of: Address, to: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.chain.vault(of, to)
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        self.chain.prepare(call, floor)
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        if self.drops.swap(false, Ordering::AcqRel) {
            let cut = ChainError::Unreachable {
                tried: 1,
                why: "the line is cut".into(),
            };
            return Box::pin(async { Err(cut) });
        }
        self.chain.broadcast(tx)
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        self.chain.receipt(hash)
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
        Chain::bump(&self.chain, tx, cost_max)
    }
}

/// Goal: a cheque becomes money once, also when the first broadcast never left. Method: a real
/// vault on the development chain; the line is cut at the first broadcast, then mended; every
/// figure is read from the chain or the ledger.
#[tokio::test]
async fn a_cheque_is_cashed_once_whatever_happens_to_the_first_broadcast() {
    let dir = tempfile::tempdir().expect("a directory");
    let fund = [1, 2, 3]
        .map(|byte| (key(byte).address().0, 10_u128.pow(21)))
        .to_vec();
    let running = host_devchain::start(host_devchain::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        data: dir.path().join("chain"),
        chain_id: CHAIN,
        block_every: Duration::from_millis(50),
        automine: true,
        fund,
    })
    .await
    .expect("serves");
    let open = EvmChain::new(host_chain::Options {
        endpoints: vec![running.rpc().to_string()],
        guard: Guard {
            chain_id: CHAIN,
            anchor: None,
            code: Vec::new(),
        },
        contracts: None,
        fee_cap: 10_000_000_000_000,
        depth: 1,
    })
    .expect("an endpoint");
    let deployed = open
        .with_key(key(1))
        .deploy_network(&DeployParams::default())
        .await
        .expect("deployed");
    let chain = open.with_contracts(deployed.contracts);
    let renter = chain.with_key(key(2));
    renter.wrap(SUM).await.expect("wrapped");
    let vault = renter
        .deploy_vault(Digest32([0; 32]), "")
        .await
        .expect("a vault");
    renter.deposit(vault, SUM).await.expect("deposited");
    let ledger = ledger_with_cheque(&dir.path().join("state"), vault).await;
    let line = Arc::new(Line {
        chain: chain.with_key(key(3)),
        drops: AtomicBool::new(true),
    });
    let host = key(3).address();
    let cashier = Cashier::new(ledger.clone(), line, host, host, 1);

    assert_eq!(cashier.begin(Amount::ZERO).await.expect("begun"), 1);
    let pending = ledger
        .read()
        .expect("reads")
        .outbox_pending()
        .expect("rows");
    assert_eq!(
        pending.len(),
        1,
        "the transaction is written down before it is sent"
    );
    assert_eq!(chain.token_balance(host).await.expect("read"), Amount::ZERO);
    assert_eq!(
        cashier.begin(Amount::ZERO).await.expect("asked"),
        0,
        "one is under way"
    );
    let mut cashed = 0;
    for _ in 0..200 {
        cashed += cashier.follow().await.expect("followed").cashed;
        if cashed > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cashed, 1);
    assert_eq!(chain.token_balance(host).await.expect("read"), SUM);
    assert_eq!(chain.total_paid_out(vault).await.expect("read"), SUM);
    let row = ledger
        .read()
        .expect("reads")
        .cheque(&vault)
        .expect("row")
        .expect("there");
    assert_eq!(row.cashed, SUM);
    assert_eq!(
        cashier.begin(Amount::ZERO).await.expect("asked"),
        0,
        "nothing is left to cash"
    );
    running.stop().await.expect("stopped");
}
