//! Commands that move money: what they would cost, what they refuse and with which figures, and
//! that an order happens once. One town for all of them.

use host_chain::codec::{airdrop, token};
use host_chain::{Intent, Step};
use host_core::agreement::{PayMode, SignedAgreement};
use host_core::{Amount, codec};
use serde_json::Value;

use crate::stage::{
    CHAIN_ID, Caller, Home, Host, Plan, Said, Shape, Town, block_on, ground, holdfast, key_of,
    noise, shard_of, until,
};

/// One token.
const TOKEN: u128 = 1_000_000_000_000_000_000;

fn on(host: &Host, words: &[&str]) -> Said {
    let dir = host.dir.to_string_lossy();
    holdfast(None, &[words, &["--dir", &dir, "--json"]].concat())
}

fn units(of: &Value) -> u128 {
    of.as_str()
        .and_then(|text| text.parse().ok())
        .expect("a sum")
}

fn town(name: &str, hosts: usize) -> Town {
    Town::start(
        name,
        Shape {
            hosts,
            ..Shape::default()
        },
    )
}

#[test]
fn a_stake_is_quoted_ordered_once_and_leaves_only_after_unbonding() {
    // Goal: an operator stakes without surprises. Method: dry run (nothing changes), refusal with
    // figures, order, kill -9 and start, a second order on top, request, early withdrawal.
    let mut town = town("money-stake", 1);
    let host = &town.hosts[0];
    let live = |host: &Host| {
        let said: Value = on(host, &["stake", "show"]).json();
        units(&said["live"])
    };
    let words = ["stake", "add", "0.2t", "--dry-run", "--rate", "2 EUR"];
    let dry: Value = on(host, &words).json();
    assert_eq!(dry["moves"], (TOKEN / 5).to_string(), "{dry}");
    assert_eq!(dry["moves_fiat"], "0.400000 EUR");
    assert_eq!(dry["steps"].as_array().map(Vec::len), Some(3), "{dry}");
    assert!(units(&dry["gas_cost"]) > 0, "{dry}");
    assert_eq!(live(host), 0, "a dry run staked something");
    let said = on(host, &["stake", "add", "5000t"]).badly();
    assert!(said.contains(" of 5000 tokens"), "{said}");
    let done: Value = on(host, &["stake", "add", "0.2t"]).json();
    assert_eq!(done["state"], "mined", "{done}");
    assert_eq!(live(host), TOKEN / 5);
    on(host, &["stake", "add", "0.1t", "--detach"]).well();
    town.hosts[0].kill();
    town.hosts[0].start();
    let host = &town.hosts[0];
    let limit = std::time::Duration::from_secs(60);
    until("the second order to be done", limit, || {
        (live(host) >= TOKEN / 10 * 3).then_some(())
    });
    assert_eq!(live(host), TOKEN / 10 * 3, "staked twice");
    let said = on(host, &["stake", "request-unstake", "1t"]).badly();
    assert!(said.contains("0.3 of 1 tokens"), "{said}");
    on(host, &["stake", "request-unstake", "0.1t"]).well();
    let said = on(host, &["stake", "withdraw"]).badly();
    assert!(said.contains("0.1 tokens unbond until block"), "{said}");
    let shown: Value = on(host, &["stake", "show"]).json();
    assert_eq!(units(&shown["unbonding"]), TOKEN / 10);
    on(host, &["stake", "cancel-unstake", "0.1t"]).well();
}

#[test]
fn a_wallet_quotes_and_refuses_with_figures_before_anything_is_sent() {
    // Goal: no surprise in a renter's purse. Method: dry runs beside balances that must not move,
    // then sums the account or the vault does not have.
    let town = town("money-wallet", 0);
    let home = Home::make(&town.dir.join("renter"), &town.file, Amount(3 * TOKEN));
    let before: Value = home.say(&["wallet", "balance", "--json"]).json();
    let dry_runs: [&[&str]; 5] = [
        &["wallet", "wrap", "1t"],
        &[
            "wallet",
            "send",
            "0x00000000000000000000000000000000000000aa",
            "1t",
            "--native",
        ],
        &["wallet", "withdraw", "1t", "--request"],
        &[
            "vault",
            "lock",
            "0x00000000000000000000000000000000000000aa",
            "1t",
            "--until",
            "999999",
        ],
        &["vault", "withdraw", "0.5t", "--request"],
    ];
    for words in dry_runs {
        let dry: Value = home.say(&[words, &["--dry-run", "--json"]].concat()).json();
        assert_eq!(dry["dry_run"], true, "{words:?}");
        assert!(units(&dry["gas_cost"]) > 0, "{words:?}");
    }
    let after: Value = home.say(&["wallet", "balance", "--json"]).json();
    assert_eq!(before, after, "a dry run moved something");
    let refusals: [(&[&str], &str); 5] = [
        (&["wallet", "deposit", "4t"], "0 of 4 tokens"),
        (&["wallet", "unwrap", "1t"], "0 of 1 tokens"),
        (&["wallet", "withdraw", "4t", "--request"], "3 of 4 tokens"),
        (
            &[
                "vault",
                "lock",
                "0x00000000000000000000000000000000000000aa",
                "4t",
                "--until",
                "9",
            ],
            "3 of 4 tokens",
        ),
        (&["vault", "withdraw", "1t"], "nothing is announced"),
    ];
    for (words, figure) in refusals {
        let said = home.say(words).badly();
        assert!(said.contains(figure), "{words:?}: {said}");
    }
    home.say(&["vault", "withdraw", "1t", "--request"]).well();
    let said = home.say(&["vault", "withdraw", "1t"]).badly();
    assert!(said.contains("may leave from block"), "{said}");
    let shown: Value = home.say(&["vault", "show", "--json"]).json();
    assert_eq!(units(&shown["leaving"][0]), TOKEN);
}

