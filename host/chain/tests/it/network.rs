//! Goal: the whole way of the money works against contracts that really run. Method: a
//! development chain in this process on loopback, all contracts deployed for each test.

use crate::support::{Bench, CHAIN, Mood, ONE, Proxy, amount, key};
use host_chain::codec::{registry, token, vault};
use host_chain::{Error, EvmChain, Intent, LogFilter};
use host_core::cheque::{Cheque, SignedCheque};
use host_core::seams::{Chain, ChainCall};
use host_core::{Address, Amount, Digest32};
use std::time::Duration;

const SALT: Digest32 = Digest32([0; 32]);

fn payment(to: Address) -> Intent {
    Intent {
        what: "payment",
        to: Some(to),
        value: Amount(5),
        data: vec![],
    }
}

fn cheque(vault: Address, beneficiary: Address, sum: Amount) -> SignedCheque {
    Cheque {
        vault,
        beneficiary,
        cumulative: sum,
        token: None,
    }
    .sign(CHAIN, &key(1))
}

#[tokio::test]
async fn a_cheque_is_issued_cashed_and_seen_in_balances_facts_and_logs() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, network) = bench.network().await;
    let host = renter.with_key(key(2));
    let (payer, payee) = (key(1).address(), key(2).address());
    renter.wrap(amount(10)).await.unwrap();
    assert_eq!(renter.token_balance(payer).await.unwrap(), amount(10));
    let peer = key(1).peer_id().to_string();
    let of_vault = renter.deploy_vault(SALT, &peer).await.unwrap();
    assert_eq!(renter.deploy_vault(SALT, &peer).await.unwrap(), of_vault);
    assert_eq!(host.vault_of_peer(&peer).await.unwrap(), Some(of_vault));
    renter.deposit(of_vault, amount(4)).await.unwrap();

    let facts = host.vault(of_vault, payee).await.unwrap();
    assert_eq!((facts.issuer, facts.known), (payer, true));
    assert_eq!((facts.balance, facts.paid_out), (amount(4), Amount::ZERO));

    let (paid, receipt) = host
        .cash(&cheque(of_vault, payee, amount(1)), payee)
        .await
        .unwrap();
    assert_eq!(paid, amount(1));
    assert_eq!(host.token_balance(payee).await.unwrap(), amount(1));
    let facts = host.vault(of_vault, payee).await.unwrap();
    assert_eq!((facts.balance, facts.paid_out), (amount(3), amount(1)));
    assert_eq!(host.total_paid_out(of_vault).await.unwrap(), amount(1));

    let filter = LogFilter {
        from: network.anchor.block,
        to: receipt.block,
        addresses: vec![of_vault],
        topics: vec![],
    };
    let logs = host.logs(&filter).await.unwrap();
    let events: Vec<_> = logs
        .iter()
        .filter_map(|log| vault::read_event(log).unwrap())
        .collect();
    assert_eq!(
        events[0],
        vault::VaultEvent::Deposited {
            from: payer,
            sum: amount(4)
        }
    );
    assert!(matches!(events[1], vault::VaultEvent::Cashed { paid, .. } if paid == amount(1)));

    let again = host.cash(&cheque(of_vault, payee, amount(1)), payee).await;
    assert!(matches!(&again, Err(Error::Reverted { .. })), "{again:?}");
}

#[tokio::test]
async fn a_vault_is_made_and_filled_in_one_go_and_filled_again() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (chain, _) = bench.network().await;
    let renter = chain.with_key(key(2));
    let salt = Digest32([0; 32]);
    let of_vault = renter.fill_vault(salt, amount(2)).await.unwrap();
    assert_eq!(renter.fill_vault(salt, amount(3)).await.unwrap(), of_vault);
    let facts = chain.vault(of_vault, key(3).address()).await.unwrap();
    assert!(facts.known && facts.balance == amount(5), "{facts:?}");
}

