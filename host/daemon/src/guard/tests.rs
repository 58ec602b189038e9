//! The guard without a chain: what stops, what lasts, what an acknowledgement takes.

use host_chain::{Expected, Fact, Queued, Readings};

use super::ChainGuard;

fn readings(facts: &[(&str, &str)]) -> Readings {
    let fact = |(key, value): &(&str, &str)| Fact {
        key: (*key).into(),
        value: (*value).into(),
    };
    Readings {
        facts: facts.iter().map(fact).collect(),
        queued: Vec::new(),
        block: 7,
    }
}

fn guard(dir: &std::path::Path, listed: &[(&str, &str)]) -> ChainGuard {
    let listed: Expected = listed
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
        .collect();
    ChainGuard::open(dir, listed).unwrap()
}

#[test]
fn a_listed_value_that_changes_stops_until_it_is_acknowledged_also_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let listed = [("airdrop.fees", "1 2")];
    let first = guard(dir.path(), &listed);
    assert!(first.look(&readings(&listed)).unwrap());
    let changed = readings(&[("airdrop.fees", "9 2")]);
    assert!(!first.look(&changed).unwrap());
    drop(first);

    let again = guard(dir.path(), &listed);
    let stopped = again.stopped();
    assert_eq!(stopped.len(), 1);
    let one = stopped.first().unwrap();
    assert_eq!(
        (one.what.as_str(), one.found.as_str()),
        ("airdrop.fees", "9 2")
    );
    assert_eq!(one.since_block, 7);
    // That the chain goes back is no acknowledgement.
    assert!(!again.look(&readings(&listed)).unwrap());
    assert_eq!(again.acknowledge("tests").unwrap(), stopped);
    assert!(again.look(&changed).unwrap());
    drop(again);
    assert!(guard(dir.path(), &listed).look(&changed).unwrap());
}

#[test]
fn a_value_nobody_listed_counts_as_it_was_first_seen() {
    let dir = tempfile::tempdir().unwrap();
    let first = guard(dir.path(), &[]);
    assert!(first.look(&readings(&[("staking.owner", "0x1")])).unwrap());
    drop(first);
    let again = guard(dir.path(), &[]);
    assert!(!again.look(&readings(&[("staking.owner", "0x2")])).unwrap());
}

#[test]
fn an_acknowledgement_takes_what_was_seen_and_nothing_that_comes_after() {
    let dir = tempfile::tempdir().unwrap();
    let guard = guard(dir.path(), &[("proofs.params", "1")]);
    assert!(!guard.look(&readings(&[("proofs.params", "2")])).unwrap());
    guard.acknowledge("tests").unwrap();
    assert!(!guard.look(&readings(&[("proofs.params", "3")])).unwrap());
    assert_eq!(guard.acknowledge("tests").unwrap().len(), 1);
    assert!(guard.acknowledge("tests").unwrap().is_empty());
}

#[test]
fn a_queued_change_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let guard = guard(dir.path(), &[("staking.params", "1")]);
    let mut now = readings(&[("staking.params", "1")]);
    now.queued.push(Queued {
        key: "staking.params".into(),
        next: "2".into(),
        ready_block: 100,
    });
    assert!(guard.look(&now).unwrap());
    assert!(guard.stopped().is_empty());
}