#[test]
fn cheques_are_told_by_peer_and_cashing_says_what_a_vault_covers_of_what_it_owes() {
    // Goal: an operator knows before he cashes, and the books add up. Method: one vault promises
    // its whole content to two hosts; the second sees that it covers a part only. Then the report
    // of the first is held against the chain.
    let town = town("money-cheques", 2);
    let deposit = Amount(1_000_000_000);
    let caller = Caller::with_vault(&town.network, "money-cheques", deposit);
    for host in &town.hosts {
        let bytes = noise("money-cheques", 150_000);
        let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
        let cheque = caller.cheque(host, Amount(800_000_000));
        block_on(async {
            let mut stored = caller.store(host, &terms, &bytes).await.expect("stored");
            stored
                .pay(terms.start_epoch + 1, cheque)
                .await
                .expect("paid");
            stored.close().await;
        });
    }
    let first = &town.hosts[0];
    let stats: Value = on(first, &["cheque", "stats"]).json();
    assert_eq!(units(&stats["uncashed"]), 800_000_000);
    assert_eq!(
        stats["by_vault"][0]["renter"],
        caller.key.address().to_string()
    );
    assert_eq!(
        stats["by_vault"][0]["token"],
        town.network.contracts.token.to_string()
    );
    on(first, &["cheque", "cash"]).well();
    first.status_when("the cheque is cashed", |status| {
        status.cashed.0 == 800_000_000
    });
    let dry: Value = on(&town.hosts[1], &["cheque", "cash", "--dry-run"]).json();
    assert_eq!(
        (units(&dry["moves"]), units(&dry["due"])),
        (200_000_000, 800_000_000)
    );
    let report: Value = on(first, &["report", "--chain"]).json();
    assert_eq!(report["differences"], serde_json::json!([]), "{report}");
    assert_eq!(report["sums"]["receipts"], 1);
    assert_eq!(units(&report["sums"]["promised_ever"]), 800_000_000);
    let dir = first.dir.to_string_lossy();
    let csv = holdfast(None, &["report", "--dir", &dir, "--csv"])
        .well()
        .out;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let fields = |line: &str| line.split(',').count();
    assert!(csv.lines().all(|line| fields(line) == 13), "{csv}");
}

#[test]
fn a_host_without_money_stays_up_says_what_it_needs_and_notices_the_deposit() {
    // Goal: first start. Method: a host nobody paid; its needs over id and stats, then a deposit
    // and its event; a stake that was ordered before the money came is made once it is there.
    let town = town("money-first", 0);
    let mut host = Host::make(&town.dir.join("host"), &town.file, &Plan::default());
    host.start();
    let limit = std::time::Duration::from_secs(60);
    let id: Value = until("the needs to be known", limit, || {
        let id: Value = on(&host, &["id"]).json();
        id["needs"].is_array().then_some(id)
    });
    assert!(
        id["tron"]
            .as_str()
            .is_some_and(|tron| tron.starts_with('T')),
        "{id}"
    );
    assert!(
        id["listen"][0]
            .as_str()
            .is_some_and(|at| at.contains("/tcp/")),
        "{id}"
    );
    assert!(id["needs"].to_string().contains("gas: 0 of"), "{id}");
    let said = on(&host, &["stake", "add", "0.2t"]).badly();
    assert!(said.contains("0 of 0.2 tokens"), "{said}");
    let refused = on(&host, &["cash"]).badly();
    assert!(refused.contains("gas-reserve"), "{refused}");
    ground().fund(host.address);
    until("the deposit to be noticed", limit, || {
        let events = on(&host, &["events"]).well().out;
        events
            .contains("the first deposit has arrived")
            .then_some(())
    });
    on(&host, &["stake", "add", "0.2t"]).well();
    let stats: Value = on(&host, &["stats", "--refresh"]).json();
    assert_eq!(units(&stats["means"]["stake"]), TOKEN / 5, "{stats}");
    assert!(
        stats["means"]["runway_days"]
            .as_f64()
            .is_some_and(|days| days > 0.0),
        "{stats}"
    );
    on(&host, &["cash"]).well();
}

