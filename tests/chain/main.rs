//! Money's last mile on a real chain: the cashier of a host, its outbox, and the contracts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use host_chain::{DeployParams, EvmChain, Guard};
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::cheque::Cheque;
use host_core::identity::SecretKey;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, AgreementId, Amount, Digest32, NetworkId, ShardId, VolumeId};
use host_ledger::{AgreementRow, Fact, Ledger, Options, PlacementRow};
use host_settle::Cashier;

const CHAIN: u64 = 31_337;
const SUM: Amount = Amount(1_000_000);

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("a scalar")
}

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
}

/// A ledger that holds one paid agreement whose cheque promises `SUM` on `vault`.
async fn ledger_with_cheque(dir: &std::path::Path, vault: Address) -> Ledger {
    let ledger = Ledger::open(dir, Options::default()).expect("opens");
    let (renter, host) = (key(2), key(3));
    let shard = ShardId([5; 32]);
    let terms = Agreement {
        network: NetworkId::of_name("test"),
        id: AgreementId([4; 32]),
        renter: renter.address(),
        host: host.address(),
        payout: host.address(),
        shard,
        shard_len: 4096,
        codec: 1,
        price: Amount(1),
        start_epoch: 0,
        end_epoch: 9,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    };
    let agreement = terms.digest(CHAIN);
    let signed = SignedAgreement {
        renter_signature: terms.sign(CHAIN, &renter),
        host_signature: terms.sign(CHAIN, &host),
        terms,
    };
    let cheque = Cheque {
        vault,
        beneficiary: host.address(),
        cumulative: SUM,
        token: None,
    }
    .sign(CHAIN, &renter);
    let volume = VolumeId([1; 16]);
    let row = PlacementRow {
        volume,
        offset: 8192,
        size: 8192,
        len: 4096,
    };
    let facts = vec![
        Fact::VolumeAdded {
            volume,
            start: 8192,
            size: 1 << 20,
        },
        Fact::AgreementOpened(AgreementRow::new(agreement, signed, 0)),
        Fact::ShardPlaced {
            shard,
            row,
            agreement,
        },
        Fact::ChequeAccepted {
            cheque,
            agreement,
            through_epoch: 1,
            increment: SUM,
        },
    ];
    ledger.commit(facts).await.expect("committed");
    ledger
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
