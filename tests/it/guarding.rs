//! The guard of the chain in a running host: what stopped new agreements before a restart stops them
//! after it, and the operator's word lets them go on.

use host_core::Amount;
use host_core::wire::RefusalCode;

use crate::stage::{Caller, Plan, Shape, Town, block_on, holdfast, noise, refusal, shard_of};

/// What a host keeps that expected another time to claim escrows than the contracts give.
const STOPPED: &str = r#"{
  "stopped": [{
    "what": "escrow.claim",
    "expected": "8",
    "found": "16",
    "since_block": 3
  }]
}"#;

#[test]
fn a_stop_lasts_over_a_restart_until_the_operator_acknowledges_it() {
    // Goal: nobody takes new agreements unknowingly under other rules. Method: leave what a guard
    // writes down in the data directory, start, offer an agreement, acknowledge, offer it again.
    let mut town = Town::start(
        "guarding",
        Shape {
            hubs: 1,
            ..Shape::default()
        },
    );
    town.add(&Plan::default());
    let host = &mut town.hosts[0];
    host.stop();
    std::fs::write(host.dir.join("chain-guard.json"), STOPPED).expect("written");
    host.start();

    let host = &town.hosts[0];
    let dir = host.dir.to_string_lossy().into_owned();
    let chain = |verb: &str| holdfast(None, &["chain", verb, "--dir", &dir]);
    let renter = Caller::with_vault(&town.network, "guarding", Amount(1_000_000_000_000_000_000));
    let shard = shard_of(&noise("guarding", 4096));
    let terms = renter.terms(host, shard, 4096);
    let refused = block_on(renter.open(host, &terms)).err();
    let code = refused.as_ref().and_then(refusal);
    assert_eq!(code, Some(RefusalCode::Quota), "{refused:?}");
    let told = chain("assumptions");
    assert!(
        !told.success,
        "a host that is stopped says so by its exit status"
    );
    assert!(
        told.out
            .contains("STOPS new agreements since block 3: escrow.claim"),
        "{}",
        told.out
    );
    assert!(told.out.contains("price_oracle.rate"), "{}", told.out);

    let taken = chain("acknowledge").well().out;
    assert!(taken.contains("escrow.claim is 16"), "{taken}");
    let opened = block_on(renter.open(host, &renter.terms(host, shard, 4096)));
    assert!(opened.is_ok(), "{:?}", opened.err());
    let audit = std::fs::read_to_string(host.dir.join("audit.jsonl")).expect("an audit log");
    assert!(audit.contains("/api/v1/chain/acknowledge"), "{audit}");
}
