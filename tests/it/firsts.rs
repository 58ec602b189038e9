//! A first start: without money the host waits; once funded it sets itself up, each thing once,
//! also when it is killed between any two of them.

use std::time::Duration;

use host_chain::codec::{factory, staking, vault};
use host_core::network::Contracts;
use host_core::{Address, Digest32};
use serde_json::Value;

use crate::stage::{Host, Plan, Shape, Town, block_on, ground, holdfast, until};

const LIMIT: Duration = Duration::from_secs(120);
const COLD: Address = Address([0xc0; 20]);
/// What is sent, in order.
const INTENTS: [&str; 6] = [
    "first/payout",
    "first/stake-payout",
    "first/vault",
    "stake/wrap",
    "stake/approve",
    "stake/add",
];

/// The host's transactions: those under way and those that ended, by intent and state.
fn sent(host: &Host) -> Vec<(String, String)> {
    let dir = host.dir.to_string_lossy();
    let said = holdfast(None, &["chain", "transactions", "--dir", &dir, "--json"]);
    let said: Value = said.json();
    let all = ["waiting", "ended"].into_iter();
    let rows = all.flat_map(|list| said[list].as_array().expect("a list").clone());
    let word = |row: &Value, key: &str| row[key].as_str().expect("a word").to_owned();
    rows.map(|row| (word(&row, "intent"), word(&row, "state")))
        .collect()
}

#[test]
fn a_funded_host_registers_makes_its_vault_and_stakes_once_each_though_killed_in_between() {
    // Goal: a first start nobody attends. Method: a host without money, which sends nothing; then a
    // deposit while it is down; then kill -9 as soon as each thing is written down, whether it was
    // sent or not; the chain shows each, and the books show one transaction for each.
    let town = Town::start(
        "firsts",
        Shape {
            hubs: 1,
            ..Shape::default()
        },
    );
    let plan = Plan {
        set: vec![
            "first_start.enabled=true".into(),
            format!("offer.payout=\"{COLD}\""),
        ],
        ..Plan::default()
    };
    let mut host = Host::make(&town.dir.join("host"), &town.file, &plan);
    host.start();
    let dir = host.dir.to_string_lossy().into_owned();
    until("the needs to be known", LIMIT, || {
        let id: Value = holdfast(None, &["id", "--dir", &dir, "--json"]).json();
        id["needs"].to_string().contains("gas: 0 of").then_some(())
    });
    assert_eq!(sent(&host), Vec::new(), "sent without money");
    host.kill();
    ground().fund(host.address);
    for intent in INTENTS {
        host.start();
        until(intent, LIMIT, || {
            let sent = sent(&host);
            sent.iter().any(|(known, _)| known == intent).then_some(())
        });
        host.kill();
    }
    host.start();
    let all = until("everything to be in a block", LIMIT, || {
        let sent = sent(&host);
        let ended = sent.iter().all(|(_, state)| state == "mined");
        (sent.len() >= INTENTS.len() && ended).then_some(sent)
    });
    for intent in INTENTS {
        let count = all.iter().filter(|(known, _)| known == intent).count();
        assert_eq!(count, 1, "{intent} in {all:?}");
    }
    let chain = town.ground.chain();
    let read = |at: Address, data: Vec<u8>| {
        let bytes = block_on(chain.agreed_call("payout", at, data)).expect("told");
        vault::read_address("payout", &bytes).expect("an address")
    };
    let made_by = town.network.contracts.vault_factory;
    let at_stake = Contracts::staking(&town.network.contracts).expect("a stake contract");
    assert_eq!(read(made_by, factory::payout_of(host.address)), COLD);
    assert_eq!(read(at_stake, staking::payout_of(host.address)), COLD);
    let place = block_on(chain.vault_place(host.address, Digest32([0; 32]))).expect("told");
    assert!(place.1, "no vault at {}", place.0);
    let named = block_on(chain.vault_of_peer(&host.peer.to_string())).expect("told");
    assert_eq!(named, Some(place.0), "the vault stands under the peer id");
    let facts = block_on(chain.stake_facts(host.address)).expect("told");
    let space = 64 << 20;
    let wanted = host_core::Amount::of_storage(space, facts.per_gib, 1).expect("a sum");
    assert!(
        facts.live.0 > 0 && facts.live <= wanted,
        "{} of at most {wanted}",
        facts.live
    );
    let sum = facts.live;
    host.kill();
    host.start();
    host.status_when("it serves again", |status| status.block > 0);
    let after = block_on(chain.stake_facts(host.address)).expect("told");
    assert_eq!(after.live, sum);
    assert_eq!(sent(&host).len(), all.len(), "sent again");
}