#[tokio::test]
async fn an_address_the_factory_did_not_make_is_unknown_whatever_it_says() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (chain, network) = bench.network().await;
    for stranger in [
        Address([0xee; 20]),
        network.contracts.token,
        network.contracts.registry().unwrap(),
    ] {
        let facts = chain.vault(stranger, key(2).address()).await.unwrap();
        assert_eq!(
            (facts.known, facts.issuer),
            (false, Address::ZERO),
            "{stranger}"
        );
        assert_eq!((facts.balance, facts.locked), (Amount::ZERO, Amount::ZERO));
    }
}

#[tokio::test]
async fn a_cheque_over_the_vaults_balance_is_paid_in_part_and_told() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, _) = bench.network().await;
    let host = renter.with_key(key(2));
    let payee = key(2).address();
    renter.wrap(amount(2)).await.unwrap();
    let of_vault = renter.deploy_vault(SALT, "").await.unwrap();
    renter.deposit(of_vault, amount(2)).await.unwrap();
    let (paid, receipt) = host
        .cash(&cheque(of_vault, payee, amount(5)), payee)
        .await
        .unwrap();
    assert_eq!(paid, amount(2));
    let short = vault::VaultEvent::Short {
        beneficiary: payee,
        missing: amount(3),
    };
    let told: Vec<_> = receipt
        .logs
        .iter()
        .filter_map(|log| vault::read_event(log).ok().flatten())
        .collect();
    assert!(told.contains(&short), "{told:?}");
}

#[tokio::test]
async fn the_digest_of_a_cheque_equals_the_contracts_own() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, network) = bench.network().await;
    let of_vault = renter.deploy_vault(SALT, "").await.unwrap();
    for token in [None, Some(Address([9; 20]))] {
        let (beneficiary, cumulative) = (key(2).address(), Amount(u128::MAX));
        let cheque = Cheque {
            vault: of_vault,
            beneficiary,
            cumulative,
            token,
        };
        let of_token = token.unwrap_or(network.contracts.token);
        let data = vault::cheque_digest(of_token, &cheque);
        let bytes = renter.call("digest", None, of_vault, &data).await.unwrap();
        assert_eq!(
            vault::read_digest("digest", &bytes).unwrap(),
            cheque.digest(CHAIN)
        );
    }
}

#[tokio::test]
async fn a_cheque_of_another_signer_is_refused_with_the_contracts_reason() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, _) = bench.network().await;
    let of_vault = renter.deploy_vault(SALT, "").await.unwrap();
    let (beneficiary, cumulative) = (key(2).address(), amount(1));
    let forged = Cheque {
        vault: of_vault,
        beneficiary,
        cumulative,
        token: None,
    };
    let forged = forged.sign(CHAIN, &key(3));
    let refused = renter
        .with_key(key(2))
        .cash(&forged, beneficiary)
        .await
        .unwrap_err();
    let Error::Reverted {
        what: "cash",
        reason,
    } = &refused
    else {
        panic!("{refused}")
    };
    assert!(reason.starts_with("Vault: "), "{reason}");
}

#[tokio::test]
async fn money_leaves_a_vault_only_after_the_announced_delay() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, _) = bench.network().await;
    renter.wrap(amount(3)).await.unwrap();
    let of_vault = renter.deploy_vault(SALT, "").await.unwrap();
    renter.deposit(of_vault, amount(3)).await.unwrap();
    renter.request_withdraw(of_vault, amount(2)).await.unwrap();
    let request = renter.withdraw_request(of_vault).await.unwrap().unwrap();
    assert_eq!(request.sum, amount(2));
    let early = renter.withdraw(of_vault, amount(2)).await;
    assert!(matches!(early, Err(Error::Reverted { .. })), "{early:?}");
    bench.mine(40).await;
    renter.withdraw(of_vault, amount(2)).await.unwrap();
    assert_eq!(
        renter.token_balance(key(1).address()).await.unwrap(),
        amount(2)
    );
    renter.unwrap(amount(2)).await.unwrap();
    assert_eq!(
        renter.token_balance(key(1).address()).await.unwrap(),
        Amount::ZERO
    );
}

