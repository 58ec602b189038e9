//! Goal: an endpoint that lags, lies, babbles, hangs, truncates, serves another chain or has no
//! address costs time or a typed error, never a money decision, and the report names what is wrong.
//! Method: scripted endpoints and resolvers on loopback, short times.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use host_chain::{Error, EvmChain, Guard, Intent, Options, Timing};
use host_core::seams::{Chain, ChainError};
use host_core::{Address, Amount, Digest32};

use crate::resolver::{self, Resolver};
use crate::scripted::{Mood, Scripted};
use crate::stage::{CHAIN, key};

const TIMING: Timing = Timing {
    request: Duration::from_millis(400),
    connect: Duration::from_millis(200),
    lookup: Duration::from_millis(150),
};

fn options(endpoints: Vec<String>) -> Options {
    Options {
        endpoints,
        guard: Guard {
            chain_id: CHAIN,
            anchor: None,
            code: Vec::new(),
        },
        contracts: None,
        fee_cap: 500_000_000_000,
        depth: 2,
    }
}

fn chain(endpoints: Vec<String>) -> EvmChain {
    let chain = EvmChain::with_timing(options(endpoints), TIMING, &[]).unwrap();
    chain.with_key(key(3))
}

async fn pair() -> (Scripted, Scripted, EvmChain) {
    let (one, two) = (Scripted::start().await, Scripted::start().await);
    let chain = chain(vec![one.url(), two.url()]);
    (one, two, chain)
}

fn state_of(chain: &EvmChain, of: &Scripted) -> (&'static str, String) {
    let reports = chain.endpoints();
    let name = format!("127.0.0.1:{}", of.port);
    let report = reports.into_iter().find(|report| report.name == name);
    let report = report.unwrap();
    (report.state, report.why.unwrap_or_default())
}

#[tokio::test]
async fn whatever_one_endpoint_does_the_other_serves_and_the_report_says_what() {
    let moods = [
        (Mood::Dead, ""),
        (Mood::Status(429), "429"),
        (Mood::Status(503), "503"),
        (Mood::Status(500), "500"),
        (Mood::Garbage, "without json"),
        (Mood::WrongJson, "another request"),
        (Mood::Hangs, "timed out"),
        (Mood::Truncates, ""),
    ];
    for (mood, word) in moods {
        let (bad, good, chain) = pair().await;
        bad.mood(mood);
        let started = Instant::now();
        for _ in 0..20 {
            assert_eq!(chain.newest_block().await.unwrap().number, 1_000);
        }
        assert!(started.elapsed() < Duration::from_secs(3), "{mood:?}");
        let balance = chain.native_balance(Address([1; 20])).await.unwrap();
        assert_eq!(balance, Amount(77), "{mood:?}");
        let (state, why) = state_of(&chain, &bad);
        assert_eq!(state, "resting", "{mood:?}");
        assert!(why.contains(word) && !why.is_empty(), "{mood:?}: {why}");
        assert_eq!(state_of(&chain, &good).0, "serving");
        assert!(bad.count() < 12, "{mood:?}: {} requests", bad.count());
    }
}

#[tokio::test]
async fn a_circuit_opens_with_growing_rests_and_closes_when_the_endpoint_is_back() {
    let (bad, good, chain) = pair().await;
    bad.mood(Mood::Dead);
    for _ in 0..200 {
        chain.newest_block().await.unwrap();
    }
    assert!(bad.count() <= 3, "{} requests", bad.count());
    bad.mood(Mood::Honest);
    good.mood(Mood::Dead);
    let back = async { while chain.newest_block().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(5), back)
        .await
        .unwrap();
    assert_eq!(state_of(&chain, &bad).0, "serving");
}

