//! What is told of networks beside the one a host works on, and of who decides about a network.

use std::time::Duration;

use host_chain::Intent;
use host_core::{Address, Amount};
use serde_json::Value;

use crate::stage::{
    Host, Plan, Shape, Town, block_on, ground, holdfast, key_of, quick_ground, until,
};

/// Made by forge from governor.sol beside it (solc 0.8.28, paris rules, 2,000 optimizer runs).
const GOVERNOR: &str = include_str!("governor.hex");
const LIMIT: Duration = Duration::from_secs(120);

fn on(host: &Host, words: &[&str]) -> crate::stage::Said {
    let dir = host.dir.to_string_lossy();
    holdfast(None, &[words, &["--dir", &dir, "--json"]].concat())
}

#[test]
fn a_network_beside_is_told_never_written_to_and_what_arrives_there_is_an_event() {
    // Goal: one daemon, several network files. Method: a second chain with a network of its own;
    // the host reads its account there, then money comes; nothing of the host's goes out there.
    let mut town = Town::start("beside", Shape::default());
    let beside = quick_ground().network(Vec::new(), vec![quick_ground().rpc().to_owned()]);
    let beside = host_core::network::Network {
        name: "beside".into(),
        ..beside
    };
    let file = town.dir.join("beside.toml");
    let text = toml::to_string_pretty(&beside).expect("a network is TOML");
    std::fs::write(&file, text).expect("written");
    let plan = Plan {
        set: vec![format!("networks=[{:?}]", file.to_string_lossy())],
        ..Plan::default()
    };
    town.add(&plan);
    town.hosts[0].start();
    let host = &town.hosts[0];
    let told = || -> Value {
        let said: Value = on(host, &["chain", "info"]).json();
        said["elsewhere"][0].clone()
    };
    until("the other network was read", LIMIT, || {
        (told()["native"] == "0").then_some(())
    });
    quick_ground().fund(host.address);
    until("the arrival is an event", LIMIT, || {
        let events = on(host, &["events"]).well().out;
        events
            .contains("money has arrived on another network")
            .then_some(())
    });
    let now = told();
    assert_eq!(now["network"], "beside", "{now}");
    let nonce = block_on(quick_ground().chain().native_balance(host.address)).expect("told");
    assert_eq!(now["native"], nonce.to_string(), "{now}");
}

#[test]
fn votes_are_delegated_proposals_told_and_voted_on_with_a_dry_run_first() {
    // Goal: a host takes part where a network has a governor. Method: a small governor of the tests
    // on the common chain; show, refusal without votes, delegate, dry run, vote, vote twice.
    let mut town = Town::start("govern", Shape::default());
    let key = key_of("maker of the governor");
    ground().fund(key.address());
    let chain = ground().chain().with_key(key);
    let make = Intent {
        what: "governor deployment",
        to: None,
        value: Amount::ZERO,
        data: hex::decode(GOVERNOR.trim()).expect("hex"),
    };
    let made = block_on(chain.run(&make, host_chain::PATIENCE)).expect("deployed");
    let governor: Address = made.created.expect("a contract");
    // propose(string) with the text `longer epochs`.
    let text = b"longer epochs";
    let word = |number: u64| [&[0; 24][..], &number.to_be_bytes()].concat();
    let mut data = host_core::eip712::keccak(b"propose(string)").0[..4].to_vec();
    data.extend([word(32), word(text.len() as u64)].concat());
    data.extend(text);
    data.resize(4 + 96, 0);
    let propose = Intent::call("proposal", governor, data);
    block_on(chain.run(&propose, host_chain::PATIENCE)).expect("proposed");

    town.network.contracts.governor = Some(governor);
    let text = toml::to_string_pretty(&town.network).expect("a network is TOML");
    std::fs::write(&town.file, text).expect("written");
    town.add(&Plan::default());
    town.hosts[0].start();
    let host = &town.hosts[0];
    let show = || -> Value { on(host, &["chain", "govern", "show"]).json() };
    let before = show();
    assert_eq!(before["votes"], "0", "{before}");
    let proposal = &before["proposals"][0];
    assert_eq!(
        (&proposal["description"], &proposal["state"]),
        (&"longer epochs".into(), &"active".into())
    );
    let id = proposal["id"].as_str().expect("a number").to_owned();
    let refused = on(host, &["chain", "govern", "vote", &id, "for"]).badly();
    assert!(refused.contains("has no votes to cast"), "{refused}");
    let own = host.address.to_string();
    on(host, &["chain", "govern", "delegate", &own]).well();
    assert_eq!(show()["votes"], "100");
    let dry: Value = on(host, &["chain", "govern", "vote", &id, "for", "--dry-run"]).json();
    assert_eq!(dry["dry_run"], true, "{dry}");
    assert_eq!(show()["proposals"][0]["for"], "0", "a dry run voted");
    on(host, &["chain", "govern", "vote", &id, "for"]).well();
    let after = show();
    let after = &after["proposals"][0];
    assert_eq!(
        (&after["for"], &after["voted"]),
        (&"100".into(), &true.into())
    );
    let twice = on(host, &["chain", "govern", "vote", &id, "against"]).badly();
    assert!(twice.contains("already voted"), "{twice}");
}
