//! A host's backup: taken while it runs, brought back elsewhere, served only after a claim. (That
//! a hub keeps two copies apart takes two minutes of claiming; host/daemon tests the judgement.)

use host_core::Amount;
use serde_json::Value;

use crate::stage::{Caller, Host, Shape, Town, block_on, holdfast, noise, shard_of};

#[test]
fn a_backup_brings_the_host_back_elsewhere_with_nothing_downloaded_again() {
    // Goal: another machine takes over with the same identity and nothing downloaded again.
    // Method: shards and a cheque, a backup over the running daemon, one more shard after it;
    // stop, restore beside the volume's file. With no hub to witness it the copy serves only on
    // the operator's word that every other one is gone.
    let shape = Shape {
        hosts: 1,
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start("copies", shape);
    let caller = Caller::with_vault(&town.network, "copies", Amount(1_000_000_000_000_000));
    let mut host = town.hosts.pop().expect("one host");
    let shards: Vec<Vec<u8>> = (0..3)
        .map(|index| noise(&format!("copies {index}"), 250_000))
        .collect();
    let mut due = Amount::ZERO;
    let mut store = |host: &Host, bytes: &[u8]| {
        let terms = caller.terms(host, shard_of(bytes), bytes.len() as u64);
        due = due
            .plus(terms.cost_of(1).expect("a small sum"))
            .expect("a small sum");
        let cheque = caller.cheque(host, due);
        block_on(async {
            let mut stored = caller.store(host, &terms, bytes).await.expect("stored");
            stored
                .pay(terms.start_epoch + 1, cheque)
                .await
                .expect("paid");
        });
    };
    store(&host, &shards[0]);
    store(&host, &shards[1]);
    let (dir, api) = (host.dir.to_string_lossy().into_owned(), host.ready().api);
    let listen = format!(r#""{}""#, api.expect("a local api"));
    holdfast(
        None,
        &["config", "--dir", &dir, "set", "api.listen", &listen],
    )
    .well();
    let out = town.dir.join("backup");
    let out_text = out.to_string_lossy();
    let kept: Value = holdfast(
        None,
        &["backup", "--dir", &dir, "--out", &out_text, "--json"],
    )
    .json();
    assert!(kept["size"].as_u64().is_some_and(|size| size > 0), "{kept}");
    store(&host, &shards[2]);
    let before = host.status();
    assert_eq!((before.shards, before.agreements), (3, 3));
    host.stop();
    let elsewhere = town.dir.join("elsewhere");
    let there = elsewhere.to_string_lossy();
    holdfast(
        None,
        &["restore", "--file", &out_text, "--dir", &there, "--json"],
    )
    .well();
    std::fs::copy(host.dir.join("volume-0"), elsewhere.join("volume-0")).expect("moved");
    town.hubs[0].child.kill();
    let mut copy = host.moved(&elsewhere);
    let said = copy.start_in_vain();
    assert!(said.contains("--claim"), "{said}");
    copy.launch_with(&["--claim"]);
    copy.serving();
    let after = copy.status();
    assert_eq!(
        (after.shards, after.agreements),
        (before.shards, before.agreements)
    );
    assert_eq!(
        (after.cheques, after.received),
        (before.cheques, before.received)
    );
    for bytes in &shards {
        assert_eq!(block_on(caller.fetch(&copy, bytes)), *bytes);
    }
}
