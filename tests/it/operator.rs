//! What an operator types: identity and its return, configuration, log, restart, cashing.

use std::path::Path;
use std::time::Duration;

use host_core::Amount;
use serde::Deserialize;

use crate::stage::{
    CHAIN_ID, Caller, Host, Plan, Said, Shape, Town, block_on, ground, holdfast, noise, shard_of,
    until,
};

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Entry {
    key: String,
    value: String,
    layer: String,
    live: bool,
}

fn config(dir: &Path, words: &[&str]) -> Said {
    let dir = dir.to_string_lossy();
    holdfast(
        None,
        &[&["config", "--dir", &dir, "--json"][..], words].concat(),
    )
}

fn entry(dir: &Path, key: &str) -> Entry {
    let mut found: Vec<Entry> = config(dir, &["get", key]).json();
    found.pop().expect("one key")
}

fn town(name: &str, plan: &Plan) -> Town {
    let mut town = Town::start(
        name,
        Shape {
            hubs: 1,
            ..Shape::default()
        },
    );
    town.add(plan);
    town
}

#[test]
fn a_phrase_brings_back_the_same_peer_and_account() {
    // Goal: the words on paper are the host. Method: init shows them once, init --recover in an
    // empty directory gives the same identity and shows no words again.
    let town = town("phrase", &Plan::default());
    let first = &town.hosts[0];
    let phrase = first
        .phrase
        .as_deref()
        .expect("a new host shows its phrase");
    let file = town.dir.join("phrase");
    std::fs::write(&file, format!("{phrase}\n")).expect("written");
    let plan = Plan {
        recover: Some(file),
        ..Plan::default()
    };
    let again = Host::make(&town.dir.join("recovered"), &town.file, &plan);
    assert_eq!((again.peer, again.address), (first.peer, first.address));
    assert_eq!(again.phrase, None);
    let dir = again.dir.to_string_lossy();
    let network = town.file.to_string_lossy();
    let said = holdfast(None, &["init", "--dir", &dir, "--network", &network]).badly();
    assert!(said.contains("already holds a host"), "{said}");
}

#[test]
fn a_wrong_word_in_a_phrase_is_refused_and_makes_nothing() {
    // Goal: a slip of the pen does not make another host. Method: swap two words of a phrase.
    let town = town("wrong-phrase", &Plan::default());
    let phrase = town.hosts[0].phrase.clone().expect("a phrase");
    let mut words: Vec<&str> = phrase.split(' ').collect();
    words[0] = "holdfast";
    let file = town.dir.join("phrase");
    std::fs::write(&file, words.join(" ")).expect("written");
    let dir = town.dir.join("nobody");
    let (dir_text, network) = (dir.to_string_lossy(), town.file.to_string_lossy());
    let recover = file.to_string_lossy();
    let words = [
        "init",
        "--dir",
        &dir_text,
        "--network",
        &network,
        "--recover",
        &recover,
    ];
    holdfast(None, &words).badly();
    assert!(!dir.join("identity.key").exists());
}