#[tokio::test]
async fn locks_payout_prices_and_registry_read_as_written() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, network) = bench.network().await;
    let payee = key(2).address();
    assert_eq!(
        renter.price().await.unwrap(),
        (Amount(125_000_000), Amount(1_000_000_000_000))
    );
    renter.wrap(amount(3)).await.unwrap();
    let of_vault = renter.deploy_vault(SALT, "").await.unwrap();
    renter.deposit(of_vault, amount(3)).await.unwrap();
    renter
        .lock_deposit(of_vault, payee, amount(1), 1_000)
        .await
        .unwrap();
    assert_eq!(
        renter.vault_facts(of_vault, payee).await.unwrap().locked,
        amount(1)
    );
    let cold = Address([0xcc; 20]);
    let host = renter.with_key(key(2));
    host.set_payout(cold).await.unwrap();
    let stolen = host.cash(&cheque(of_vault, payee, amount(1)), payee).await;
    assert!(matches!(stolen, Err(Error::Reverted { .. })), "{stolen:?}");
    host.cash(&cheque(of_vault, payee, amount(1)), cold)
        .await
        .unwrap();
    assert_eq!(host.token_balance(cold).await.unwrap(), amount(1));
    let names = network.contracts.registry().unwrap();
    let bytes = renter
        .call("get", None, names, &registry::get("Token"))
        .await
        .unwrap();
    let entry = registry::read_entry(&bytes).unwrap();
    assert_eq!(
        (entry.contract, entry.version),
        (network.contracts.token, 1)
    );
    assert_eq!(entry.code_hash, network.guard.code[0].1);
}

#[tokio::test]
async fn the_seams_prepare_sends_nothing_and_broadcast_repeats_harmlessly() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, _) = bench.network().await;
    renter.wrap(amount(1)).await.unwrap();
    let of_vault = renter.deploy_vault(SALT, "").await.unwrap();
    renter.deposit(of_vault, amount(1)).await.unwrap();
    let host = renter.with_key(key(2));
    let recipient = key(2).address();
    let call = ChainCall::CashCheque {
        cheque: cheque(of_vault, recipient, amount(1)),
        recipient,
    };
    let before = host.head().await.unwrap();
    let tx = host.prepare(call.clone(), 0).await.unwrap();
    assert_eq!(host.head().await.unwrap(), before);
    assert_eq!(host.receipt(tx.hash).await.unwrap(), None);
    assert_eq!(host.prepare(call, 7).await.unwrap().nonce, 7);
    for _ in 0..3 {
        host.broadcast(&tx).await.unwrap();
    }
    let receipt = host.receipt(tx.hash).await.unwrap().unwrap();
    assert!(receipt.success && receipt.block > before.block);
    assert_eq!(host.token_balance(recipient).await.unwrap(), amount(1));
}