#[tokio::test]
async fn an_endpoint_that_lags_two_hundred_blocks_has_no_say_in_money() {
    let (late, good, chain) = pair().await;
    {
        let mut belief = late.belief();
        (belief.head, belief.balance, belief.nonce) = (800, 1, 2);
    }
    assert_eq!(Chain::head(&chain).await.unwrap().block, 1_000);
    assert_eq!(state_of(&chain, &late).0, "lagging");
    for _ in 0..5 {
        let balance = chain.native_balance(Address([1; 20])).await.unwrap();
        assert_eq!(balance, Amount(77));
        assert_eq!(Chain::nonce(&chain).await.unwrap(), 5);
    }
    late.belief().head = 1_000;
    (late.belief().balance, late.belief().nonce) = (77, 5);
    assert_eq!(Chain::head(&chain).await.unwrap().block, 1_000);
    assert_eq!(state_of(&chain, &late).0, "serving");
    drop(good);
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_locked_out_at_start_and_after_a_reconnect() {
    let (turncoat, good, chain) = pair().await;
    chain.newest_block().await.unwrap();
    turncoat.belief().chain_id = 1;
    turncoat.mood(Mood::Dead);
    good.mood(Mood::Dead);
    assert!(chain.newest_block().await.is_err());
    turncoat.mood(Mood::Honest);
    let locked = async {
        while state_of(&chain, &turncoat).0 != "locked out" {
            let _ = chain.newest_block().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), locked)
        .await
        .unwrap();
    let (_, why) = state_of(&chain, &turncoat);
    assert_eq!(why, "chain id 1, not 31337");
    let error = Chain::head(&chain).await.unwrap_err();
    assert!(!matches!(error, ChainError::Disagreement { .. }), "{error}");
}

#[tokio::test]
async fn the_same_chain_id_with_another_history_or_other_code_is_locked_out() {
    let endpoint = Scripted::start().await;
    let hash = format!("{:062x}{:02x}", 900, 0);
    let mut anchor = Digest32([0; 32]);
    for (at, byte) in anchor.0.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).unwrap();
    }
    let with = |fork: u8, code: Vec<(Address, Digest32)>| {
        endpoint.belief().fork = fork;
        let mut options = options(vec![endpoint.url()]);
        options.guard.anchor = Some(host_core::seams::Head {
            block: 900,
            hash: anchor,
        });
        options.guard.code = code;
        EvmChain::with_timing(options, TIMING, &[]).unwrap()
    };
    with(0, Vec::new()).newest_block().await.unwrap();
    let other = with(1, Vec::new()).newest_block().await.unwrap_err();
    assert!(matches!(other, Error::OtherChain { .. }), "{other}");
    let code = vec![(Address([9; 20]), Digest32([9; 32]))];
    let other = with(0, code).newest_block().await.unwrap_err();
    assert!(other.to_string().contains("other code"), "{other}");
}

#[tokio::test]
async fn conflicting_answers_are_a_typed_error_and_no_money_decision() {
    let (liar, honest, chain) = pair().await;
    liar.belief().balance = 10_000;
    let error = chain.native_balance(Address([1; 20])).await.unwrap_err();
    let what = "native balance";
    assert_eq!(error, Error::Disagreement { what });
    liar.belief().nonce = 9;
    let intent = Intent {
        what: "payment",
        to: Some(Address([1; 20])),
        value: Amount(1),
        data: Vec::new(),
    };
    let error = chain.prepare_intent(&intent, 0).await.unwrap_err();
    assert_eq!(error, Error::Disagreement { what: "nonce" });
    assert!(liar.belief().sent.is_empty() && honest.belief().sent.is_empty());
}

#[tokio::test]
async fn a_head_far_in_the_future_ends_no_agreement() {
    let (liar, _honest, chain) = pair().await;
    liar.belief().head = 90_000_000;
    let error = Chain::head(&chain).await.unwrap_err();
    let what = "newest block";
    assert_eq!(error, ChainError::Disagreement { what });
}

#[tokio::test]
async fn a_clock_jump_of_an_hour_changes_nothing() {
    let (one, two, chain) = pair().await;
    let before = Chain::head(&chain).await.unwrap();
    one.belief().clock = 3_600;
    two.belief().clock = -3_600;
    assert_eq!(Chain::head(&chain).await.unwrap(), before);
    assert_eq!(
        chain.native_balance(Address([1; 20])).await.unwrap(),
        Amount(77)
    );
}

#[tokio::test]
async fn a_fee_spike_over_the_cap_is_told_with_both_figures() {
    let (one, two, chain) = pair().await;
    for endpoint in [&one, &two] {
        endpoint.belief().base_fee = 900_000_000_000;
    }
    let intent = Intent::call("cash", Address([1; 20]), Vec::new());
    let error = chain.prepare_intent(&intent, 0).await.unwrap_err();
    let (need, cap) = (901_000_000_000, 500_000_000_000);
    assert_eq!(error, Error::FeeCap { need, cap });
}

#[tokio::test]
async fn every_endpoint_gets_the_same_bytes_and_a_bump_is_an_eighth_at_least() {
    let (one, two, chain) = pair().await;
    let intent = Intent::call("cash", Address([1; 20]), Vec::new());
    let tx = chain.prepare_intent(&intent, 0).await.unwrap();
    assert_eq!(tx.nonce, 5);
    chain.broadcast_raw(&tx).await.unwrap();
    assert_eq!(one.belief().sent, two.belief().sent);
    let dearer = chain.bump(&tx).await.unwrap();
    assert_eq!(dearer.nonce, tx.nonce);
    let (old, new) = (chain.cost_of(&tx).0, chain.cost_of(&dearer).0);
    assert!(new * 8 >= old * 9, "{old} to {new}");
    let within = Amount(new - 1);
    let error = chain.bump_within(&tx, within).await.unwrap_err();
    assert!(matches!(error, Error::FeeCap { .. }), "{error}");
}