#[test]
fn configuration_is_shown_set_compared_and_checked_with_the_layer_of_each_value() {
    // Goal: every knob is visible, a change is checked whole before the file changes. Method:
    // walk through the five verbs on a host at rest.
    let town = town("config", &Plan::default());
    let dir = &town.hosts[0].dir;
    let all: Vec<Entry> = config(dir, &["show"]).json();
    for key in [
        "swarm.announce",
        "offer.price",
        "log.level",
        "storage.driver",
        "health.listen",
    ] {
        assert!(
            all.iter().any(|entry| entry.key == key),
            "{key} is not shown"
        );
    }
    let secret = std::fs::read(dir.join("identity.key")).expect("the key file reads");
    let shown = config(dir, &["show"]).well().out;
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&hex[hex.len() - 32..]), "a secret is shown");
    config(dir, &["set", "offer.price", r#""5""#]).well();
    let price = entry(dir, "offer.price");
    assert_eq!(
        (price.value.as_str(), price.layer.as_str()),
        (r#""5""#, "file")
    );
    assert!(price.live);
    let differing: Vec<Entry> = config(dir, &["diff"]).json();
    assert!(differing.iter().any(|entry| entry.key == "offer.price"));
    assert!(!differing.iter().any(|entry| entry.key == "log.level"));
    let before = std::fs::read_to_string(dir.join("host.toml")).expect("the file reads");
    let said = config(dir, &["set", "storage.queue_depth", "0"]).badly();
    assert!(said.contains("storage.queue_depth"), "{said}");
    config(dir, &["set", "offer.price", "cheap"]).badly();
    let after = std::fs::read_to_string(dir.join("host.toml")).expect("the file reads");
    assert_eq!(before, after, "a refused change changed the file");
    let file = dir.join("host.toml");
    config(dir, &["validate", &file.to_string_lossy()]).well();
    std::fs::write(town.dir.join("bad.toml"), "[offer]\nprice = -1\n").expect("written");
    let bad = town.dir.join("bad.toml");
    let said = config(dir, &["validate", &bad.to_string_lossy()]).badly();
    assert!(said.contains("price"), "{said}");
}

#[test]
fn a_running_host_takes_a_live_key_at_once_and_says_which_ones_wait() {
    // Goal: an operator sees whether a change counts now. Method: set the price of a running
    // host, read what its hub is told; set a listener and read `restart needed`.
    let mut town = town("live-config", &Plan::default());
    town.hosts[0].start();
    town.listed(1);
    let host = &town.hosts[0];
    let api = host.ready().api.expect("a local api").to_string();
    // `config set` finds the daemon by its configured address.
    config(&host.dir, &["set", "api.listen", &format!(r#""{api}""#)]).well();
    let said: serde_json::Value = config(&host.dir, &["set", "offer.price", r#""77""#]).json();
    assert_eq!(said["restart_needed"], false, "{said}");
    let said: serde_json::Value = config(&host.dir, &["set", "gateway.enabled", "true"]).json();
    assert_eq!(said["restart_needed"], true, "{said}");
    let caller = Caller::stranger(&town.network);
    let info = block_on(host_transfer::info::ask(
        &caller.net,
        &host.addr(),
        &town.network.id(),
    ));
    assert_eq!(info.expect("the host answers").offer.price, Amount(77));
}

#[test]
fn the_log_is_read_by_level_and_holds_no_secret() {
    // Goal: an operator finds a warning without tools. Method: a host whose chain is silent warns
    // of it; the same log read by levels.
    let shape = Shape {
        endpoints: vec!["http://127.0.0.1:9".into()],
        ..Shape::default()
    };
    let mut town = Town::start("logs", shape);
    let host = town.add(&Plan::default());
    host.start();
    let dir = host.dir.to_string_lossy().into_owned();
    let read = |level: &str| {
        let words = [
            "logs", "--dir", &dir, "--level", level, "--since", "1h", "--json",
        ];
        holdfast(None, &words).well().out
    };
    let warned = until("the silence is logged", Duration::from_secs(20), || {
        Some(read("warn")).filter(|text| text.contains("chain is silent"))
    });
    assert!(!warned.contains("volumes open"), "{warned}");
    let all = read("info");
    assert!(
        all.contains("volumes open") && all.contains("chain is silent"),
        "{all}"
    );
    assert_eq!(read("error"), "");
    let phrase = host.phrase.clone().expect("a phrase");
    assert!(!all.contains(&phrase));
}

#[test]
fn restart_ends_the_daemon_for_its_supervisor_and_needs_the_token() {
    // Goal: `holdfast restart` works for the owner of the directory only. Method: spoil the token,
    // be refused; with the right one the daemon ends with the status that asks for a restart.
    let mut town = town("restart", &Plan::default());
    town.hosts[0].start();
    let host = &town.hosts[0];
    let token = host.dir.join("api.token");
    let good = std::fs::read_to_string(&token).expect("the token reads");
    std::fs::write(&token, "guess").expect("written");
    let said = host.ask("restart").badly();
    assert!(said.contains("not-authorized"), "{said}");
    std::fs::write(&token, good).expect("written");
    host.ask("restart").well();
    let status = town.hosts[0].ended();
    assert_eq!(status.code(), Some(75));
    town.hosts[0].start();
}

#[test]
fn cashing_moves_exactly_what_was_promised_into_the_hosts_account() {
    // Goal: promise, vault and balance agree to the unit. Method: two hosts, a cheque for each by
    // hand, cash by command, then read the chain.
    let mut town = Town::start(
        "cashing",
        Shape {
            hosts: 2,
            hubs: 1,
            ..Shape::default()
        },
    );
    let deposit = Amount(1_000_000_000_000_000_000);
    let caller = Caller::with_vault(&town.network, "cashing", deposit);
    let chain = ground().chain();
    let mut promised = Amount::ZERO;
    for (index, host) in town.hosts.iter().enumerate() {
        let bytes = noise(&format!("cashing {index}"), 150_000 + index * 70_000);
        let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
        let due = terms.cost_of(1).expect("a small sum");
        let cheque = caller.cheque(host, due);
        block_on(async {
            let mut stored = caller.store(host, &terms, &bytes).await.expect("stored");
            let counted = stored
                .pay(terms.start_epoch + 1, cheque)
                .await
                .expect("paid");
            assert_eq!(counted, due);
            stored.close().await;
        });
        let status = host.status();
        assert_eq!(
            (status.cheques, status.received, status.cashed),
            (1, due, Amount::ZERO)
        );
        host.ask("cash").well();
        let cashed = host.status_when("the cheque is cashed", |status| status.cashed == due);
        assert_eq!(cashed.received, due);
        let balance = block_on(chain.token_balance(host.address)).expect("the chain answers");
        assert_eq!(balance, due);
        promised = promised.plus(due).expect("a small sum");
        let again: serde_json::Value = host.ask("cash").json();
        assert_eq!(again["begun"], 0, "nothing is left to cash");
    }
    let paid = block_on(chain.total_paid_out(caller.vault)).expect("the chain answers");
    assert_eq!(paid, promised);
    town.hosts[0].kill();
    town.hosts[0].start();
    assert_eq!(
        town.hosts[0].status().cashed,
        town.hosts[0].status().received
    );
    assert_eq!(caller.network.chain_id, CHAIN_ID);
}

#[test]
fn a_sealed_key_opens_only_with_its_passphrase() {
    // Goal: a stolen directory is no host. Method: init with a passphrase file, start with it,
    // with another one, and without it.
    let mut town = Town::start("sealed", Shape::default());
    let words = town.dir.join("words");
    std::fs::write(&words, "a passphrase of a test\n").expect("written");
    let plan = Plan {
        passphrase: Some(words.clone()),
        ..Plan::default()
    };
    let host = town.add(&plan);
    host.start();
    host.stop();
    std::fs::write(&words, "another one\n").expect("written");
    let said = host.start_in_vain();
    assert!(said.contains("identity.key"), "{said}");
    std::fs::remove_file(&words).expect("removed");
    let said = host.start_in_vain();
    assert!(said.contains("words"), "{said}");
}
