//! Goal: a report that does not hold is found, whichever number lies. Method: one good report, and
//! one wrong value at a time.

use super::{NAMES, faults};
use crate::json::Flat;

fn good() -> Flat {
    let value = |name: &str| match name {
        "hosts.started" => "30",
        "hosts.killed" | "geometry.parity" => "20",
        "geometry.data" => "10",
        "leftover_processes" => "0",
        "settlement.cashed" => "340282366920938463463374607431768211456000",
        name if name.ends_with("sha256") => "ab",
        _ => "7",
    };
    NAMES
        .iter()
        .map(|name| ((*name).to_owned(), value(name).to_owned()))
        .collect()
}

#[test]
fn a_report_that_holds_has_no_faults() {
    assert!(faults(&good()).is_empty());
}

#[test]
fn every_missing_name_is_named() {
    for name in NAMES {
        let mut report = good();
        report.remove(name);
        assert_eq!(faults(&report), [format!("{name} is missing")]);
    }
}

#[test]
fn every_number_that_lies_is_found() {
    let lies = [
        ("get.sha256", "cd"),
        ("get_after_kill.sha256", "cd"),
        ("repair.get.sha256", "cd"),
        ("repair.repaired", "0"),
        ("repair.audits_checked", "0"),
        ("restart.shards_found", "6"),
        ("restart.cheques_found", "6"),
        ("hosts.started", "29"),
        ("hosts.killed", "3"),
        ("leftover_processes", "1"),
        ("settlement.cashed", "0"),
        ("settlement.issued", "-5"),
        ("settlement.host_balance_delta", "0.0"),
    ];
    for (name, lie) in lies {
        let mut report = good();
        report.insert(name.to_owned(), lie.to_owned());
        assert!(!faults(&report).is_empty(), "{name} = {lie} was taken");
    }
}
