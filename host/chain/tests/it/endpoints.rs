//! Goal: an endpoint that is dead, busy, foreign or lying costs time or a warning, never money and
//! never the program. Method: proxies in front of one development chain whose mood a test sets.

use crate::support::{Bench, CHAIN, Mood, Proxy, amount, key};
use host_chain::{Error, EvmChain, Guard};
use host_core::seams::{ChainError, Head};
use host_core::{Address, Amount, Digest32};
use std::time::{Duration, Instant};

/// A port on loopback where nobody listens.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_dead_first_endpoint_costs_one_attempt_and_then_rests() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let chain = EvmChain::new(bench.options(vec![dead(), bench.rpc()])).unwrap();
    let started = Instant::now();
    for _ in 0..50 {
        chain.newest_block().await.unwrap();
    }
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn with_every_endpoint_dead_there_is_an_error_and_then_a_recovery() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let proxy = Proxy::start(&bench).await;
    proxy.set(Mood::Dead);
    let chain = EvmChain::new(bench.options(vec![proxy.url.clone(), dead()])).unwrap();
    let error = chain.newest_block().await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { tried: 2, .. }),
        "{error}"
    );
    assert!(matches!(
        ChainError::from(error),
        ChainError::Unreachable { .. }
    ));
    proxy.set(Mood::Honest);
    let back = async { while chain.newest_block().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(10), back)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_locked_out() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let other = Bench::start(4242, 0, true).await;
    let urls = vec![other.rpc(), bench.rpc()];
    let chain = EvmChain::new(bench.options(urls)).unwrap().with_key(key(1));
    chain
        .send_native(Address([5; 20]), Amount(7))
        .await
        .unwrap();
    assert_eq!(
        chain.native_balance(Address([5; 20])).await.unwrap(),
        Amount(7)
    );
    let alone = EvmChain::new(bench.options(vec![other.rpc()])).unwrap();
    for _ in 0..2 {
        let error = alone.newest_block().await.unwrap_err();
        assert_eq!(
            error,
            Error::OtherChain {
                why: "chain id 4242, not 31337".into()
            }
        );
    }
}

#[tokio::test]
async fn the_same_chain_id_with_another_anchor_or_other_code_is_locked_out_too() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let head = Head::from(bench.chain().newest_block().await.unwrap());
    let with = |guard: Guard| {
        let mut options = bench.options(vec![bench.rpc()]);
        options.guard = guard;
        EvmChain::new(options).unwrap()
    };
    let right = Guard {
        chain_id: CHAIN,
        anchor: Some(head),
        code: vec![],
    };
    with(right.clone()).newest_block().await.unwrap();
    let forked = Head {
        hash: Digest32([1; 32]),
        ..head
    };
    for wrong in [
        Guard {
            anchor: Some(forked),
            ..right.clone()
        },
        Guard {
            anchor: Some(Head { block: 999, ..head }),
            ..right.clone()
        },
        Guard {
            code: vec![(Address([1; 20]), Digest32([1; 32]))],
            ..right
        },
    ] {
        let error = with(wrong).newest_block().await.unwrap_err();
        assert!(matches!(error, Error::OtherChain { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_that_dies_in_the_middle_of_a_send_loses_nothing() {
    let bench = Bench::start(CHAIN, 20, true).await;
    let (first, second) = (Proxy::start(&bench).await, Proxy::start(&bench).await);
    let urls = vec![first.url.clone(), second.url.clone()];
    let chain = EvmChain::new(bench.options(urls)).unwrap().with_key(key(1));
    first.trap("eth_sendRawTransaction", Mood::Dead);
    chain
        .send_native(Address([6; 20]), Amount(9))
        .await
        .unwrap();
    assert_eq!(
        chain.native_balance(Address([6; 20])).await.unwrap(),
        Amount(9)
    );
    second.trap("eth_getTransactionReceipt", Mood::Dead);
    first.trap("nothing", Mood::Honest);
    first.set(Mood::Honest);
    chain
        .send_native(Address([6; 20]), Amount(1))
        .await
        .unwrap();
    assert_eq!(
        chain.native_balance(Address([6; 20])).await.unwrap(),
        Amount(10)
    );
}

#[tokio::test]
async fn busy_and_babbling_endpoints_are_passed_over() {
    let bench = Bench::start(CHAIN, 0, true).await;
    for mood in [Mood::Busy, Mood::Babble] {
        let proxy = Proxy::start(&bench).await;
        proxy.set(mood);
        let urls = vec![proxy.url.clone(), bench.rpc()];
        let chain = EvmChain::new(bench.options(urls)).unwrap();
        for _ in 0..10 {
            chain.newest_block().await.unwrap();
        }
        assert!(proxy.count() <= 2, "{mood:?}: {} requests", proxy.count());
    }
}

#[tokio::test]
async fn endpoints_that_contradict_each_other_stop_a_money_decision() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (renter, network) = bench.network().await;
    renter.wrap(amount(2)).await.unwrap();
    let vault = renter.deploy_vault(Digest32([0; 32]), "").await.unwrap();
    renter.deposit(vault, amount(2)).await.unwrap();
    let proxy = Proxy::start(&bench).await;
    let urls = vec![proxy.url.clone(), bench.rpc()];
    let chain = EvmChain::new(bench.options(urls))
        .unwrap()
        .with_contracts(network.contracts);
    let facts = chain.vault_facts(vault, key(2).address()).await.unwrap();
    assert_eq!(facts.balance, amount(2));
    proxy.set(Mood::Liar);
    let error = chain
        .vault_facts(vault, key(2).address())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        Error::Disagreement {
            what: "vault facts"
        }
    );
    proxy.set(Mood::Dead);
    assert_eq!(
        chain.vault_facts(vault, key(2).address()).await.unwrap(),
        facts
    );
}

#[tokio::test]
async fn urls_that_are_none_are_refused_by_place_and_never_printed() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let of = |urls: &[&str]| {
        let urls = urls.iter().map(ToString::to_string).collect();
        EvmChain::new(bench.options(urls)).unwrap_err()
    };
    assert_eq!(of(&[]), Error::NoEndpoint);
    assert_eq!(
        of(&["http://a", "ftp://b"]),
        Error::EndpointText { index: 1 }
    );
    let secret = EvmChain::new(bench.options(vec![format!("{}/v3/SECRET", dead())])).unwrap();
    let error = secret.newest_block().await.unwrap_err().to_string();
    assert!(!error.contains("SECRET"), "{error}");
}
