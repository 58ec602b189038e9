//! Hosts whose chain does not answer, from the start or in the middle.

use std::time::Duration;

use host_core::wire::RefusalCode;
use host_core::{Address, Amount};
use host_transfer::Error;

use crate::stage::{Caller, Proxy, Shape, Town, block_on, ground, noise, shard_of, until};

#[test]
fn a_host_without_a_chain_serves_and_catches_up_when_it_answers() {
    // Goal: a dead chain at the start ends nothing. Method: the only endpoint is a cut wire; the
    // host serves, refuses new terms with the chain as its reason, and takes them once the wire
    // is mended.
    let mut wire = Proxy::cut_from_the_start();
    let shape = Shape {
        hosts: 1,
        endpoints: vec![wire.endpoint()],
        ..Shape::default()
    };
    let town = Town::start("no-chain-at-start", shape);
    let host = &town.hosts[0];
    assert_eq!(host.status().block, 0);
    let caller = Caller::with_vault(&town.network, "early bird", Amount::ZERO);
    let bytes = noise("early bird", 70_000);
    let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    let refused = block_on(caller.store(host, &terms, &bytes))
        .err()
        .expect("no epoch is known");
    assert!(
        matches!(refused, Error::Refused { refusal, .. } if refusal.code == RefusalCode::Chain)
    );
    wire.mend();
    let head = town.block();
    host.status_when("the host sees the chain", |status| status.block >= head);
    let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    let stored = block_on(caller.store(host, &terms, &bytes)).expect("stored");
    assert_eq!(stored.receipt.body.len, bytes.len() as u64);
    assert_eq!(host.status().shards, 1);
}

#[test]
fn a_chain_that_falls_silent_in_the_middle_costs_nothing_that_was_acknowledged() {
    // Goal: what was stored and promised before the silence is there during and after it. Method:
    // store and pay, cut the wire, ask for everything, kill and start the host inside the
    // silence, mend, cash.
    let mut wire = Proxy::whole();
    let shape = Shape {
        hosts: 1,
        endpoints: vec![wire.endpoint()],
        ..Shape::default()
    };
    let mut town = Town::start("chain-falls-silent", shape);
    let rich = Amount(1_000_000_000_000_000_000);
    let caller = Caller::with_vault(&town.network, "in the middle", rich);
    let bytes = noise("in the middle", 300_000);
    let shard = shard_of(&bytes);
    let terms = caller.terms(&town.hosts[0], shard, bytes.len() as u64);
    let due = terms.cost_of(1).expect("a small sum");
    let cheque = caller.cheque(&town.hosts[0], due);
    block_on(async {
        let mut stored = caller
            .store(&town.hosts[0], &terms, &bytes)
            .await
            .expect("stored");
        stored
            .pay(terms.start_epoch + 1, cheque)
            .await
            .expect("paid");
    });
    wire.cut();
    let read = |town: &Town| block_on(caller.fetch(&town.hosts[0], &bytes));
    assert_eq!(read(&town), bytes);
    let unknown = Address([3; 20]);
    let to = town.hosts[0].addr();
    let last = block_on(host_transfer::pay::last(&caller.net, &to, unknown));
    assert_eq!(last.expect("the host answers"), None);
    town.hosts[0].kill();
    town.hosts[0].start();
    assert_eq!(read(&town), bytes);
    let status = town.hosts[0].status();
    assert_eq!(
        (status.shards, status.agreements, status.received),
        (1, 1, due)
    );
    wire.mend();
    let host = &town.hosts[0];
    host.status_when("the host sees the chain", |status| status.block > 0);
    host.ask("cash").well();
    host.status_when("the cheque is cashed", |status| status.cashed == due);
    let balance = block_on(ground().chain().token_balance(host.address));
    assert_eq!(balance.expect("the chain answers"), due);
    until("the log tells of both", Duration::from_secs(10), || {
        let log = host.log();
        (log.contains("chain is silent") && log.contains("chain answers again")).then_some(())
    });
}
