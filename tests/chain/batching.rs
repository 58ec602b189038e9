//! Cheques of many vaults become money in one transaction, through the factory's own contract.

use std::sync::Arc;
use std::time::Duration;

use host_chain::{DeployParams, EvmChain, Guard};
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::cheque::Cheque;
use host_core::seams::Chain;
use host_core::{Address, AgreementId, Amount, Digest32};
use host_ledger::{AgreementRow, Fact, IntentKey, Ledger};
use host_settle::{Cashier, Policy};

use crate::stage::{CHAIN, SUM, key, ledger_with_cheque};

const RENTERS: [u8; 3] = [2, 4, 5];

/// One more paid agreement for the shard of the stage, by `renter`.
async fn add_cheque(ledger: &Ledger, renter: u8, vault: Address) {
    let snapshot = ledger.read().expect("reads");
    let known = snapshot.agreements(None, 1).expect("a page");
    let terms = Agreement {
        id: AgreementId([renter; 32]),
        renter: key(renter).address(),
        pay_mode: PayMode::Cheque,
        ..known.first().expect("the stage's own").signed.terms.clone()
    };
    let agreement = terms.digest(CHAIN);
    let signed = SignedAgreement {
        renter_signature: terms.sign(CHAIN, &key(renter)),
        host_signature: terms.sign(CHAIN, &key(3)),
        terms: terms.clone(),
    };
    let cheque = Cheque {
        vault,
        beneficiary: key(3).address(),
        cumulative: SUM,
        token: None,
    }
    .sign(CHAIN, &key(renter));
    let facts = vec![
        Fact::AgreementOpened(AgreementRow::new(agreement, signed, 0)),
        Fact::LeaseAdded {
            shard: terms.shard,
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
}

/// Goal: one transaction pays three vaults, the one that is short pays its part, and nothing is
/// sent twice. Method: real vaults on the development chain, one of them filled by half; the
/// policy's look, rounds of the outbox, then every figure from the chain and the ledger.
#[tokio::test]
async fn three_cheques_are_cashed_in_one_transaction_and_a_short_vault_pays_its_part() {
    let dir = tempfile::tempdir().expect("a directory");
    let fund = [1, 2, 3, 4, 5].map(|byte| (key(byte).address().0, 10_u128.pow(21)));
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
    let mut vaults = Vec::new();
    for renter in RENTERS {
        let line = chain.with_key(key(renter));
        let sum = if renter == 5 { Amount(SUM.0 / 2) } else { SUM };
        line.wrap(sum).await.expect("wrapped");
        let vault = line.deploy_vault(Digest32([0; 32]), "").await;
        let vault = vault.expect("a vault");
        line.deposit(vault, sum).await.expect("deposited");
        vaults.push(vault);
    }
    let ledger = ledger_with_cheque(&dir.path().join("state"), vaults[0]).await;
    for (renter, vault) in RENTERS.into_iter().zip(&vaults).skip(1) {
        add_cheque(&ledger, renter, *vault).await;
    }
    let host = key(3).address();
    let line: Arc<dyn Chain> = Arc::new(chain.with_key(key(3)));
    let cashier = Cashier::new(ledger.clone(), line, host, host, 1);
    let policy = Policy {
        above: Amount(1),
        within_blocks: 0,
        cover_percent: 0,
        exposure_max: Amount::ZERO,
        at_once: 8,
        batch: 8,
    };
    assert_eq!(cashier.look(&policy).await.expect("looked"), 3);
    assert_eq!(cashier.look(&policy).await.expect("looked"), 0, "under way");
    assert_eq!(cashier.begin(Amount::ZERO).await.expect("asked"), 0);
    let rows = ledger
        .read()
        .expect("reads")
        .outbox_pending()
        .expect("rows");
    assert_eq!(rows.len(), 1, "one transaction");
    assert_eq!(rows[0].intent(), IntentKey::cash_many());
    let hash = rows[0].hash;
    let mut cashed = 0;
    for _ in 0..400 {
        cashed += cashier.follow().await.expect("followed").cashed;
        if cashed > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cashed, 1);
    let all = Amount(SUM.0 * 5 / 2);
    assert_eq!(chain.token_balance(host).await.expect("read"), all);
    for (vault, paid) in vaults.iter().zip([SUM, SUM, Amount(SUM.0 / 2)]) {
        let row = ledger.read().expect("reads").cheque(vault).expect("a row");
        let row = row.expect("there");
        assert_eq!((row.cashed, row.bounced.0), (paid, SUM.0 - paid.0));
    }
    // What the chain holds is the batch itself: a single cashing has no such receipt.
    let receipt = chain.tx_receipt(hash).await.expect("read");
    assert!(receipt.expect("a receipt").success);
    running.stop().await.expect("stopped");
}