#[tokio::test]
async fn a_stuck_transaction_is_raised_at_its_nonce_until_it_is_mined() {
    let bench = Bench::start(CHAIN, 20, true).await;
    let chain = bench.chain();
    let cheap = Proxy::start(&bench).await;
    cheap.set(Mood::Cheap);
    let cheap = EvmChain::new(bench.options(vec![cheap.url.clone()]))
        .unwrap()
        .with_key(key(1));
    let to = Address([0x77; 20]);
    let low = cheap.prepare_intent(&payment(to), 0).await.unwrap();
    // Some nodes let it wait, some refuse it at the door.
    let offered = chain.broadcast_raw(&low).await;
    assert!(
        matches!(offered, Ok(()) | Err(Error::Refused { .. })),
        "{offered:?}"
    );
    let receipt = chain
        .confirm(&low, 2, Duration::from_secs(20))
        .await
        .unwrap();
    assert!(receipt.success);
    assert_ne!(receipt.hash, low.hash);
    assert_eq!(chain.native_balance(to).await.unwrap(), Amount(5));
    let lost = chain.broadcast_raw(&low).await;
    assert!(
        matches!(lost, Err(Error::NonceTaken { nonce: 0, .. })),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_nonce_that_another_transaction_took_is_told_and_not_waited_for() {
    let bench = Bench::start(CHAIN, 20, true).await;
    let chain = bench.chain();
    let mine = chain
        .prepare_intent(&payment(Address([0x77; 20])), 0)
        .await
        .unwrap();
    chain
        .send_native(Address([0x78; 20]), Amount(1))
        .await
        .unwrap();
    let lost = chain.confirm(&mine, 1, Duration::from_secs(20)).await;
    assert!(
        matches!(lost, Err(Error::NonceTaken { nonce: 0, .. })),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_fee_is_never_raised_over_the_cap() {
    let bench = Bench::start(CHAIN, 20, true).await;
    let cheap = Proxy::start(&bench).await;
    cheap.set(Mood::Cheap);
    let mut options = bench.options(vec![cheap.url.clone()]);
    options.fee_cap = 300_000_000;
    let capped = EvmChain::new(options.clone()).unwrap().with_key(key(1));
    let tx = capped
        .prepare_intent(&payment(Address([0x77; 20])), 0)
        .await
        .unwrap();
    let offered = capped.broadcast_raw(&tx).await;
    assert!(
        matches!(offered, Ok(()) | Err(Error::Refused { .. })),
        "{offered:?}"
    );
    let stuck = capped.confirm(&tx, 0, Duration::from_secs(1)).await;
    assert!(
        matches!(stuck, Err(Error::NotConfirmed { .. })),
        "{stuck:?}"
    );
    options.endpoints = vec![bench.rpc()];
    let honest = EvmChain::new(options).unwrap().with_key(key(1));
    let refused = honest.bump(&tx).await;
    assert!(
        matches!(
            refused,
            Err(Error::FeeCap {
                cap: 300_000_000,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_chain_without_base_fee_gets_legacy_transactions() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let old = Proxy::start(&bench).await;
    old.set(Mood::Legacy);
    let chain = EvmChain::new(bench.options(vec![old.url.clone()]))
        .unwrap()
        .with_key(key(1));
    let to = Address([0x77; 20]);
    let tx = chain.prepare_intent(&payment(to), 0).await.unwrap();
    assert!(tx.raw[0] >= 0xc0);
    chain.broadcast_raw(&tx).await.unwrap();
    assert_eq!(chain.native_balance(to).await.unwrap(), Amount(5));
}

#[tokio::test]
async fn an_account_without_native_value_is_told_so() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let poor = bench.chain().with_key(key(9));
    let refused = poor
        .send_native(Address([1; 20]), Amount(ONE))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::Gas { account, .. } if *account == key(9).address()),
        "{refused}"
    );
    let keyless = host_chain::EvmChain::new(bench.options(vec![bench.rpc()])).unwrap();
    assert_eq!(
        keyless.unwrap(Amount(1)).await.unwrap_err(),
        Error::NoContracts { what: "unwrap" }
    );
}

#[tokio::test]
async fn parallel_sends_of_one_account_get_nonces_of_their_own() {
    let bench = Bench::start(CHAIN, 30, false).await;
    let chain = bench.chain();
    let mut sends = Vec::new();
    for byte in 10..18 {
        let chain = chain.clone();
        sends.push(tokio::spawn(async move {
            chain
                .send_native(Address([byte; 20]), Amount(3))
                .await
                .unwrap()
                .block
        }));
    }
    for send in sends {
        send.await.unwrap();
    }
    for byte in 10..18 {
        assert_eq!(
            chain.native_balance(Address([byte; 20])).await.unwrap(),
            Amount(3)
        );
    }
}

#[tokio::test]
async fn a_token_event_is_read_from_a_receipt() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (chain, _) = bench.network().await;
    let owner = key(1).address();
    let receipt = chain.wrap(amount(1)).await.unwrap();
    let event = token::read_event(&receipt.logs[0]).unwrap();
    assert_eq!(
        event,
        Some(token::TokenEvent::Wrapped {
            owner,
            sum: amount(1)
        })
    );
}