fn named(port: u16, resolvers: &[SocketAddr]) -> EvmChain {
    let url = format!("http://rpc.chain.test:{port}/");
    EvmChain::with_resolvers_only(options(vec![url]), TIMING, resolvers).unwrap()
}

#[tokio::test]
async fn names_without_an_answer_at_start_are_told_as_dns_and_found_later() {
    let endpoint = Scripted::start().await;
    for (mood, word) in [
        (resolver::Mood::Denies, "nxdomain"),
        (resolver::Mood::Silent, "no answer within"),
        (resolver::Mood::Babbles, "does not read"),
    ] {
        let resolver = Resolver::start(mood).await;
        let chain = named(endpoint.port, &[resolver.addr]);
        let error = chain.newest_block().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        let why = chain.endpoints()[0].why.clone().unwrap();
        assert!(why.contains("dns") && why.contains(word), "{mood:?}: {why}");
        resolver.set(resolver::Mood::Answers);
        let found = async { while chain.newest_block().await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(5), found)
            .await
            .unwrap();
        assert_eq!(chain.endpoints()[0].why, None);
    }
}

#[tokio::test]
async fn a_resolver_that_fails_at_the_socket_is_passed_over_for_the_next() {
    let endpoint = Scripted::start().await;
    let good = Resolver::start(resolver::Mood::Answers).await;
    // Port 0 cannot be sent to: the kernel says `invalid argument`.
    let broken: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let chain = named(endpoint.port, &[broken, good.addr]);
    chain.newest_block().await.unwrap();
    assert!(good.asked() > 0);
    let alone = named(endpoint.port, &[broken]);
    assert!(alone.newest_block().await.is_err());
    let why = alone.endpoints()[0].why.clone().unwrap();
    assert!(why.contains("dns") && why.contains("socket"), "{why}");
}

#[tokio::test]
async fn a_remembered_address_serves_while_dns_is_gone_and_the_report_says_so() {
    let endpoint = Scripted::start().await;
    let resolver = Resolver::start(resolver::Mood::Answers).await;
    let chain = named(endpoint.port, &[resolver.addr]);
    chain.newest_block().await.unwrap();
    for mood in [resolver::Mood::Denies, resolver::Mood::Silent] {
        resolver.set(mood);
        for _ in 0..3 {
            chain.newest_block().await.unwrap();
        }
        let report = chain.endpoints().remove(0);
        let why = report.why.unwrap();
        assert_eq!(report.state, "serving");
        assert!(why.contains("dns") && why.contains("remembered"), "{why}");
    }
    endpoint.mood(Mood::Dead);
    assert!(chain.newest_block().await.is_err());
    resolver.set(resolver::Mood::Answers);
    let _ = chain.newest_block().await;
    let why = chain.endpoints()[0].why.clone().unwrap();
    assert!(
        !why.contains("dns"),
        "the endpoint is dead, not its name: {why}"
    );
}

#[tokio::test]
async fn names_that_fail_in_the_middle_go_to_the_next_resolver_and_then_to_memory() {
    // Goal: a resolver may die at any time, in any way. Method: the first of three cannot be sent
    // to at all, the second is killed, so that its socket fails, then the third goes silent.
    let endpoint = Scripted::start().await;
    let broken: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let second = Resolver::start(resolver::Mood::Answers).await;
    let third = Resolver::start(resolver::Mood::Answers).await;
    let chain = named(endpoint.port, &[broken, second.addr, third.addr]);
    chain.newest_block().await.unwrap();
    assert_eq!((third.asked(), chain.endpoints()[0].why.clone()), (0, None));
    second.stop().await;
    chain.newest_block().await.unwrap();
    assert!(third.asked() > 0, "the third was not asked");
    assert_eq!(chain.endpoints()[0].why, None);
    third.set(resolver::Mood::Silent);
    chain.newest_block().await.unwrap();
    let report = chain.endpoints().remove(0);
    let why = report.why.unwrap();
    assert_eq!(report.state, "serving");
    for word in ["dns", "socket: ", "no answer within", "remembered"] {
        assert!(why.contains(word), "{word}: {why}");
    }
    // A dead endpoint is another matter, and told as one.
    endpoint.mood(Mood::Dead);
    assert!(chain.newest_block().await.is_err());
    third.set(resolver::Mood::Answers);
    let _ = chain.newest_block().await;
    let why = chain.endpoints()[0].why.clone().unwrap();
    assert!(!why.contains("dns"), "{why}");
}