#[test]
fn prices_rewards_and_escrows_are_told_and_anybody_recomputes_the_rewards() {
    // Goal: what stands on chain is told in words and figures. Method: fund the pot, recompute
    // from events; lock an escrow of a co-signed agreement and be refused what is not due.
    let town = town("money-contracts", 0);
    let home = Home::make(&town.dir.join("renter"), &town.file, Amount::ZERO);
    home.say(&["wallet", "wrap", "2t"]).well();
    let network = town.file.to_string_lossy();
    let asked = |words: &[&str]| -> Value {
        holdfast(None, &[words, &["--network", &network, "--json"]].concat()).json()
    };
    let price = asked(&["price", "show"]);
    assert!(units(&price["gib_day"]) > 0, "{price}");
    fund_pot(&town);
    let recomputed = asked(&["airdrop", "recompute"]);
    assert_eq!(
        recomputed["differences"],
        serde_json::json!([]),
        "{recomputed}"
    );
    assert!(units(&recomputed["pot"]) >= 1_000, "{recomputed}");
    assert_eq!(asked(&["airdrop", "show"])["pot"], recomputed["pot"]);

    let signed = agreement(&town);
    let digest = signed.terms.digest(CHAIN_ID).to_string();
    let file = home.file(
        "agreement",
        hex::encode(codec::to_bytes(&signed)).as_bytes(),
    );
    let file = file.to_string_lossy();
    assert_eq!(asked(&["escrow", "show", &digest])["state"], "none");
    let dry: Value = home
        .say(&["escrow", "lock", &file, "--dry-run", "--json"])
        .json();
    assert_eq!(
        dry["moves"],
        signed.terms.cost_of(10).expect("a sum").to_string()
    );
    let said = home.say(&["escrow", "lock", &file, "--most", "1"]).badly();
    assert!(said.contains("may be locked"), "{said}");
    home.say(&["escrow", "lock", &file]).well();
    let shown = asked(&["escrow", "show", &digest]);
    assert_eq!(
        (&shown["state"], &shown["left"]),
        (&"open".into(), &dry["moves"])
    );
    let said = home.say(&["escrow", "lock", &file]).badly();
    assert!(said.contains("open already"), "{said}");
    let epoch = signed.terms.start_epoch.to_string();
    let said = home.say(&["escrow", "refund", &file, &epoch]).badly();
    assert!(said.contains("not missed"), "{said}");
    let said = home.say(&["escrow", "refund", &file, "999999"]).badly();
    assert!(said.contains("not in the term"), "{said}");
    let said = home.say(&["escrow", "settle", &file]).badly();
    assert!(said.contains("settles from epoch"), "{said}");
}

/// Puts a thousand units into the pot of the rewards.
fn fund_pot(town: &Town) {
    let key = key_of("funder of the pot");
    ground().fund(key.address());
    let chain = ground().chain().with_key(key);
    let contracts = &town.network.contracts;
    let at = contracts.airdrop().expect("the ground has rewards");
    let sum = Amount(1_000);
    let mut wrap = Intent::call("wrap", contracts.token, token::deposit());
    wrap.value = sum;
    let approve = Intent::call("approve", contracts.token, token::approve(at, sum));
    let fund = Intent::call("fund", at, airdrop::fund(sum));
    let steps = [
        Step::now(wrap),
        Step::now(approve),
        Step::after(fund, 200_000),
    ];
    block_on(chain.run_all(&steps, host_chain::PATIENCE)).expect("the pot is funded");
}

/// An agreement of pay mode escrow that two keys of the tests have signed.
fn agreement(town: &Town) -> SignedAgreement {
    let (renter, host) = (key_of("escrow renter"), key_of("escrow host"));
    let head = block_on(ground().chain().newest_block()).expect("the chain answers");
    let start = town.network.epoch.epoch_of(head.number) + 1;
    let terms = host_core::agreement::Agreement {
        network: town.network.id(),
        id: host_core::AgreementId([1; 32]),
        renter: renter.address(),
        host: host.address(),
        payout: host.address(),
        shard: host_core::ShardId([2; 32]),
        shard_len: 1 << 20,
        codec: 1,
        price: Amount(1_000_000_000_000),
        start_epoch: start,
        end_epoch: start + 10,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Escrow,
        nonce: 1,
    };
    SignedAgreement {
        renter_signature: terms.sign(CHAIN_ID, &renter),
        host_signature: terms.sign(CHAIN_ID, &host),
        terms,
    }
}
